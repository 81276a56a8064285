"""All that costs in an account: put there as people and jobs would, and listed service by service."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

from isthmus import names, network
from isthmus.build.tags import tag
from isthmus.config import Platform
from isthmus.infra.change import Change, apply
from tests.local.aws.documents import allow, policy
from tests.local.conftest import ACCOUNTS, AUTOMATION, REGION, Aws

MODEL = "seattle-rain"
IMAGE = f"{AUTOMATION}.dkr.ecr.{REGION}.amazonaws.com/{names.IMAGE_REPOSITORY}"
AWS_IMAGES = "763104351884"
IMAGES = {"dev": f"{AWS_IMAGES}.dkr.ecr.{REGION}.amazonaws.com/pytorch:1", "automation": f"{IMAGE}:1"}
# What AWS itself has in every account.
ALWAYS = {"default"}


def fill_dev(aws: Aws, platform: Platform) -> None:
    """A space with an app, Spark and a job at work, and the file system of a domain that is no more."""
    sagemaker, account = aws.client("sagemaker", ACCOUNTS["dev"]), ACCOUNTS["dev"]
    (domain,) = sagemaker.list_domains()["Domains"]
    this = {"DomainId": domain["DomainId"], "SpaceName": "of-ada"}
    sagemaker.create_space(
        **this,
        OwnershipSettings={"OwnerUserProfileName": "ada"},
        SpaceSharingSettings={"SharingType": "Private"},
        SpaceSettings={"AppType": "JupyterLab"},
    )
    sagemaker.create_app(**this, AppType="JupyterLab", AppName="default")
    emr = aws.client("emr-serverless", account)
    for one in emr.list_applications()["applications"]:
        emr.start_application(applicationId=one["id"])
    spark = names.role_arn(account, names.spark_role(platform, "weather"))
    glue = aws.client("glue", account)
    glue.create_session(Id="weather-1", Role=spark, Command={"Name": "glueetl"})
    arn = f"arn:aws:sagemaker:{REGION}:{account}:domain/d-longgone00000"
    home_folders(aws, account, arn, platform=platform.name)
    _aws_image(aws)
    _job(aws, platform, "dev", "weather--one", names.scientist_role(platform, "weather"))
    _files(aws, account, names.experiment_bucket(platform))
    for group in ("/aws/sagemaker/studio", "/aws-glue/sessions/output"):
        aws.client("logs", account).create_log_group(logGroupName=group)


def home_folders(aws: Aws, account: str, domain: str, **tags: str) -> str:
    """A file system as Studio makes it for a domain, given by its ARN; its id."""
    tags |= {"ManagedByAmazonSageMakerResource": domain}
    made = aws.client("efs", account).create_file_system(
        CreationToken=f"{domain} {len(tags)}",
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    id_: str = made["FileSystemId"]
    return id_


def fill_automation(aws: Aws, platform: Platform) -> str:
    """Versions of a model, an image and files, and a pipeline at work; the ARN of a version."""
    sagemaker = aws.client("sagemaker", AUTOMATION)
    bucket = names.artifact_bucket(platform)
    _files(aws, AUTOMATION, bucket)
    aws.client("s3", AUTOMATION).put_object(Bucket=bucket, Key=f"{MODEL}/model.tar.gz", Body=_artifact())
    digest = _image(aws, AUTOMATION, names.IMAGE_REPOSITORY)
    arn: str = sagemaker.create_model_package(
        ModelPackageGroupName=MODEL,
        InferenceSpecification={
            "Containers": [
                {"Image": f"{IMAGE}@{digest}", "ModelDataUrl": f"s3://{bucket}/{MODEL}/model.tar.gz"}
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus="Approved",
    )["ModelPackageArn"]
    role = names.role_arn(AUTOMATION, names.pipeline_role(platform, MODEL))
    request = _request(aws, platform, "automation", "", role)
    tags = names.tags(platform, "automation", platform.model(MODEL))
    request["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    step = {"Name": "Wait", "Type": "Processing", "Arguments": request}
    tags = names.tags(platform, "automation", platform.model(MODEL))
    sagemaker.create_pipeline(
        PipelineName=MODEL,
        PipelineDefinition=tag(json.dumps({"Version": "2020-12-01", "Steps": [step]}), tags),
        RoleArn=role,
        ClientRequestToken="0" * 32,
    )
    sagemaker.start_pipeline_execution(PipelineName=MODEL)
    return arn


def fill_stage(aws: Aws, platform: Platform, stage: str, package: str) -> None:
    """An endpoint that serves, made by the role that the deploy pipeline makes it by; captures and labels."""
    account = ACCOUNTS[stage]
    make_endpoint(aws, platform, stage, package)
    for bucket in (names.capture_bucket(platform, account), names.ground_truth_bucket(platform, account)):
        _files(aws, account, bucket)
    aws.client("logs", account).create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{MODEL}-other")


def make_endpoint(aws: Aws, platform: Platform, stage: str, package: str) -> None:
    account, attached = ACCOUNTS[stage], network.references(platform, stage)  # type: ignore[arg-type]
    name = names.by_content(MODEL, "0" * 16)
    model = {
        "ModelName": name,
        "ExecutionRoleArn": names.role_arn(account, names.model_role(platform, MODEL)),
        "Containers": [{"ModelPackageName": package}],
        "EnableNetworkIsolation": True,
    } | ({"VpcConfig": attached.vpc_config()} if attached else {})
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": {"Fn::GetAtt": "Model.ModelName"},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1,
    }
    key = f"arn:aws:kms:{REGION}:{account}:{names.key_alias(platform)}"
    config = {"EndpointConfigName": name, "ProductionVariants": [variant], "KmsKeyId": key}
    endpoint = {
        "EndpointName": names.endpoint(MODEL),
        "EndpointConfigName": {"Fn::GetAtt": "Config.EndpointConfigName"},
    }
    resources = {"Model": model, "EndpointConfig": config, "Endpoint": endpoint}
    template = {
        "Resources": {
            id_.removeprefix("Endpoint") or id_: {"Type": f"AWS::SageMaker::{id_}", "Properties": one}
            for id_, one in resources.items()
        }
    }
    change = Change(
        names.endpoint_stack(platform, MODEL, stage),
        json.dumps(template),
        None,
        {},
        names.tags(platform, stage, platform.model(MODEL)),
        names.role_arn(account, names.cloudformation_role(platform, MODEL)),
    )
    apply(aws.client("cloudformation", account), change, lambda _: None)


def _job(aws: Aws, platform: Platform, account: str, name: str, role: str) -> None:
    arn = names.role_arn(ACCOUNTS[account], role)
    sagemaker = aws.client("sagemaker", ACCOUNTS[account])
    sagemaker.create_processing_job(**_request(aws, platform, account, name, arn))


def _request(aws: Aws, platform: Platform, account: str, name: str, role: str) -> dict[str, Any]:
    """A processing job that takes its time."""
    key = _written(aws, account, names.data_key_parameter(platform))
    attached = network.parameters(platform, account)  # type: ignore[arg-type]
    assert attached
    there = {
        "Subnets": [_written(aws, account, one) for one in attached.subnets],
        "SecurityGroupIds": [_written(aws, account, attached.security_group)],
    }
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1, "VolumeKmsKeyId": key}
    request = {
        "RoleArn": role,
        "ProcessingResources": {"ClusterConfig": cluster},
        "NetworkConfig": {"VpcConfig": there, "EnableInterContainerTrafficEncryption": True},
        "ProcessingOutputConfig": {"Outputs": [], "KmsKeyId": key},
        "AppSpecification": {"ImageUri": IMAGES[account], "ContainerEntrypoint": ["sleep", "600"]},
    }
    return request | ({"ProcessingJobName": name} if name else {})


def _written(aws: Aws, account: str, parameter: str) -> str:
    value: str = aws.client("ssm", ACCOUNTS[account]).get_parameter(Name=parameter)["Parameter"]["Value"]
    return value


def _aws_image(aws: Aws) -> None:
    """One of those that AWS has for everybody."""
    ecr = aws.client("ecr", AWS_IMAGES)
    ecr.create_repository(repositoryName="pytorch")
    anybody = allow(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "*", Principal="*")
    ecr.set_repository_policy(repositoryName="pytorch", policyText=policy(anybody))
    _image(aws, AWS_IMAGES, "pytorch")


def _image(aws: Aws, account: str, repository: str) -> str:
    """Its digest."""
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:0", "size": 1}, "layers": []})
    ecr = aws.client("ecr", account)
    made = ecr.put_image(repositoryName=repository, imageTag="1", imageManifest=manifest)
    digest: str = made["image"]["imageId"]["imageDigest"]
    return digest


def _files(aws: Aws, account: str, bucket: str) -> None:
    """Two versions of a file, and a mark that a third was deleted."""
    s3 = aws.client("s3", account)
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key="some/file", Body=body)
    s3.delete_object(Bucket=bucket, Key="some/file")


def _artifact() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        entry = tarfile.TarInfo("name")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"rain"))
    return archive.getvalue()


# ---------------------------------------------------------------- what there is

# By service: what lists it, under which key, and what of each tells it apart.
LISTS = {
    "cloudformation": [("describe_stacks", "Stacks", "StackName")],
    "s3": [("list_buckets", "Buckets", "Name")],
    "ecr": [("describe_repositories", "repositories", "repositoryName")],
    "logs": [("describe_log_groups", "logGroups", "logGroupName")],
    "ec2": [
        ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
        ("describe_security_groups", "SecurityGroups", "GroupName"),
        ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
        ("describe_flow_logs", "FlowLogs", "FlowLogId"),
        ("describe_nat_gateways", "NatGateways", "NatGatewayId"),
    ],
    "efs": [("describe_file_systems", "FileSystems", "FileSystemId")],
    "dynamodb": [("list_tables", "TableNames", "")],
    "sqs": [("list_queues", "QueueUrls", "")],
    "sns": [("list_topics", "Topics", "TopicArn")],
    "lambda": [("list_functions", "Functions", "FunctionName")],
    "events": [("list_rules", "Rules", "Name"), ("list_event_buses", "EventBuses", "Name")],
    "scheduler": [("list_schedules", "Schedules", "Name")],
    "apigateway": [("get_rest_apis", "items", "name")],
    "apigatewayv2": [("get_apis", "Items", "Name")],
    "cloudwatch": [
        ("describe_alarms", "MetricAlarms", "AlarmName"),
        ("list_dashboards", "DashboardEntries", "DashboardName"),
    ],
    "ssm": [("describe_parameters", "Parameters", "Name")],
    "iam": [
        ("list_roles", "Roles", "RoleName"),
        ("list_open_id_connect_providers", "OpenIDConnectProviderList", "Arn"),
    ],
    "firehose": [("list_delivery_streams", "DeliveryStreamNames", "")],
    "osis": [("list_pipelines", "Pipelines", "PipelineName")],
    "opensearchserverless": [("list_collections", "collectionSummaries", "name")],
    "glue": [("list_sessions", "Ids", "")],
    "emr-serverless": [("list_applications", "applications", "name")],
    "sagemaker": [
        ("list_domains", "Domains", "DomainId"),
        ("list_spaces", "Spaces", "SpaceName"),
        ("list_apps", "Apps", "AppName"),
        ("list_endpoints", "Endpoints", "EndpointName"),
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        ("list_models", "Models", "ModelName"),
        ("list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"),
        ("list_feature_groups", "FeatureGroupSummaries", "FeatureGroupName"),
        ("list_pipelines", "PipelineSummaries", "PipelineName"),
        ("list_mlflow_apps", "Summaries", "Name"),
        ("list_mlflow_tracking_servers", "TrackingServerSummaries", "TrackingServerName"),
        ("list_studio_lifecycle_configs", "StudioLifecycleConfigs", "StudioLifecycleConfigName"),
    ],
}


def left(aws: Aws, account: str) -> set[str]:
    """All that there is in an account, beside what AWS has in each."""
    return set(_left(aws, account)) - ALWAYS


def _left(aws: Aws, account: str) -> Iterator[str]:
    for service, lists in LISTS.items():
        for operation, key, name in lists:
            found = getattr(aws.client(service, account), operation)()
            yield from (one[name] if name else one for one in found.get(key, []))
    yield from _keys(aws.client("kms", account))
    firewalls = aws.client("wafv2", account).list_web_acls(Scope="REGIONAL")["WebACLs"]
    yield from (one["Name"] for one in firewalls)
    yield from (
        one["VpcId"] for one in aws.client("ec2", account).describe_vpcs()["Vpcs"] if not one["IsDefault"]
    )
    sagemaker = aws.client("sagemaker", account)
    jobs = sagemaker.list_processing_jobs(StatusEquals="InProgress")["ProcessingJobSummaries"]
    yield from (one["ProcessingJobName"] for one in jobs)


def _keys(kms: Any) -> Iterator[str]:
    for one in kms.list_keys()["Keys"]:
        described = kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"]
        if described["KeyState"] != "PendingDeletion":
            yield one["KeyId"]
