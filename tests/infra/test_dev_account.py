"""The dev account in the local AWS: scientists do their work with their own roles, and nothing beyond it."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from isthmus import names
from tests.infra.lab import DEV, PROD, Lab
from tests.local.conftest import AUTOMATION, REGION

DENIED = r"AccessDenied|not authorized|Access Denied|UnauthorizedOperation"
TAGGED = [{"Key": "team", "Value": "weather"}]


@pytest.fixture(autouse=True)
def environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", lab.aws.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


@pytest.fixture(scope="module")
def versions(lab: Lab) -> dict[str, str]:
    """A registered version of each team's model, by the model."""
    root = lab.client("sagemaker", account=AUTOMATION)
    image = f"{AUTOMATION}.dkr.ecr.{REGION}.amazonaws.com/x@sha256:{'0' * 64}"
    bucket = names.artifact_bucket(lab.platform)
    made = {}
    for model in ("seattle-rain", "churn-risk"):
        for name in (bucket, names.data_bucket(lab.platform)):
            lab.client("s3", account=AUTOMATION).put_object(Bucket=name, Key=f"{model}/file", Body=b"x")
        made[model] = root.create_model_package(
            ModelPackageGroupName=model,
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataUrl": f"s3://{bucket}/{model}/file"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            ModelApprovalStatus="PendingManualApproval",
        )["ModelPackageArn"]
    return made


def refused() -> Any:
    return pytest.raises(ClientError, match=DENIED)


def test_files_under_the_teams_prefix_and_no_other(lab: Lab) -> None:
    s3, bucket = lab.client("s3", lab.scientist()), names.experiment_bucket(lab.platform)
    s3.put_object(Bucket=bucket, Key="weather/notes.md", Body=b"rain")
    assert s3.get_object(Bucket=bucket, Key="weather/notes.md")["Body"].read() == b"rain"
    assert s3.list_objects_v2(Bucket=bucket, Prefix="weather/")["KeyCount"] >= 1
    s3.delete_object(Bucket=bucket, Key="weather/notes.md")
    lab.client("s3").put_object(Bucket=bucket, Key="churn/notes.md", Body=b"who leaves")
    with refused():
        s3.get_object(Bucket=bucket, Key="churn/notes.md")
    with refused():
        s3.put_object(Bucket=bucket, Key="churn/notes.md", Body=b"nobody")
    with refused():
        s3.delete_object(Bucket=bucket, Key="churn/notes.md")
    for prefix in ("churn/", ""):
        with refused():
            s3.list_objects_v2(Bucket=bucket, Prefix=prefix)


def test_versions_and_files_of_the_teams_models_and_no_other(lab: Lab, versions: dict[str, str]) -> None:
    held = lab.scientist()
    registry, s3 = lab.client("sagemaker", held), lab.client("s3", held)
    assert registry.describe_model_package(ModelPackageName=versions["seattle-rain"])
    group = versions["seattle-rain"].replace("model-package/", "model-package-group/").rsplit("/", 1)[0]
    assert registry.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    with refused():
        registry.describe_model_package(ModelPackageName=versions["churn-risk"])
    for bucket in (names.artifact_bucket(lab.platform), names.data_bucket(lab.platform)):
        assert s3.get_object(Bucket=bucket, Key="seattle-rain/file")["Body"].read() == b"x"
        assert s3.list_objects_v2(Bucket=bucket, Prefix="seattle-rain/")["KeyCount"] >= 1
        with refused():
            s3.get_object(Bucket=bucket, Key="churn-risk/file")
        with refused():
            s3.list_objects_v2(Bucket=bucket, Prefix="churn-risk/")
        with refused():
            s3.put_object(Bucket=bucket, Key="seattle-rain/file", Body=b"y")


def test_a_scientist_does_not_approve(lab: Lab, versions: dict[str, str]) -> None:
    with refused():
        lab.client("sagemaker", lab.scientist()).update_model_package(
            ModelPackageArn=versions["seattle-rain"], ModelApprovalStatus="Approved"
        )


def test_a_scientist_does_not_read_what_prod_captured(lab: Lab) -> None:
    bucket = names.capture_bucket(lab.platform, PROD)
    key = f"{names.captures('seattle-rain')}one.jsonl"
    lab.client("s3", account=PROD).put_object(Bucket=bucket, Key=key, Body=b"{}")
    s3 = lab.client("s3", lab.scientist())
    with refused():
        s3.get_object(Bucket=bucket, Key=key)
    with refused():
        s3.list_objects_v2(Bucket=bucket, Prefix=key)


