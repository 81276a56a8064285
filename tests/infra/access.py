"""The calls of docs/security.md: each is made by a principal, given as what makes its clients.

They succeed again and again, in any order, for whoever may make them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isthmus import names
from isthmus.config import Stage
from tests.cdk.conftest import MODEL
from tests.infra.lab import PROD, STAGING, Lab
from tests.local.conftest import ACCOUNTS, AUTOMATION, REGION

TEAM, SCIENTIST = "weather", "ada"
EVALUATION = f"{MODEL}/runs/1/evaluate/evaluation/evaluation.json"
LEARNED = f"{MODEL}/manifests/0123456789abcdef/data.json"
As = Callable[[str], Any]
"""A principal: its client for a service."""
Call = Callable[[As], object]
# Requests that name no account, and so are about the caller's own.
AT_HOME = {
    "register a version of the model",
    "register an approved version",
    "register a version without saying that it waits for approval",
    "register a version as serving",
    "change who shares the model's versions",
    "start the model's training",
    "read what the bridge has done",
    "change what the bridge has done",
    "read the list of models",
    "read the bridge's log",
    "read landing's log",
    "search the logs of functions and jobs in automation",
    "search the logs of jobs in dev",
    "search the logs of functions and jobs in prod",
    "ask for a token for Entra",
    "open Studio as the scientist",
    "change the endpoint's stack in staging",
    "change the endpoint's stack in prod",
    "make the model in prod from its version",
    "ask the endpoint in prod",
    "see the endpoint in prod",
    "send a metric of models in prod",
    "make a role in automation",
    "make a role in prod",
}
NOTHING = json.dumps({"Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
)
_number = itertools.count()


@dataclass(frozen=True)
class World:
    """What is there for the calls: the deployed platform, versions of the model, an image, and a network."""

    lab: Lab
    version: str
    spare: str
    without_rule: str
    image: str
    shared: str
    network: dict[str, list[str]]


def calls(world: World) -> dict[str, Call]:
    """Each call by its name."""
    return (
        _registry(world)
        | _files(world.lab)
        | _bridge(world.lab)
        | _logs(world.lab)
        | _training(world)
        | _stages(world)
        | _deployers(world.lab)
    )


def specification(image: str, model_data: str) -> dict[str, Any]:
    """What a version is registered with."""
    return {
        "InferenceSpecification": {
            "Containers": [{"Image": image, "ModelDataUrl": model_data}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelApprovalStatus": "PendingManualApproval",
    }


def _registry(world: World) -> dict[str, Call]:
    said = specification(
        world.image, f"s3://{names.artifact_bucket(world.lab.platform)}/{MODEL}/model.tar.gz"
    )

    def register(**more: Any) -> Call:
        asked = {key: value for key, value in (said | more).items() if value}
        return lambda who: who("sagemaker").create_model_package(ModelPackageGroupName=MODEL, **asked)

    def update(version: str = world.version, **said: Any) -> Call:
        return lambda who: who("sagemaker").update_model_package(ModelPackageArn=version, **said)

    def serves(stage: str) -> dict[str, str]:
        return {"Stage": stage, "StageStatus": "InService"}

    return {
        "read a version of the model": lambda who: who("sagemaker").describe_model_package(
            ModelPackageName=world.version
        ),
        "register a version of the model": register(),
        "register an approved version": register(ModelApprovalStatus="Approved"),
        "register a version without saying that it waits for approval": register(ModelApprovalStatus=None),
        "register a version as serving": register(ModelLifeCycle=serves("prod")),
        "approve a version of the model": update(ModelApprovalStatus="Approved"),
        "approve a version of a model without a rule": update(
            world.without_rule, ModelApprovalStatus="Approved"
        ),
        "approve a version while recording that staging serves it": update(
            ModelApprovalStatus="Approved", ModelLifeCycle=serves("staging")
        ),
        "reject a version of the model": update(ModelApprovalStatus="Rejected"),
        "reject a version while recording that staging serves it": update(
            ModelApprovalStatus="Rejected", ModelLifeCycle=serves("staging")
        ),
        "record that staging serves a version": update(ModelLifeCycle=serves("staging")),
        "record that prod serves a version": update(ModelLifeCycle=serves("prod")),
        "delete a version of the model": lambda who: who("sagemaker").delete_model_package(
            ModelPackageName=world.spare
        ),
        "change who shares the model's versions": lambda who: who("sagemaker").put_model_package_group_policy(
            ModelPackageGroupName=MODEL, ResourcePolicy=world.shared
        ),
    }


def _files(lab: Lab) -> dict[str, Call]:
    platform = lab.platform
    data, artifacts = names.data_bucket(platform), names.artifact_bucket(platform)
    capture, labels = names.capture_bucket(platform, PROD), names.ground_truth_bucket(platform, PROD)
    staged = names.capture_bucket(platform, STAGING)
    experiments = names.experiment_bucket(platform)
    return {
        "read the model's training data": _get(data, f"{MODEL}/file"),
        "write the model's training data": _put(data, f"{MODEL}/versions/1/file"),
        "land a file for the model": _put(
            names.landing_bucket(platform), f"{names.INCOMING}{MODEL}/set/file"
        ),
        "land rows for the model": _put(data, f"{names.landed(MODEL)}file"),
        "read the model's artifacts": _get(artifacts, f"{MODEL}/file"),
        "read how good a version of the model is": _get(artifacts, EVALUATION),
        "read which files a version learned from": _get(artifacts, LEARNED),
        "write what runs of the model start from": _put(artifacts, f"{MODEL}/code/c0ffee/written"),
        "write what runs of the model made": _put(artifacts, f"{MODEL}/runs/1/written"),
        "write any other artifact of the model": _put(artifacts, f"{MODEL}/written"),
        "read the team's files": _get(experiments, f"{TEAM}/file"),
        "write the team's files": _put(experiments, f"{TEAM}/written"),
        "keep artifacts of the team's MLflow": _put(experiments, f"{TEAM}/mlflow/file"),
        "write what staging captured": _put(staged, f"{names.captures(MODEL)}written"),
        "read what prod captured": _get(capture, f"{names.captures(MODEL)}file"),
        "write what prod captured": _put(capture, f"{names.captures(MODEL)}written"),
        "hand in a file for the model in prod": _put(capture, f"{names.asked(MODEL)}written"),
        "read a file for the model in prod": _get(capture, f"{names.requests(MODEL)}file"),
        "read the answers to files in prod": _get(capture, f"{names.results(MODEL)}file"),
        "write the answers to files in prod": _put(capture, f"{names.results(MODEL)}written"),
        "read the labels in prod": _get(labels, f"{MODEL}/file"),
        "write the labels in prod": _put(labels, f"{MODEL}/written"),
    }


def _get(bucket: str, key: str) -> Call:
    return lambda who: who("s3").get_object(Bucket=bucket, Key=key)


def _put(bucket: str, key: str) -> Call:
    return lambda who: who("s3").put_object(Bucket=bucket, Key=key, Body=b"x")


def _bridge(lab: Lab) -> dict[str, Call]:
    name = names.bridge(lab.platform)
    queue = f"https://sqs.{REGION}.amazonaws.com/{AUTOMATION}/{name}"
    bus = f"arn:aws:events:{REGION}:{AUTOMATION}:event-bus/{names.event_bus(lab.platform)}"
    alarm = {"DetailType": "alarm", "Detail": "{}", "EventBusName": bus}
    item = {"id": {"S": "tried"}}

    def send(who: As, source: str = "test") -> None:
        answer = who("events").put_events(Entries=[alarm | {"Source": source}])
        # Allowed; and ministack takes events for buses of one's own account only, unless a rule sends them.
        for entry in answer["Entries"]:
            assert entry.get("ErrorCode") in (None, "ResourceNotFoundException"), entry

    return {
        "take an event from the bridge's queue": lambda who: who("sqs").receive_message(QueueUrl=queue),
        "put an event into the bridge's queue": lambda who: who("sqs").send_message(
            QueueUrl=queue, MessageBody="{}"
        ),
        "read what the bridge could not carry": lambda who: who("sqs").receive_message(
            QueueUrl=f"{queue}-dlq"
        ),
        "read what the bridge has done": lambda who: who("dynamodb").get_item(TableName=name, Key=item),
        "change what the bridge has done": lambda who: who("dynamodb").put_item(TableName=name, Item=item),
        "read the list of models": lambda who: who("ssm").get_parameter(
            Name=f"{names.model_parameters(lab.platform)}/{MODEL}"
        ),
        "take note of a job that waits": lambda who: who("dynamodb").put_item(
            TableName=names.waiting(lab.platform), Item=item
        ),
        "read which jobs wait": lambda who: who("dynamodb").scan(TableName=names.waiting(lab.platform)),
        "say that a job waits": lambda who: send(who, names.CALLBACK_SOURCE),
        "say that a model is to be trained anew": lambda who: send(who, names.SCHEDULE_SOURCE),
        "read where the bridge is": lambda who: who("ssm").get_parameter(
            Name=names.callback_parameter(lab.platform)
        ),
        "ask for a token for Entra": lambda who: who("sts").get_web_identity_token(
            Audience=[lab.platform.azure.audience], SigningAlgorithm="RS256", DurationSeconds=300
        ),
        "send an alarm to the automation account": send,
    }


def _logs(lab: Lab) -> dict[str, Call]:
    bridge, landing = names.bridge(lab.platform), names.landing(lab.platform)
    dead = f"https://sqs.{REGION}.amazonaws.com/{AUTOMATION}/{landing}-dlq"
    training, monitors = names.job_log("TrainingJobs"), names.job_log("ProcessingJobs")
    return {
        "read the bridge's log": _read_log(names.function_log(bridge)),
        "read landing's log": _read_log(names.function_log(landing)),
        "count the files that could not be checked": lambda who: who("sqs").get_queue_attributes(
            QueueUrl=dead, AttributeNames=["ApproximateNumberOfMessages"]
        ),
        "search the logs of functions and jobs in automation": _search(names.function_log(landing), training),
        "search the logs of jobs in dev": _search(training, monitors),
        "search the logs of functions and jobs in prod": _search(
            names.function_log(names.gateway(lab.platform)), monitors
        ),
    }


def _read_log(group: str) -> Call:
    return lambda who: who("logs").filter_log_events(logGroupName=group)


def _search(*groups: str) -> Call:
    """Ask a question of these log groups, and read the answer."""

    def search(who: As) -> object:
        asked = {
            "logGroupNames": list(groups),
            "queryString": "fields @message",
            "startTime": 0,
            "endTime": 1,
        }
        return who("logs").get_query_results(queryId=who("logs").start_query(**asked)["queryId"])

    return search


def _training(world: World) -> dict[str, Call]:
    platform = world.lab.platform
    digest = world.image.partition("@")[2]
    here = {"registryId": AUTOMATION, "repositoryName": names.IMAGE_REPOSITORY}
    written = names.data_key_parameter(platform)
    key = world.lab.client("ssm", account=AUTOMATION).get_parameter(Name=written)["Parameter"]["Value"]
    profile = {"DomainId": world.lab.domain, "UserProfileName": SCIENTIST}
    return {
        "start the model's training": lambda who: who("sagemaker").start_pipeline_execution(
            PipelineName=MODEL
        ),
        "pull the image": lambda who: who("ecr").batch_get_image(**here, imageIds=[{"imageDigest": digest}]),
        "push an image": lambda who: who("ecr").put_image(
            **here, imageManifest=MANIFEST, imageTag=f"tried-{next(_number)}"
        ),
        "encrypt with the key of automation's data": lambda who: who("kms").generate_data_key(
            KeyId=key, KeySpec="AES_256"
        ),
        "open Studio as the scientist": lambda who: who("sagemaker").create_presigned_domain_url(**profile),
    }


def _stages(world: World) -> dict[str, Call]:
    platform = world.lab.platform
    topic = f"arn:aws:sns:{REGION}:{PROD}:{names.topic(platform)}"
    metric = {"Namespace": names.METRIC_NAMESPACE, "MetricData": [{"MetricName": "Tried", "Value": 1.0}]}
    return {
        "change the endpoint's stack in staging": lambda who: _change(world.lab, who, "staging", STAGING),
        "change the endpoint's stack in prod": lambda who: _change(world.lab, who, "prod", PROD),
        "make the model in prod from its version": lambda who: _make_model(world, who),
        "ask the endpoint in prod": lambda who: who("sagemaker-runtime").invoke_endpoint(
            EndpointName=names.endpoint(MODEL), Body=b"1,2", ContentType="text/csv"
        ),
        "see the endpoint in prod": lambda who: who("sagemaker").describe_endpoint(
            EndpointName=names.endpoint(MODEL)
        ),
        "become the bridge's role in prod": lambda who: who("sts").assume_role(
            RoleArn=names.role_arn(PROD, names.bridge(world.lab.platform)), RoleSessionName="bridge"
        ),
        "send a metric of models in prod": lambda who: who("cloudwatch").put_metric_data(**metric),
        "page people from prod": lambda who: who("sns").publish(TopicArn=topic, Message="tried"),
    }


def _change(lab: Lab, who: As, stage: Stage, account: str) -> object:
    return who("cloudformation").create_change_set(
        StackName=names.endpoint_stack(lab.platform, MODEL, stage),
        ChangeSetName=f"tried-{next(_number)}",
        ChangeSetType="CREATE",
        TemplateBody=NOTHING,
        RoleARN=names.role_arn(account, names.cloudformation_role(lab.platform, MODEL)),
    )


def _make_model(world: World, who: As) -> object:
    """With the model package of another account, as the role that serves it, in the account's network."""
    return who("sagemaker").create_model(
        ModelName=names.by_content(MODEL, f"{next(_number):016x}"),
        ExecutionRoleArn=names.role_arn(PROD, names.model_role(world.lab.platform, MODEL)),
        Containers=[{"ModelPackageName": world.version}],
        VpcConfig=world.network,
    )


def _deployers(lab: Lab) -> dict[str, Call]:
    found: dict[str, Call] = {}
    for account, number in ACCOUNTS.items():
        found |= {
            f"become the deployer of {account}": _become(number, "deploy"),
            f"look for drift in {account}": _become(number, "lookup"),
            f"make a role in {account}": lambda who: who("iam").create_role(
                RoleName=f"tried-{next(_number)}", AssumeRolePolicyDocument=TRUST
            ),
        }
    return found


def _become(account: str, kind: str) -> Call:
    arn = names.role_arn(account, names.bootstrap_role(account, REGION, kind))
    return lambda who: who("sts").assume_role(RoleArn=arn, RoleSessionName="tried")
