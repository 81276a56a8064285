"""Who trains: the roles of a model's build pipeline, its SageMaker pipeline, and its version reader."""

from __future__ import annotations

from aws_cdk import Stack, aws_iam, aws_kms
from constructs import Construct

from cdk.parts.federation import Federation
from cdk.parts.grants import allow, make_role, pass_role, sagemaker, service
from cdk.parts.images import pull
from cdk.parts.registry import READ_GROUP, READ_PACKAGES, registry_arns
from cdk.parts.storage import bucket_arn, objects, under
from isthmus import names
from isthmus.config import Platform

Statements = list[aws_iam.PolicyStatement]


class Training(Construct):
    """The roles of one model in the automation account."""

    def __init__(
        self, scope: Construct, platform: Platform, model: str, *, key: aws_kms.IKey, federation: Federation
    ) -> None:
        super().__init__(scope, f"Training-{model}")
        self._platform, self._model, self._key, self._stack = platform, model, key, Stack.of(self)
        pipeline = names.pipeline_role(platform, model)
        make_role(
            self,
            "Pipeline",
            pipeline,
            trust=service("sagemaker.amazonaws.com", platform.accounts.automation),
            description=f"The SageMaker pipeline of {model} and its jobs",
            statements=self._run_jobs() + self._files(write_data=False) + pull(platform),
        )
        make_role(
            self,
            "Build",
            names.build_role(platform, model),
            trust=federation.connection(names.build_connection(platform, model)),
            description=f"The model-build pipeline of {model} in Azure DevOps",
            statements=self._run_pipeline() + self._files(write_data=True) + self._read_image(),
        )
        make_role(
            self,
            "Synth",
            names.synth_role(platform, model),
            trust=federation.connection(names.synth_connection(platform, model)),
            description=f"The build stage of the model-deploy pipeline of {model}: reads one version",
            statements=self._read_registry() + self._read_artifacts() + self._read_image(),
        )

    def _run_pipeline(self) -> Statements:
        """Define, start and follow the model's own pipeline."""
        role = names.role_arn(
            self._platform.accounts.automation, names.pipeline_role(self._platform, self._model)
        )
        pipeline = f"pipeline/{names.registry_group(self._model)}"
        return [
            allow(
                [
                    "sagemaker:AddTags",
                    "sagemaker:CreatePipeline",
                    "sagemaker:DescribePipeline",
                    "sagemaker:ListPipelineExecutions",
                    "sagemaker:StartPipelineExecution",
                    "sagemaker:UpdatePipeline",
                ],
                sagemaker(self._stack, pipeline),
            ),
            allow(
                [
                    "sagemaker:DescribePipelineDefinitionForExecution",
                    "sagemaker:DescribePipelineExecution",
                    "sagemaker:ListPipelineExecutionSteps",
                    "sagemaker:ListPipelineParametersForExecution",
                    "sagemaker:StopPipelineExecution",
                ],
                sagemaker(self._stack, f"{pipeline}/execution/*"),
            ),
            allow(
                ["sagemaker:DescribeProcessingJob", "sagemaker:DescribeTrainingJob"],
                sagemaker(self._stack, "processing-job/pipelines-*", "training-job/pipelines-*"),
            ),
            allow(
                ["logs:DescribeLogStreams", "logs:GetLogEvents"],
                [arn for group in _job_logs(self._stack) for arn in (group, f"{group}:*")],
            ),
            pass_role(role, "sagemaker.amazonaws.com"),
            *self._read_registry(),
        ]

    def _run_jobs(self) -> Statements:
        """What SageMaker does for each step, and what a job does for itself."""
        role = names.role_arn(
            self._platform.accounts.automation, names.pipeline_role(self._platform, self._model)
        )
        group, versions = registry_arns(self._stack, self._platform, self._model)
        jobs = sagemaker(self._stack, "processing-job/pipelines-*", "training-job/pipelines-*")
        return [
            allow(
                [
                    "sagemaker:AddTags",
                    "sagemaker:CreateProcessingJob",
                    "sagemaker:CreateTrainingJob",
                    "sagemaker:DescribeProcessingJob",
                    "sagemaker:DescribeTrainingJob",
                    "sagemaker:StopProcessingJob",
                    "sagemaker:StopTrainingJob",
                ],
                jobs,
            ),
            allow(["sagemaker:AddTags", "sagemaker:CreateModelPackage"], [group, versions]),
            *self._read_registry(),
            allow(
                [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                [arn for group in _job_logs(self._stack) for arn in (group, f"{group}:*")],
            ),
            pass_role(role, "sagemaker.amazonaws.com"),
        ]

    def _files(self, *, write_data: bool) -> Statements:
        artifacts, data = names.artifact_bucket(self._platform), names.data_bucket(self._platform)
        mine = f"{self._model}/"
        return [
            allow(["s3:GetObject", "s3:PutObject"], objects(artifacts, mine)),
            allow(["s3:GetObject"] + ["s3:PutObject"] * write_data, objects(data, mine)),
            *_list(artifacts, mine),
            *_list(data, mine),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], self._key.key_arn),
        ]

    def _read_artifacts(self) -> Statements:
        artifacts = names.artifact_bucket(self._platform)
        mine = f"{self._model}/"
        return [
            allow("s3:GetObject", objects(artifacts, mine)),
            *_list(artifacts, mine),
            allow("kms:Decrypt", self._key.key_arn),
        ]

    def _read_registry(self) -> Statements:
        group, versions = registry_arns(self._stack, self._platform, self._model)
        return [allow(READ_GROUP, group), allow(READ_PACKAGES, [group, versions])]

    def _read_image(self) -> Statements:
        arn = f"arn:aws:ecr:{self._stack.region}:{self._stack.account}:repository/{names.IMAGE_REPOSITORY}"
        return [allow(["ecr:BatchGetImage", "ecr:DescribeImages"], arn)]


def _list(bucket: str, *prefixes: str) -> Statements:
    arn = bucket_arn(bucket)
    return [allow("s3:ListBucket", arn, under(*prefixes)), allow("s3:GetBucketLocation", arn)]


def _job_logs(stack: Stack) -> list[str]:
    return [
        f"arn:aws:logs:{stack.region}:{stack.account}:log-group:/aws/sagemaker/{kind}"
        for kind in ("ProcessingJobs", "TrainingJobs")
    ]