class TestJobs:
    """A job is the team's by its tag, encrypted with the account's key, and inside its network."""

    @pytest.fixture(scope="class")
    def job(self, lab: Lab) -> dict[str, Any]:
        ssm = lab.client("ssm")

        def found(noun: str) -> str:
            return ssm.get_parameter(Name=names.network_parameter(lab.platform, noun))["Parameter"]["Value"]

        domain = lab.client("sagemaker").describe_domain(DomainId=lab.domain)
        return {
            "ProcessingJobName": "weather--first",
            "RoleArn": names.role_arn(DEV, names.scientist_role(lab.platform, "weather")),
            "AppSpecification": {"ImageUri": f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch:2"},
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": 1,
                    "InstanceType": "ml.m5.large",
                    "VolumeSizeInGB": 10,
                    "VolumeKmsKeyId": domain["KmsKeyId"],
                }
            },
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "out",
                        "S3Output": {
                            "S3Uri": f"s3://{names.experiment_bucket(lab.platform)}/weather/out",
                            "LocalPath": "/opt/ml/processing/out",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ],
                "KmsKeyId": domain["KmsKeyId"],
            },
            "NetworkConfig": {
                "EnableInterContainerTrafficEncryption": True,
                "VpcConfig": {
                    "SecurityGroupIds": [found("security-group")],
                    "Subnets": [found("subnet-1"), found("subnet-2")],
                },
            },
            "Tags": TAGGED,
        }

    def test_a_proper_one_is_made_and_looked_at(self, lab: Lab, job: dict[str, Any]) -> None:
        sagemaker = lab.client("sagemaker", lab.scientist())
        sagemaker.create_processing_job(**job)
        assert sagemaker.describe_processing_job(ProcessingJobName="weather--first")

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (["Tags"], None),
            (["Tags"], [{"Key": "team", "Value": "churn"}]),
            (["NetworkConfig", "VpcConfig"], None),
            (["NetworkConfig", "VpcConfig", "Subnets"], ["subnet-0123"]),
            (["NetworkConfig", "EnableInterContainerTrafficEncryption"], False),
            (["ProcessingOutputConfig", "KmsKeyId"], None),
            (["ProcessingResources", "ClusterConfig", "VolumeKmsKeyId"], None),
            (["RoleArn"], f"arn:aws:iam::{DEV}:role/isthmus-churn-scientist"),
        ],
        ids=lambda value: ".".join(value) if isinstance(value, list) and isinstance(value[0], str) else None,
    )
    def test_any_other_is_refused(self, lab: Lab, job: dict[str, Any], path: list[str], value: Any) -> None:
        wrong = json.loads(json.dumps(job | {"ProcessingJobName": "weather--wrong"}))
        *above, last = path
        part = wrong
        for name in above:
            part = part[name]
        if value is None:
            del part[last]
        else:
            part[last] = value
        with refused():
            lab.client("sagemaker", lab.scientist()).create_processing_job(**wrong)

    def test_another_teams_job_cannot_be_seen_or_made_ones_own(self, lab: Lab, job: dict[str, Any]) -> None:
        root = lab.client("sagemaker")
        theirs = job | {"ProcessingJobName": "churn--first", "Tags": [{"Key": "team", "Value": "churn"}]}
        arn = root.create_processing_job(**theirs)["ProcessingJobArn"]
        ada = lab.client("sagemaker", lab.scientist())
        with refused():
            ada.describe_processing_job(ProcessingJobName="churn--first")
        with refused():
            ada.add_tags(ResourceArn=arn, Tags=TAGGED)


