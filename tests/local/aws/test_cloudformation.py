"""Stacks of SageMaker's types: made as the stack's role, changed in AWS's order, rolled back on failure."""

from __future__ import annotations

import io
import json
import tarfile
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role, policy
from tests.local.conftest import AUTOMATION, PROD, REGION, Aws

BUCKET = "stacks-models"
MODEL_ROLE = f"arn:aws:iam::{PROD}:role/stacks-model"
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{PROD}"


def fail_pipeline(reason: str) -> str:
    """A pipeline that does nothing but fail, with that reason."""
    step = {"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": reason}}
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": [step]})


class Stacks:
    """CloudFormation in prod, as one that may pass the stack's role and nothing else."""

    def __init__(self, aws: Aws, image: str) -> None:
        self.aws, self.image = aws, image
        self.sagemaker = aws.client("sagemaker", PROD)
        self.cloudformation = aws.client("cloudformation", PROD, aws.acting_as("stacks-caller", PROD))

    def make(self, name: str, resources: dict, *, update: bool = False, **more: Any) -> str:
        """Create or update the stack, and return the status in which that ends."""
        request = {"StackName": name, "TemplateBody": json.dumps({"Resources": resources}), **more}
        if "RoleARN" not in more and not update:
            request["RoleARN"] = f"arn:aws:iam::{PROD}:role/stacks-maker"
        request = {key: value for key, value in request.items() if value}
        change = self.cloudformation.update_stack if update else self.cloudformation.create_stack
        change(**request)
        return self.settled(name)

    def settled(self, name: str) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            (stack,) = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return stack["StackStatus"]
        raise AssertionError(f"{name} is still {stack['StackStatus']}")

    def reasons(self, name: str) -> str:
        events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return " | ".join(event.get("ResourceStatusReason", "") for event in events)

    def endpoint(self, model: str, name: str = "stacks-rain") -> dict:
        """An endpoint that serves `model`, with names of content as our own stack has them."""
        url = f"s3://{BUCKET}/{model}.tar.gz"
        variant = {
            "VariantName": "All",
            "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": "1",
            "InitialVariantWeight": 1,
        }
        return {
            "Model": {
                "Type": "AWS::SageMaker::Model",
                "Properties": {
                    "ModelName": f"{name}-{model}",
                    "ExecutionRoleArn": MODEL_ROLE,
                    "Containers": [{"Image": self.image, "ModelDataUrl": url}],
                },
            },
            "Config": {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {"EndpointConfigName": f"{name}-{model}", "ProductionVariants": [variant]},
            },
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {
                    "EndpointName": name,
                    "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                    "Tags": [{"Key": "model", "Value": model}],
                },
            },
        }

    def host(self) -> dict:
        """An endpoint without a model."""
        variant = {"VariantName": "All", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        return {
            "Config": {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {
                    "EndpointConfigName": "stacks-host",
                    "ExecutionRoleArn": MODEL_ROLE,
                    "ProductionVariants": [variant],
                },
            },
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {
                    "EndpointName": "stacks-host",
                    "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                },
            },
        }

    def component(self, model: str, name: str = "stacks-part", endpoint: str = "stacks-host") -> dict:
        """An inference component that serves `model` on the endpoint above."""
        return {
            "Model": self.endpoint(model, name)["Model"],
            "Component": {
                "Type": "AWS::SageMaker::InferenceComponent",
                "Properties": {
                    "InferenceComponentName": name,
                    "EndpointName": endpoint,
                    "VariantName": "All",
                    "Specification": {
                        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                        "ComputeResourceRequirements": {"MinMemoryRequiredInMb": "512"},
                    },
                    "RuntimeConfig": {"CopyCount": 1},
                    "Tags": [{"Key": "model", "Value": model}],
                },
            },
        }

    def answer(self, endpoint: str, component: str = "") -> str:
        runtime = self.aws.client("sagemaker-runtime", PROD)
        more = {"InferenceComponentName": component} if component else {}
        return runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1,2", **more)["Body"].read().decode()

    def delete(self, name: str) -> None:
        self.cloudformation.delete_stack(StackName=name)
        self.cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
        )


