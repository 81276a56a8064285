"""Who deploys a model's versions into a serving account, and what CloudFormation may make for it.

The deploy pipeline does not go through CDK's bootstrap roles, whose execution role is an administrator: one
model's pipeline reaches that model's endpoint stack and nothing else of the account.
"""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.attachment import only_there, read_network
from cdk.parts.federation import connection
from cdk.parts.grants import (
    MODEL,
    Conditions,
    Statement,
    allow,
    make_policy,
    model_role,
    pass_role,
    sagemaker,
    tagged_role,
)
from cdk.parts.hosting import read_artifacts
from cdk.parts.keys import encrypt_disks, read_data_key
from cdk.parts.kinds import KINDS, ask_component, ask_other_kinds, keep_component, other_kinds
from cdk.parts.model_monitor import make_schedules
from cdk.parts.registry import READ_GROUP, READ_PACKAGES, registry_arns
from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.network import Attachment

CLOUDFORMATION, DEPLOY, WATCHING = "cloudformation", "deploy", "watching"


def deployment_policies(
    scope: Construct,
    platform: Platform,
    stage: Stage,
    *,
    data_key: str,
    capture: str,
    network: Attachment | None,
) -> None:
    """What deploy roles may do, each for its own model, and the roles that they hand to CloudFormation.

    A model is made in the account's network, where there is one.
    """
    who = _Deployment(Stack.of(scope), platform)
    make_policy(
        scope,
        "CloudFormationPolicy",
        names.policy(platform, CLOUDFORMATION),
        "For each model's own things: CloudFormation, for endpoint stacks",
        [
            *who.serve(only_there(network)),
            *encrypt_disks(data_key),
            read_data_key(Stack.of(scope), platform),
            *read_artifacts(platform),
            *read_network(Stack.of(scope), platform, stage),
        ],
    )
    make_policy(
        scope,
        "KindsPolicy",
        names.policy(platform, KINDS),
        "For each model's own things: CloudFormation, for what only some kinds of endpoints have",
        other_kinds(Stack.of(scope), platform),
    )
    make_policy(
        scope,
        "WatchingPolicy",
        names.policy(platform, WATCHING),
        "For each model's own things: CloudFormation, for alarms and schedules",
        [*who.watch(), *make_schedules(Stack.of(scope), only_there(network))],
    )
    make_policy(
        scope,
        "DeployPolicy",
        names.policy(platform, DEPLOY),
        f"For each model's own things: model-deploy pipelines, stage {stage}",
        [
            *who.deploy(names.endpoint_stack(platform, MODEL, stage)),
            *who.test(),
            *ask_other_kinds(Stack.of(scope), MODEL, capture=capture, data_key=data_key),
            *ask_component(Stack.of(scope), platform, MODEL),
            *keep_component(Stack.of(scope)),
            *read_artifacts(platform),
            read_data_key(Stack.of(scope), platform),
        ],
    )


def deployment_roles(scope: Construct, platform: Platform, stage: Stage, model: str) -> None:
    """The deploy role of a model at a stage, and the role that it hands to CloudFormation."""
    tagged_role(
        scope,
        "CloudFormation",
        names.cloudformation_role(platform, model),
        trust=({"Service": "cloudformation.amazonaws.com"}, {}),
        description=f"CloudFormation, for the endpoint stack of {model}",
        policies=[names.policy(platform, kind) for kind in (CLOUDFORMATION, KINDS, WATCHING)],
    )
    account = getattr(platform.accounts, stage)
    model_role(
        scope,
        "Deploy",
        names.deploy_role(platform, model),
        trust=connection(platform, account, names.deploy_connection(platform, model, stage)),
        description=f"The model-deploy pipeline of {model}, stage {stage}",
        policy=names.policy(platform, DEPLOY),
    )