class TestStudio:
    """Each scientist opens Studio as herself, and works there in her own spaces."""

    def enter(self, lab: Lab, name: str, credentials: dict[str, str]) -> dict[str, str]:
        url = lab.client("sagemaker", credentials).create_presigned_domain_url(
            DomainId=lab.domain, UserProfileName=name
        )["AuthorizedUrl"]
        with urllib.request.urlopen(url) as answer:
            given = json.load(answer)
        return {
            "AccessKeyId": given["AccessKeyId"],
            "SecretAccessKey": given["SecretAccessKey"],
            "SessionToken": given["Token"],
        }

    def space(self, owner: str, sharing: str = "Private") -> dict[str, Any]:
        return {
            "SpaceName": f"of-{owner}",
            "SpaceSettings": {"AppType": "JupyterLab"},
            "OwnershipSettings": {"OwnerUserProfileName": owner},
            "SpaceSharingSettings": {"SharingType": sharing},
        }

    def test_the_domain_is_private_encrypted_and_shuts_down(self, lab: Lab) -> None:
        found = lab.client("sagemaker").describe_domain(DomainId=lab.domain)
        assert found["AppNetworkAccessType"] == "VpcOnly"
        assert found["KmsKeyId"].startswith(f"arn:aws:kms:{REGION}:{DEV}:key/")
        idle = found["DefaultUserSettings"]["JupyterLabAppSettings"]["AppLifecycleManagement"]["IdleSettings"]
        assert idle["LifecycleManagement"] == "ENABLED"
        assert idle["IdleTimeoutInMinutes"] == idle["MaxIdleTimeoutInMinutes"] == 60

    def test_each_scientist_has_a_profile_with_her_teams_role(self, lab: Lab) -> None:
        sagemaker = lab.client("sagemaker")
        for team in lab.platform.teams:
            for name in team.profiles:
                found = sagemaker.describe_user_profile(DomainId=lab.domain, UserProfileName=name)
                role = names.role_arn(DEV, names.scientist_role(lab.platform, team.name))
                assert found["UserSettings"]["ExecutionRole"] == role

    def test_it_is_opened_as_oneself_only(self, lab: Lab) -> None:
        ada = lab.scientist("ada")
        assert self.enter(lab, "ada", ada)
        for other in ("ben", "cleo-li-contoso-example"):
            with refused():
                self.enter(lab, other, ada)
        nobody = lab.laptop.client("sts").assume_role(
            RoleArn=names.role_arn(DEV, names.scientist_role(lab.platform, "weather")), RoleSessionName="who"
        )["Credentials"]
        with refused():
            self.enter(lab, "ada", nobody)

    def test_own_spaces_and_apps_and_no_others(self, lab: Lab) -> None:
        ada = lab.client("sagemaker", self.enter(lab, "ada", lab.scientist("ada")))
        ben = lab.client("sagemaker", self.enter(lab, "ben", lab.scientist("ben")))
        domain = lab.domain
        ben.create_space(DomainId=domain, **self.space("ben"))
        ada.create_space(DomainId=domain, Tags=[{"Key": "why", "Value": "rain"}], **self.space("ada"))
        app = {"DomainId": domain, "AppType": "JupyterLab", "AppName": "default"}
        ada.create_app(SpaceName="of-ada", **app)
        with refused():
            ada.create_app(SpaceName="of-ben", **app)
        with refused():
            ada.delete_space(DomainId=domain, SpaceName="of-ben")
        with refused():
            ada.create_space(DomainId=domain, **(self.space("ada", "Shared") | {"SpaceName": "open"}))
        with refused():
            ada.update_domain(DomainId=domain, TagPropagation="DISABLED")
        ada.delete_app(SpaceName="of-ada", **app)
        for person, name in ((ada, "of-ada"), (ben, "of-ben")):
            person.delete_space(DomainId=domain, SpaceName=name)

    def test_a_program_there_has_the_teams_files(self, lab: Lab) -> None:
        s3 = lab.client("s3", self.enter(lab, "ada", lab.scientist("ada")))
        bucket = names.experiment_bucket(lab.platform)
        s3.put_object(Bucket=bucket, Key="weather/from-studio", Body=b"x")
        with refused():
            s3.put_object(Bucket=bucket, Key="churn/from-studio", Body=b"x")

    def test_the_start_script_finds_what_it_installs(self, lab: Lab) -> None:
        s3 = lab.client("s3", self.enter(lab, "ada", lab.scientist("ada")))
        (script, *_) = lab.client("sagemaker").list_studio_lifecycle_configs()["StudioLifecycleConfigs"]
        content = lab.client("sagemaker").describe_studio_lifecycle_config(
            StudioLifecycleConfigName=script["StudioLifecycleConfigName"]
        )["StudioLifecycleConfigContent"]

        uri = next(
            line.removeprefix("ISTHMUS=s3://")
            for line in base64.b64decode(content).decode().splitlines()
            if line.startswith("ISTHMUS=")
        )
        bucket, _, key = uri.partition("/")
        assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] > 10_000


def test_the_teams_mlflow_and_no_other(lab: Lab) -> None:
    root, ada = lab.client("sagemaker"), lab.client("sagemaker", lab.scientist())
    apps = {one["Name"]: one["Arn"] for one in root.list_mlflow_apps()["Summaries"]}
    found = ada.describe_mlflow_app(Arn=apps["isthmus-weather"])
    assert found["ArtifactStoreUri"].endswith("/weather/mlflow/")
    with refused():
        ada.describe_mlflow_app(Arn=apps["isthmus-churn"])


def test_spark_for_the_team_and_no_other(lab: Lab) -> None:
    root, ada = lab.client("emr-serverless"), lab.client("emr-serverless", lab.scientist())
    applications = {one["name"]: one["id"] for one in root.list_applications()["applications"]}
    job = {
        "applicationId": applications["isthmus-weather"],
        "executionRoleArn": names.role_arn(DEV, names.spark_role(lab.platform, "weather")),
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/job.py"}},
        "tags": {"team": "weather"},
    }
    # Allowed; and there is no Spark here to run it.
    with pytest.raises(ClientError, match="runs nothing"):
        ada.start_job_run(**job)
    wrong = [
        {"applicationId": applications["isthmus-churn"]},
        {"tags": {"team": "churn"}},
        {"executionRoleArn": names.role_arn(DEV, names.spark_role(lab.platform, "churn"))},
    ]
    for change in wrong:
        with refused():
            ada.start_job_run(**(job | change))
    session = {"Id": "weather-1", "Command": {"Name": "glueetl"}, "Role": job["executionRoleArn"]}
    glue = lab.client("glue", lab.scientist())
    with refused():
        glue.create_session(Tags={"team": "churn"}, **session)