@pytest.fixture(scope="module")
def stacks(aws: Aws) -> Stacks:
    kinds = ("model", "endpoint-config", "endpoint", "inference-component", "pipeline")
    mine = [f"{SAGEMAKER}:{kind}/stacks-*" for kind in kinds]
    passing = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    cloudformation = "cloudformation.amazonaws.com"
    make_role(
        aws,
        PROD,
        "stacks-maker",
        allow("sagemaker:*", mine),
        allow("iam:PassRole", MODEL_ROLE, Condition=passing),
        trusts=cloudformation,
    )
    make_role(aws, PROD, "stacks-cannot-pass", allow("sagemaker:*", mine), trusts=cloudformation)
    make_role(aws, PROD, "stacks-untrusting", allow("*", "*"))
    make_role(
        aws,
        PROD,
        "stacks-caller",
        allow("cloudformation:*", "*"),
        allow("iam:PassRole", [f"arn:aws:iam::{PROD}:role/stacks-{name}" for name in
                               ("maker", "cannot-pass", "untrusting")]),
    )  # fmt: skip
    serves = [allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"), allow("ecr:*", "*"), allow("logs:*", "*")]
    make_role(aws, PROD, "stacks-model", *serves, trusts="sagemaker.amazonaws.com")
    return Stacks(aws, furnish(aws))


def furnish(aws: Aws) -> str:
    """Three models, one of which cannot be loaded, and an image; returns the image."""
    s3, ecr = aws.client("s3", PROD), aws.client("ecr", PROD)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name in ("first", "second", "broken"):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            entry = tarfile.TarInfo("name")
            entry.size = len(name)
            tar.addfile(entry, io.BytesIO(name.encode()))
        s3.put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=archive.getvalue())
    ecr.create_repository(repositoryName="stacks")
    manifest = json.dumps({"schemaVersion": 2, "config": {}, "layers": []})
    pushed = ecr.put_image(repositoryName="stacks", imageTag="1", imageManifest=manifest)
    return f"{PROD}.dkr.ecr.{REGION}.amazonaws.com/stacks@{pushed['image']['imageId']['imageDigest']}"


def test_a_type_that_is_not_there_is_refused_before_anything_is_made(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::SageMaker::Nonsense\]"):
        stacks.make("nonsense", {"One": {"Type": "AWS::SageMaker::Nonsense"}})
    with pytest.raises(ClientError, match="does not exist"):
        stacks.cloudformation.describe_stacks(StackName="nonsense")


