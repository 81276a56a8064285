"""Who deploys a model's versions into a serving account, and what CloudFormation may make for it.

The deploy pipeline does not go through CDK's bootstrap roles, whose execution role is an administrator: one
model's pipeline reaches that model's endpoint stack and nothing else of the account.
"""

from __future__ import annotations

from aws_cdk import Stack, aws_iam, aws_kms
from constructs import Construct

from cdk.parts.federation import Federation
from cdk.parts.grants import allow, make_role, pass_role, sagemaker
from cdk.parts.hosting import read_artifacts
from cdk.parts.registry import READ_GROUP, READ_PACKAGES, registry_arns
from isthmus import names
from isthmus.config import Platform, Stage

Statements = list[aws_iam.PolicyStatement]


class Deployment(Construct):
    """The deploy role of one model at one stage, and the role that it hands to CloudFormation."""

    def __init__(
        self,
        scope: Construct,
        platform: Platform,
        model: str,
        stage: Stage,
        *,
        key: aws_kms.IKey,
        federation: Federation,
    ) -> None:
        super().__init__(scope, f"Deployment-{model}")
        self._platform, self._model, self._stack = platform, model, Stack.of(self)
        make_role(
            self,
            "CloudFormation",
            names.cloudformation_role(platform, model),
            trust=aws_iam.ServicePrincipal("cloudformation.amazonaws.com"),
            description=f"CloudFormation, for the endpoint stack of {model}",
            statements=self._serve() + self._watch() + _use_key(key) + read_artifacts(platform, model),
        )
        make_role(
            self,
            "Deploy",
            names.deploy_role(platform, model),
            trust=federation.connection(names.deploy_connection(platform, model, stage)),
            description=f"The model-deploy pipeline of {model}, stage {stage}",
            statements=self._deploy(names.endpoint_stack(platform, model, stage))
            + self._test()
            + read_artifacts(platform, model),
        )

    def _deploy(self, stack_name: str) -> Statements:
        """Change the one stack, and record in the registry that a version runs here."""
        stack = self._stack
        _, versions = registry_arns(stack, self._platform, self._model)
        return [
            allow(
                [
                    "cloudformation:CreateChangeSet",
                    "cloudformation:DeleteChangeSet",
                    "cloudformation:DeleteStack",
                    "cloudformation:DescribeChangeSet",
                    "cloudformation:DescribeStackEvents",
                    "cloudformation:DescribeStackResources",
                    "cloudformation:DescribeStacks",
                    "cloudformation:ExecuteChangeSet",
                    "cloudformation:GetTemplate",
                    "cloudformation:UpdateTerminationProtection",
                ],
                f"arn:aws:cloudformation:{stack.region}:{stack.account}:stack/{stack_name}/*",
            ),
            pass_role(
                names.role_arn(stack.account, names.cloudformation_role(self._platform, self._model)),
                "cloudformation.amazonaws.com",
            ),
            *self._read_registry(),
            allow("sagemaker:UpdateModelPackage", versions),
        ]

    def _test(self) -> Statements:
        """What the gates ask of the live endpoint."""
        endpoint = f"endpoint/{names.endpoint(self._model)}"
        return [
            allow(
                ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"], sagemaker(self._stack, endpoint)
            ),
            allow(
                ["sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"],
                sagemaker(self._stack, f"endpoint-config/{self._model}-*", f"model/{self._model}-*"),
            ),
        ]

    def _serve(self) -> Statements:
        """Model, endpoint configuration and endpoint: with their own names, and only these."""
        stack, platform = self._stack, self._platform
        _, versions = registry_arns(stack, platform, self._model)
        tags = ["sagemaker:AddTags", "sagemaker:DeleteTags", "sagemaker:ListTags"]
        nouns = {
            "Model": f"model/{self._model}-*",
            "EndpointConfig": f"endpoint-config/{self._model}-*",
            "Endpoint": f"endpoint/{names.endpoint(self._model)}",
            "Pipeline": f"pipeline/{names.monitor_pipeline(self._model)}",
        }
        changes = [
            allow(
                [f"sagemaker:{verb}{noun}" for verb in _verbs(noun)] + tags,
                sagemaker(stack, arn),
            )
            for noun, arn in nouns.items()
        ]
        return [
            *changes,
            # CreateEndpoint and UpdateEndpoint are asked of the configuration as well.
            allow(
                ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"],
                sagemaker(stack, nouns["EndpointConfig"]),
            ),
            allow("sagemaker:CreateModel", versions),
            *self._read_registry(),
            pass_role(names.role_arn(stack.account, names.model_role(platform)), "sagemaker.amazonaws.com"),
            *(
                pass_role(names.role_arn(stack.account, names.monitor_role(platform)), f"{who}.amazonaws.com")
                for who in ("sagemaker", "scheduler")
            ),
        ]

    def _watch(self) -> Statements:
        """The model's alarms, and the schedule of its monitor."""
        stack = self._stack
        mine = f"{self._platform.name}-{self._model}-*"
        return [
            allow(
                [
                    "cloudwatch:DeleteAlarms",
                    "cloudwatch:DescribeAlarms",
                    "cloudwatch:ListTagsForResource",
                    "cloudwatch:PutMetricAlarm",
                    "cloudwatch:TagResource",
                    "cloudwatch:UntagResource",
                ],
                f"arn:aws:cloudwatch:{stack.region}:{stack.account}:alarm:{mine}",
            ),
            allow(
                [
                    "scheduler:CreateSchedule",
                    "scheduler:DeleteSchedule",
                    "scheduler:GetSchedule",
                    "scheduler:UpdateSchedule",
                ],
                f"arn:aws:scheduler:{stack.region}:{stack.account}:schedule/default"
                f"/{names.monitor_pipeline(self._model)}",
            ),
        ]

    def _read_registry(self) -> Statements:
        group, versions = registry_arns(self._stack, self._platform, self._model)
        return [allow(READ_GROUP, group), allow(READ_PACKAGES, versions)]


def _use_key(key: aws_kms.IKey) -> Statements:
    """Let SageMaker encrypt endpoints' storage and captures with the account's key, and let nobody else."""
    return [
        allow("kms:DescribeKey", key.key_arn),
        allow("kms:CreateGrant", key.key_arn, {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
    ]


def _verbs(noun: str) -> list[str]:
    return ["Create", "Delete", "Describe"] + ["Update"] * (noun in ("Endpoint", "Pipeline"))
