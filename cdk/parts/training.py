"""Who trains: the roles of a model's build pipeline, its SageMaker pipeline, and its version reader.

The account's stack holds the policy of each kind of role, a model's stack its three roles.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.attachment import attach, only_there, read_network
from cdk.parts.federation import connection
from cdk.parts.grants import (
    MODEL,
    Statement,
    allow,
    log_arns,
    make_policy,
    model_role,
    pass_role,
    sagemaker,
    service,
)
from cdk.parts.images import pull
from cdk.parts.keys import READ, USE, encrypt_disks, read_data_key
from cdk.parts.logs import JOB_KINDS
from cdk.parts.model_tag import NEW, NOT_ANOTHERS, OWN
from cdk.parts.registry import READ_GROUP, READ_PACKAGES, registry_arns
from cdk.parts.storage import bucket_arn, objects, under
from isthmus import names
from isthmus.config import Platform
from isthmus.network import Attachment

PIPELINE, BUILD, SYNTH = "pipeline", "build", "synth"


def training_policies(
    scope: Construct, platform: Platform, *, data_key: str, network: Attachment | None
) -> None:
    """What the pipeline, build and synth roles of every model may do, each for its own model."""
    who = _Training(Stack.of(scope), platform, data_key, network)
    for kind, what, statements in (
        (PIPELINE, "SageMaker pipelines and their jobs", who.run_jobs()),
        (BUILD, "model-build pipelines in Azure DevOps", who.run_pipeline()),
        (SYNTH, "the build stage of model-deploy pipelines: reads one version", who.read_version()),
    ):
        make_policy(
            scope,
            f"{kind.capitalize()}Policy",
            names.policy(platform, kind),
            f"For each model's own things: {what}",
            statements,
        )


def training_roles(scope: Construct, platform: Platform, model: str) -> None:
    """A model's three roles in the automation account."""
    account = platform.accounts.automation
    model_role(
        scope,
        "Pipeline",
        names.pipeline_role(platform, model),
        trust=service("sagemaker.amazonaws.com", account),
        description=f"The SageMaker pipeline of {model} and its jobs",
        policy=names.policy(platform, PIPELINE),
    )
    model_role(
        scope,
        "Build",
        names.build_role(platform, model),
        trust=connection(platform, account, names.build_connection(platform, model)),
        description=f"The model-build pipeline of {model} in Azure DevOps",
        policy=names.policy(platform, BUILD),
    )
    model_role(
        scope,
        "Synth",
        names.synth_role(platform, model),
        trust=connection(platform, account, names.synth_connection(platform, model)),
        description=f"The build stage of the model-deploy pipeline of {model}: reads one version",
        policy=names.policy(platform, SYNTH),
    )