def test_an_endpoint_follows_its_stack(stacks: Stacks) -> None:
    assert stacks.make("serving", stacks.endpoint("first")) == "CREATE_COMPLETE"
    assert stacks.answer("stacks-rain") == "first"

    assert stacks.make("serving", stacks.endpoint("second"), update=True) == "UPDATE_COMPLETE"
    assert stacks.answer("stacks-rain") == "second"
    tags = stacks.sagemaker.list_tags(ResourceArn=f"{SAGEMAKER}:endpoint/stacks-rain")["Tags"]
    assert {"Key": "model", "Value": "second"} in tags
    with pytest.raises(ClientError, match="Could not find"):
        stacks.sagemaker.describe_endpoint_config(EndpointConfigName="stacks-rain-first")

    assert stacks.make("serving", stacks.endpoint("broken"), update=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.answer("stacks-rain") == "second"
    with pytest.raises(ClientError, match="Could not find"):
        stacks.sagemaker.describe_endpoint_config(EndpointConfigName="stacks-rain-broken")

    stacks.delete("serving")
    with pytest.raises(ClientError, match="Could not find"):
        stacks.sagemaker.describe_endpoint(EndpointName="stacks-rain")


def test_an_inference_component_follows_its_stack(stacks: Stacks) -> None:
    assert stacks.make("host", stacks.host()) == "CREATE_COMPLETE", stacks.reasons("host")
    assert stacks.make("part", stacks.component("first")) == "CREATE_COMPLETE", stacks.reasons("part")
    assert stacks.answer("stacks-host", "stacks-part") == "first"
    for model, ended in (("second", "UPDATE_COMPLETE"), ("broken", "UPDATE_ROLLBACK_COMPLETE")):
        assert stacks.make("part", stacks.component(model), update=True) == ended, stacks.reasons("part")
        assert stacks.answer("stacks-host", "stacks-part") == "second"
    tags = stacks.sagemaker.list_tags(ResourceArn=f"{SAGEMAKER}:inference-component/stacks-part")["Tags"]
    assert {"Key": "model", "Value": "second"} in tags

    moved = stacks.component("second", endpoint="stacks-elsewhere")
    assert stacks.make("part", moved, update=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert "EndpointName of an inference component cannot be changed" in stacks.reasons("part")
    stacks.delete("part")
    with pytest.raises(ClientError, match="Could not find inference component"):
        stacks.sagemaker.describe_inference_component(InferenceComponentName="stacks-part")
    stacks.delete("host")


def test_an_endpoint_that_never_served_is_not_left_behind(stacks: Stacks) -> None:
    assert stacks.make("never", stacks.endpoint("broken", "stacks-never")) == "ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="Could not find"):
        stacks.sagemaker.describe_endpoint(EndpointName="stacks-never")


def test_a_stack_can_do_no_more_than_its_role(stacks: Stacks) -> None:
    role = f"arn:aws:iam::{PROD}:role/stacks-cannot-pass"
    ended = stacks.make("powerless", stacks.endpoint("first", "stacks-p"), RoleARN=role)
    assert ended == "ROLLBACK_COMPLETE"
    assert f"iam:PassRole on resource: {MODEL_ROLE}" in stacks.reasons("powerless")


def test_a_stack_reads_parameters_as_its_role(stacks: Stacks) -> None:
    ssm = stacks.aws.client("ssm", PROD)
    ssm.put_parameter(Name="/stacks/reason", Value="told", Type="String")
    definition = {"PipelineDefinitionBody": fail_pipeline("{{resolve:ssm:/stacks/reason}}")}
    pipeline = {"PipelineName": "stacks-told", "PipelineDefinition": definition, "RoleArn": MODEL_ROLE}
    resources = {"Pipeline": {"Type": "AWS::SageMaker::Pipeline", "Properties": pipeline}}
    assert stacks.make("untold", resources) == "ROLLBACK_COMPLETE"
    assert "ssm:GetParameters on resource" in stacks.reasons("untold")
    parameter = f"arn:aws:ssm:{REGION}:{PROD}:parameter/stacks/reason"
    stacks.aws.client("iam", PROD).put_role_policy(
        RoleName="stacks-maker",
        PolicyName="read",
        PolicyDocument=policy(allow("ssm:GetParameters", parameter)),
    )
    assert stacks.make("told", resources) == "CREATE_COMPLETE"
    body = stacks.sagemaker.describe_pipeline(PipelineName="stacks-told")["PipelineDefinition"]
    assert "told" in body and "resolve" not in body


def test_without_a_role_a_stack_acts_as_its_caller(stacks: Stacks) -> None:
    group = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "stacks-g"}}
    ended = stacks.make("callers", {"Group": group}, RoleARN="")
    assert ended == "ROLLBACK_COMPLETE"
    assert "stacks-caller/test is not authorized to perform: sagemaker:CreateModelPackageGroup" in (
        stacks.reasons("callers")
    )


@pytest.mark.parametrize(
    ("role", "why"),
    [("stacks-model", "iam:PassRole"), ("stacks-untrusting", "invalid or cannot be assumed")],
)
def test_a_role_must_be_passed_and_trust_cloudformation(stacks: Stacks, role: str, why: str) -> None:
    with pytest.raises(ClientError, match=why):
        stacks.make("refused", stacks.endpoint("first"), RoleARN=f"arn:aws:iam::{PROD}:role/{role}")


