"""What the ways to serve need beyond a realtime endpoint: queues, files, transforms, shared ones and scaling.

Each is about the model that the calling role is tagged with; `hosting` and `deployment` have the rest.
"""

from __future__ import annotations

from aws_cdk import Stack

from cdk.parts.grants import MODEL, Conditions, Statement, allow, pass_role, sagemaker
from cdk.parts.keys import USE, encrypt_disks
from cdk.parts.model_tag import NEW, NOT_ANOTHERS, OWN
from cdk.parts.platform_tag import of_platform
from cdk.parts.storage import bucket_arn, objects, under
from isthmus import names
from isthmus.config import Platform

KINDS, BATCH = "kinds", "batch"
_SCALING = "sagemaker.application-autoscaling.amazonaws.com"
_SCALING_ROLE = f"aws-service-role/{_SCALING}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_OF_SAGEMAKER: Conditions = {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}


def other_kinds(stack: Stack, platform: Platform) -> list[Statement]:
    """CloudFormation's: a model's topics, batch pipeline's rule, inference component, and how it scales."""
    each = (_topics, _batch, _scale)
    return [*(one for part in each for one in part(stack, platform)), *_component(stack)]


def _component(stack: Stack) -> list[Statement]:
    """The model's, on whichever endpoint it shares."""
    component = _component_arn(stack, MODEL)
    verbs = ("Create", "Delete", "Describe", "Update")
    return [
        allow([f"sagemaker:{verb}InferenceComponent" for verb in verbs], component),
        allow(["sagemaker:AddTags", "sagemaker:DeleteTags", "sagemaker:ListTags"], component),
    ]


def _component_arn(stack: Stack, model: str) -> list[str]:
    return sagemaker(stack, f"inference-component/{names.component(model)}")


def keep_component(stack: Stack) -> list[Statement]:
    """A deployment's: look at the endpoint that is shared, and bring the component to what it is to be."""
    shared = sagemaker(stack, f"endpoint/{names.shared_endpoint('*')}")
    return [
        allow("sagemaker:DescribeEndpoint", shared),
        allow("sagemaker:UpdateInferenceComponent", _component_arn(stack, MODEL)),
    ]


def ask_component(
    stack: Stack, platform: Platform, model: str, conditions: Conditions | None = None
) -> list[Statement]:
    """A caller's: ask a model on an endpoint that it shares, of which AWS wants both allowed."""
    shared = sagemaker(stack, f"endpoint/{names.shared_endpoint('*')}")
    return [
        # Whether one is there is asked before it has tags.
        allow("sagemaker:DescribeInferenceComponent", _component_arn(stack, model)),
        allow("sagemaker:InvokeEndpoint", shared, of_platform(platform)),
        allow("sagemaker:InvokeEndpoint", _component_arn(stack, model), conditions),
    ]


def _topics(stack: Stack, platform: Platform) -> list[Statement]:
    topics = _topic_arns(stack, platform)
    actions = ("CreateTopic", "DeleteTopic", "GetTopicAttributes", "SetTopicAttributes", "TagResource")
    listing = ("ListSubscriptionsByTopic", "ListTagsForResource", "UntagResource")
    return [allow([f"sns:{action}" for action in (*actions, *listing)], topics)]


def _topic_arns(stack: Stack, platform: Platform) -> list[str]:
    topics = (names.success_topic, names.failure_topic)
    return [f"arn:aws:sns:{stack.region}:{stack.account}:{topic(platform, MODEL)}" for topic in topics]


def _batch(stack: Stack, platform: Platform) -> list[Statement]:
    rule = f"arn:aws:events:{stack.region}:{stack.account}:rule/{names.arrival_rule(platform, MODEL)}"
    actions = ("DeleteRule", "DescribeRule", "PutRule", "PutTargets", "RemoveTargets", "TagResource")
    role = names.role_arn(stack.account, names.batch_role(platform, MODEL))
    return [
        allow([f"events:{action}" for action in (*actions, "ListTagsForResource", "UntagResource")], rule),
        *(pass_role(role, f"{who}.amazonaws.com") for who in ("sagemaker", "scheduler", "events")),
    ]