class _Training:
    """The statements of the three kinds, about whichever model the role is tagged with."""

    def __init__(self, stack: Stack, platform: Platform, data_key: str, network: Attachment | None) -> None:
        self._stack, self._platform, self._key, self._network = stack, platform, data_key, network
        self._group, self._versions = registry_arns(platform, MODEL)
        self._pipeline_role = names.role_arn(
            platform.accounts.automation, names.pipeline_role(platform, MODEL)
        )

    def run_pipeline(self) -> list[Statement]:
        """Define, start and follow the model's own pipeline."""
        pipeline = f"pipeline/{names.registry_group(MODEL)}"
        return [
            allow(
                "sagemaker:AddTags",
                sagemaker(self._stack, pipeline),
                {"StringEquals": {"aws:RequestTag/platform": self._platform.name}},
            ),
            allow(
                [
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
                OWN,
            ),
            allow(["logs:DescribeLogStreams", "logs:GetLogEvents"], self._job_logs()),
            pass_role(self._pipeline_role, "sagemaker.amazonaws.com"),
            *self._read_registry(),
            *self._files(names.STARTED_FROM),
            allow("s3:PutObject", objects(names.data_bucket(self._platform), f"{MODEL}/")),
            *self._read_image(),
            *read_network(self._stack, self._platform, "automation"),
            read_data_key(self._stack, self._platform),
        ]

    def run_jobs(self) -> list[Statement]:
        """What SageMaker does for each step, and what a job does for itself."""
        jobs = sagemaker(self._stack, "processing-job/pipelines-*", "training-job/pipelines-*")
        return [
            allow(
                ["sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob"],
                jobs,
                {**NEW, **(only_there(self._network) or {})},
            ),
            allow("sagemaker:AddTags", jobs, NOT_ANOTHERS),
            allow(
                [
                    "sagemaker:DescribeProcessingJob",
                    "sagemaker:DescribeTrainingJob",
                    "sagemaker:StopProcessingJob",
                    "sagemaker:StopTrainingJob",
                ],
                jobs,
                OWN,
            ),
            self._register(),
            *self._read_registry(),
            allow(
                [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                self._job_logs(),
            ),
            pass_role(self._pipeline_role, "sagemaker.amazonaws.com"),
            *self._files((names.RUNS,)),
            *encrypt_disks(self._key),
            *pull(self._platform),
            *(attach(self._stack, self._network) if self._network else []),
            *(self._share_features() if self._platform.feature_groups else []),
        ]

    def _register(self) -> Statement:
        """A job may register a version that waits for a person: neither approve it, nor say that it serves.

        A request that names no status is refused as well: what is not in the request equals nothing.
        """
        return allow(
            "sagemaker:CreateModelPackage",
            [self._group, self._versions],
            {
                "StringEquals": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"},
                "Null": {"sagemaker:ModelLifeCycle:stage": "true"},
            },
        )

    def _share_features(self) -> list[Statement]:
        """Features are there to be shared: every model's jobs read and write the platform's groups."""
        bucket = names.feature_bucket(self._platform)
        return [
            allow(
                [
                    "sagemaker:BatchGetRecord",
                    "sagemaker:DescribeFeatureGroup",
                    "sagemaker:GetRecord",
                    "sagemaker:PutRecord",
                ],
                sagemaker(self._stack, f"feature-group/{names.feature_group(self._platform, '*')}"),
            ),
            allow("s3:GetObject", objects(bucket)),
            allow("s3:ListBucket", bucket_arn(bucket)),
        ]

    def read_version(self) -> list[Statement]:
        """The version that is to be deployed, and its files."""
        artifacts, mine = names.artifact_bucket(self._platform), f"{MODEL}/"
        return [
            *self._read_registry(),
            allow("s3:GetObject", objects(artifacts, mine)),
            *_list(artifacts, mine),
            allow(READ, self._key),
            *self._read_image(),
        ]

    def _files(self, written: Sequence[str]) -> list[Statement]:
        """A build writes what a run starts from, and a run's jobs what comes of it, which is registered."""
        artifacts, data = names.artifact_bucket(self._platform), names.data_bucket(self._platform)
        mine = f"{MODEL}/"
        return [
            allow("s3:PutObject", objects(artifacts, *(f"{mine}{one}/" for one in written))),
            allow("s3:GetObject", [*objects(artifacts, mine), *objects(data, mine)]),
            *_list(artifacts, mine),
            *_list(data, mine),
            allow(USE, self._key),
        ]

    def _read_registry(self) -> list[Statement]:
        return [allow(READ_GROUP, self._group), allow(READ_PACKAGES, [self._group, self._versions])]

    def _read_image(self) -> list[Statement]:
        arn = f"arn:aws:ecr:{self._stack.region}:{self._stack.account}:repository/{names.IMAGE_REPOSITORY}"
        return [allow(["ecr:BatchGetImage", "ecr:DescribeImages"], arn)]

    def _job_logs(self) -> list[str]:
        return log_arns(self._stack, *map(names.job_log, JOB_KINDS["automation"]))


def _list(bucket: str, *prefixes: str) -> list[Statement]:
    arn = bucket_arn(bucket)
    return [allow("s3:ListBucket", arn, under(*prefixes)), allow("s3:GetBucketLocation", arn)]