def test_a_custom_named_resource_is_not_replaced_under_its_name(stacks: Stacks) -> None:
    model = {"Model": stacks.endpoint("first", "stacks-named")["Model"]}
    assert stacks.make("named", model) == "CREATE_COMPLETE"
    model["Model"]["Properties"]["Containers"][0]["ModelDataUrl"] = f"s3://{BUCKET}/second.tar.gz"
    assert stacks.make("named", model, update=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert "custom-named resource requires replacing" in stacks.reasons("named")


def test_a_pipeline_is_updated_in_place(stacks: Stacks) -> None:
    def pipeline(reason: str) -> dict:
        properties = {
            "PipelineName": "stacks-monitor",
            "RoleArn": MODEL_ROLE,
            "PipelineDefinition": {"PipelineDefinitionBody": fail_pipeline(reason)},
        }
        return {"Monitor": {"Type": "AWS::SageMaker::Pipeline", "Properties": properties}}

    assert stacks.make("monitor", pipeline("one")) == "CREATE_COMPLETE", stacks.reasons("monitor")
    assert stacks.make("monitor", pipeline("two"), update=True) == "UPDATE_COMPLETE"
    found = stacks.sagemaker.describe_pipeline(PipelineName="stacks-monitor")
    assert json.loads(found["PipelineDefinition"])["Steps"][0]["Arguments"]["ErrorMessage"] == "two"


def test_groups_providers_and_bus_policies(aws: Aws) -> None:
    """As the root of an account, as `cdk deploy` acts with an administrator's role."""
    cloudformation = aws.client("cloudformation", AUTOMATION)

    def template(reader: str, client: str) -> str:
        bus = {"Fn::GetAtt": ["Bus", "Arn"]}
        statement = allow("events:PutEvents", "*", Principal={"AWS": reader}) | {"Resource": bus}
        shared = allow("sagemaker:DescribeModelPackage", "*", Principal={"AWS": reader})
        resources = {
            "Group": {
                "Type": "AWS::SageMaker::ModelPackageGroup",
                "Properties": {
                    "ModelPackageGroupName": "shared",
                    "ModelPackageGroupPolicy": {"Version": "2012-10-17", "Statement": [shared]},
                },
            },
            "Provider": {
                "Type": "AWS::IAM::OIDCProvider",
                "Properties": {"Url": "https://issuer.example/one", "ClientIdList": [client]},
            },
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "stacked"}},
            "Policy": {
                "Type": "AWS::Events::EventBusPolicy",
                "Properties": {
                    "EventBusName": {"Ref": "Bus"},
                    "StatementId": "reader",
                    "Statement": statement,
                },
            },
        }
        return json.dumps({"Resources": resources})

    def made() -> tuple[str, str, list[str]]:
        policy = aws.client("sagemaker", AUTOMATION).get_model_package_group_policy(
            ModelPackageGroupName="shared"
        )
        bus = aws.client("events", AUTOMATION).describe_event_bus(Name="stacked")
        provider = aws.client("iam", AUTOMATION).get_open_id_connect_provider(
            OpenIDConnectProviderArn=f"arn:aws:iam::{AUTOMATION}:oidc-provider/issuer.example/one"
        )
        principals = [
            json.loads(text)["Statement"][0]["Principal"]["AWS"]
            for text in (policy["ResourcePolicy"], bus["Policy"])
        ]
        return principals[0], principals[1], provider["ClientIDList"]

    prod, role = f"arn:aws:iam::{PROD}:root", f"arn:aws:iam::{PROD}:role/later"
    cloudformation.create_stack(StackName="shared", TemplateBody=template(prod, "first"))
    wait = {"WaiterConfig": {"Delay": 0.1, "MaxAttempts": 100}}
    cloudformation.get_waiter("stack_create_complete").wait(StackName="shared", **wait)
    assert made() == (prod, prod, ["first"])
    cloudformation.update_stack(StackName="shared", TemplateBody=template(role, "second"))
    cloudformation.get_waiter("stack_update_complete").wait(StackName="shared", **wait)
    assert made() == (role, role, ["second"])