def _scale(stack: Stack, platform: Platform) -> list[Statement]:
    """Application Auto Scaling asks its caller for what its own role does, and makes that role once."""
    here = f"{stack.region}:{stack.account}"
    cloudwatch = f"arn:aws:cloudwatch:{here}:alarm"
    tracking = [f"{cloudwatch}:TargetTracking-endpoint/{name}/*" for name in names.endpoints(MODEL)]
    tracking += [f"{cloudwatch}:TargetTracking-inference-component/{names.component(MODEL)}-Alarm*"]
    verbs = ("DeleteScalingPolicy", "DeregisterScalableTarget", "PutScalingPolicy", "RegisterScalableTarget")
    tags = ("ListTagsForResource", "TagResource", "UntagResource")
    return [
        allow(
            [f"application-autoscaling:{verb}" for verb in verbs],
            f"arn:aws:application-autoscaling:{here}:scalable-target/*",
            _OF_SAGEMAKER,
        ),
        allow(
            [f"application-autoscaling:{verb}" for verb in tags],
            f"arn:aws:application-autoscaling:{here}:scalable-target/*",
        ),
        # Of these AWS asks on all resources.
        allow(
            [f"application-autoscaling:Describe{noun}" for noun in ("ScalableTargets", "ScalingPolicies")],
            "*",
        ),
        allow(
            "sagemaker:UpdateEndpointWeightsAndCapacities",
            sagemaker(stack, *(f"endpoint/{name}" for name in names.endpoints(MODEL))),
        ),
        allow("sagemaker:UpdateInferenceComponentRuntimeConfig", _component_arn(stack, MODEL)),
        allow(
            ["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"],
            [*tracking, f"{cloudwatch}:{names.backlog_alarm(platform, MODEL)}"],
        ),
        allow(
            "iam:CreateServiceLinkedRole",
            names.role_arn(stack.account, _SCALING_ROLE),
            {"StringEquals": {"iam:AWSServiceName": _SCALING}},
        ),
    ]


def answer_files(stack: Stack, platform: Platform, *, capture: str, messages_key: str) -> list[Statement]:
    """A model's: read the files that it is to answer, and tell that it has."""
    return [
        allow("s3:GetObject", objects(capture, names.requests(MODEL))),
        allow("s3:ListBucket", bucket_arn(capture), under(names.requests(MODEL))),
        allow("sns:Publish", _topic_arns(stack, platform)),
        allow(USE, messages_key, {"StringEquals": {"kms:ViaService": f"sns.{stack.region}.amazonaws.com"}}),
    ]


def run_batch(stack: Stack, platform: Platform, *, data_key: str) -> list[Statement]:
    """A batch pipeline's: start it, and the transform jobs that it has, which act as the model."""
    jobs = sagemaker(stack, "transform-job/pipelines-*")
    return [
        allow(
            "sagemaker:StartPipelineExecution", sagemaker(stack, f"pipeline/{names.batch_pipeline(MODEL)}")
        ),
        allow("sagemaker:CreateTransformJob", jobs, NEW),
        allow("sagemaker:AddTags", jobs, NOT_ANOTHERS),
        allow(["sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob"], jobs, OWN),
        # A transform is of a model, and SageMaker asks for that too.
        allow("sagemaker:DescribeModel", sagemaker(stack, f"model/{names.by_content(MODEL)}")),
        *encrypt_disks(data_key),
    ]


def ask_other_kinds(
    stack: Stack, model: str, *, capture: str, data_key: str, conditions: Conditions | None = None
) -> list[Statement]:
    """A caller's: hand in files, have a queue or a batch transform answer them, and read the answers."""
    batch = sagemaker(stack, f"pipeline/{names.batch_pipeline(model)}")
    return [
        allow(
            "sagemaker:InvokeEndpointAsync",
            sagemaker(stack, f"endpoint/{names.endpoint(model, 'async')}"),
            conditions,
        ),
        # Whether a batch pipeline is there is asked before it has tags.
        allow("sagemaker:DescribePipeline", batch),
        allow("sagemaker:StartPipelineExecution", batch, conditions),
        allow(
            ["sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"],
            sagemaker(stack, f"pipeline/{names.batch_pipeline(model)}/execution/*"),
        ),
        allow("s3:PutObject", objects(capture, names.requests(model))),
        allow("s3:GetObject", objects(capture, names.results(model))),
        allow("s3:ListBucket", bucket_arn(capture), under(names.results(model))),
        allow(USE, data_key),
    ]
