"""EMR Serverless: an application through the API and through CloudFormation, and who may use it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role
from tests.local.aws.test_studio_types import settled
from tests.local.conftest import ACCOUNTS, REGION, Aws

DEV = ACCOUNTS["dev"]


@pytest.fixture(scope="module")
def emr(aws: Aws) -> Any:
    return aws.client("emr-serverless", DEV)


@pytest.fixture
def application(emr: Any) -> str:
    made = emr.create_application(
        name="spark", releaseLabel="emr-7.9.0", type="SPARK", tags={"platform": "isthmus"}
    )
    return str(made["applicationId"])


def test_an_application_is_started_stopped_and_deleted(emr: Any, application: str) -> None:
    emr.start_application(applicationId=application)
    found = emr.get_application(applicationId=application)["application"]
    assert (found["state"], found["autoStopConfiguration"]["idleTimeoutMinutes"]) == ("STARTED", 15)
    assert application in [one["id"] for one in emr.list_applications()["applications"]]
    with pytest.raises(ClientError, match="must be in CREATED or STOPPED"):
        emr.delete_application(applicationId=application)
    emr.stop_application(applicationId=application)
    emr.delete_application(applicationId=application)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        emr.get_application(applicationId=application)


def test_tags_say_whose_job_it_is(aws: Aws, emr: Any, application: str) -> None:
    every = f"arn:aws:emr-serverless:{REGION}:{DEV}:/applications/*"
    mine = {"StringEquals": {"aws:RequestTag/team": "rain"}}
    make_role(aws, DEV, "spark-rain", allow("emr-serverless:StartJobRun", every, Condition=mine),
              allow("iam:PassRole", f"arn:aws:iam::{DEV}:role/spark-rain"))  # fmt: skip
    person = aws.client("emr-serverless", DEV, aws.acting_as("spark-rain", DEV))
    job = {
        "applicationId": application,
        "executionRoleArn": f"arn:aws:iam::{DEV}:role/spark-rain",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/job.py"}},
    }
    with pytest.raises(ClientError, match="AccessDenied"):
        person.start_job_run(tags={"team": "snow"}, **job)
    with pytest.raises(ClientError, match=r"AccessDenied.*PassRole"):
        other = job | {"executionRoleArn": f"arn:aws:iam::{DEV}:role/other"}
        person.start_job_run(tags={"team": "rain"}, **other)
    # Allowed, and no Spark is here to run it.
    with pytest.raises(ClientError, match="runs nothing"):
        person.start_job_run(tags={"team": "rain"}, **job)


def test_cloudformation_makes_changes_and_deletes_one(aws: Aws, emr: Any) -> None:
    cloudformation = aws.client("cloudformation", DEV)

    def template(**more: object) -> str:
        properties = {"Name": "stacked", "ReleaseLabel": "emr-7.9.0", "Type": "SPARK", **more}
        one = {"Type": "AWS::EMRServerless::Application", "Properties": properties}
        return json.dumps({"Resources": {"One": one}, "Outputs": {"Id": {"Value": {"Ref": "One"}}}})

    cloudformation.create_stack(StackName="spark", TemplateBody=template())
    assert settled(cloudformation, "spark") == "CREATE_COMPLETE"
    stop = {"Enabled": True, "IdleTimeoutMinutes": 5}
    changed = template(AutoStopConfiguration=stop, Tags=[{"Key": "team", "Value": "rain"}])
    cloudformation.update_stack(StackName="spark", TemplateBody=changed)
    assert settled(cloudformation, "spark") == "UPDATE_COMPLETE"
    (stack,) = cloudformation.describe_stacks(StackName="spark")["Stacks"]
    found = emr.get_application(applicationId=stack["Outputs"][0]["OutputValue"])["application"]
    assert (found["autoStopConfiguration"]["idleTimeoutMinutes"], found["tags"]) == (5, {"team": "rain"})
    cloudformation.delete_stack(StackName="spark")
    assert settled(cloudformation, "spark") == "DELETE_COMPLETE"
    assert "stacked" not in [one.get("name") for one in emr.list_applications()["applications"]]


def test_an_unknown_property_is_refused(aws: Aws) -> None:
    cloudformation = aws.client("cloudformation", DEV)
    one = {"Type": "AWS::EMRServerless::Application",
           "Properties": {"ReleaseLabel": "emr-7.9.0", "Type": "SPARK", "AutoStop": True}}  # fmt: skip
    cloudformation.create_stack(StackName="spark-wrong", TemplateBody=json.dumps({"Resources": {"One": one}}))
    assert settled(cloudformation, "spark-wrong") == "ROLLBACK_COMPLETE"