class _Deployment:
    """The statements of both kinds, about whichever model the role is tagged with."""

    def __init__(self, stack: Stack, platform: Platform) -> None:
        self._stack, self._platform = stack, platform
        self._group, self._versions = registry_arns(platform, MODEL)

    def deploy(self, stack_name: str) -> list[Statement]:
        """Change the one stack, and record in the registry that a version runs here."""
        stack = self._stack
        return [
            allow(
                [
                    "cloudformation:ContinueUpdateRollback",
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
                names.role_arn(stack.account, names.cloudformation_role(self._platform, MODEL)),
                "cloudformation.amazonaws.com",
            ),
            *self._read_registry(),
            allow("sagemaker:UpdateModelPackage", self._versions),
            # Why a rollout was turned back.
            allow(
                ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"],
                f"arn:aws:cloudwatch:{stack.region}:{stack.account}:alarm:{_rollback_alarms(self._platform)}",
            ),
            # To bring it to what its stack says where SageMaker went back in silence, and to clear up.
            allow(
                "sagemaker:UpdateEndpoint",
                sagemaker(
                    stack,
                    *_ENDPOINTS,
                    f"endpoint-config/{names.by_content(MODEL)}",
                ),
            ),
            # In one statement, for a policy may not be longer: each is asked of one of these alone.
            allow(
                [
                    "sagemaker:DeleteEndpointConfig",
                    "sagemaker:DeleteModel",
                    "sagemaker:DeletePipeline",
                    "sagemaker:ListPipelineExecutions",
                ],
                sagemaker(
                    stack,
                    *(f"{kind}/{names.by_content(MODEL)}" for kind in _HASHED),
                    f"pipeline/{names.batch_pipeline(MODEL)}",
                ),
            ),
            # Which version the stage serves, for its dashboards.
            allow(
                "cloudwatch:PutMetricData",
                "*",
                {"StringEquals": {"cloudwatch:namespace": names.METRIC_NAMESPACE}},
            ),
        ]

    def test(self) -> list[Statement]:
        """What the gates ask of the live endpoint."""
        return [
            allow(
                ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"],
                sagemaker(self._stack, *_ENDPOINTS),
            ),
            allow(
                ["sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"],
                sagemaker(self._stack, *(f"{kind}/{names.by_content(MODEL)}" for kind in _HASHED)),
            ),
        ]

    def serve(self, there: Conditions | None) -> list[Statement]:
        """Model, endpoint configuration and endpoint: with their own names, and only these."""
        stack, platform = self._stack, self._platform
        nouns = {
            "Model": [f"model/{names.by_content(MODEL)}"],
            "EndpointConfig": [f"endpoint-config/{names.by_content(MODEL)}"],
            "Endpoint": _ENDPOINTS,
            "Pipeline": [
                f"pipeline/{one}" for one in (names.monitor_pipeline(MODEL), names.batch_pipeline(MODEL))
            ],
        }
        return [
            *(
                allow([f"sagemaker:{verb}{noun}" for verb in _VERBS[noun]], sagemaker(stack, *arns))
                for noun, arns in nouns.items()
            ),
            allow(
                ["sagemaker:AddTags", "sagemaker:DeleteTags", "sagemaker:ListTags"],
                sagemaker(stack, *(arn for arns in nouns.values() for arn in arns)),
            ),
            allow("sagemaker:CreateModel", sagemaker(stack, *nouns["Model"]), there),
            # CreateEndpoint and UpdateEndpoint are asked of the configuration as well.
            allow(
                ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"],
                sagemaker(stack, *nouns["EndpointConfig"]),
            ),
            allow("sagemaker:CreateModel", self._versions),
            *self._read_registry(),
            pass_role(
                names.role_arn(stack.account, names.model_role(platform, MODEL)), "sagemaker.amazonaws.com"
            ),
            *(
                pass_role(
                    names.role_arn(stack.account, names.monitor_role(platform, MODEL)), f"{who}.amazonaws.com"
                )
                for who in ("sagemaker", "scheduler")
            ),
        ]

    def watch(self) -> list[Statement]:
        """The model's alarms, and the schedule of its monitor."""
        stack, platform = self._stack, self._platform
        alarms = [
            *(alarm(platform, MODEL) for alarm in names.ALARMS),
            names.further_drift_alarm(platform, MODEL, "*"),
            _rollback_alarms(platform),
        ]
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
                [f"arn:aws:cloudwatch:{stack.region}:{stack.account}:alarm:{alarm}" for alarm in alarms],
            ),
            allow(
                [
                    "scheduler:CreateSchedule",
                    "scheduler:DeleteSchedule",
                    "scheduler:GetSchedule",
                    "scheduler:UpdateSchedule",
                ],
                [
                    f"arn:aws:scheduler:{stack.region}:{stack.account}:schedule/default/{one}"
                    for one in (names.monitor_pipeline(MODEL), names.batch_pipeline(MODEL))
                ],
            ),
        ]

    def _read_registry(self) -> list[Statement]:
        return [allow(READ_GROUP, self._group), allow(READ_PACKAGES, self._versions)]


def _rollback_alarms(platform: Platform) -> str:
    """The names of the alarms on any fleet of the model."""
    return names.rollback_alarm(platform, names.by_content(MODEL), "*")


_ENDPOINTS = [f"endpoint/{name}" for name in names.endpoints(MODEL)]
_HASHED = ("endpoint-config", "model")
# A model is created under a condition of its own.
_VERBS = {
    "Model": ("Delete", "Describe"),
    "EndpointConfig": ("Create", "Delete", "Describe"),
    "Endpoint": ("Create", "Delete", "Describe", "Update"),
    "Pipeline": ("Create", "Delete", "Describe", "Update"),
}
