"""deploy.yaml's switch to SageMaker Model Monitor: what stands in the stages' templates then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import validate_parameters

from isthmus import names
from isthmus.config import DeployConfig, Platform, model_monitor, read_platform
from isthmus.config.regions import REGIONS
from isthmus.deploy.package import Package
from isthmus.deploy.synth import require_fit
from isthmus.errors import Problem, Refused
from isthmus.infra.check import check
from isthmus.infra.synth import synthesize
from tests.cdk.conftest import FULL
from tests.deploy.conftest import CHECKOUT, REPOSITORY, STAGES, Templates, read_templates
from tests.deploy.test_templates import one
from tests.deploy.versions import MODEL, Version

FEATURES = [f"reading_{number}" for number in range(23)]
PREFIX = "AWS::SageMaker::"


def written(folder: Path, package: Package, evaluation: dict[str, Any]) -> Path:
    folder.mkdir(parents=True)
    package.write(folder)
    (folder / "evaluation.json").write_text(json.dumps(Version().evaluation() | evaluation))
    return folder


def assembled(folder: Path, version: Path, monitoring: dict[str, Any], platform: Path, **more: Any) -> Path:
    """The app of a deploy repository whose deploy.yaml says so, run on the version in `version`."""
    repository = folder / "repository"
    shutil.copytree(REPOSITORY, repository, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    config = {"model": MODEL, "monitoring": {"engine": "model-monitor"} | monitoring}
    (repository / "deploy.yaml").write_text(yaml.safe_dump(config))
    output = folder / "assembly"
    return synthesize(repository / "app.py", output, platform=platform, arguments=(str(version),), **more)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory, package: Package) -> Path:
    folder = tmp_path_factory.mktemp("service")
    version = written(folder / "version", package, {"features": FEATURES})
    monitoring = {"model_quality": True, "schedule": "rate(6 hours)", "instance_count": 2}
    return assembled(folder, version, monitoring, CHECKOUT / "platform.yaml", validate=True)


@pytest.fixture(scope="module")
def templates(assembly: Path, platform: Platform) -> Templates:
    found = read_templates(assembly)
    return {stage: found[f"{platform.name}-{MODEL}-{stage}"] for stage in STAGES}


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: found["Properties"] for name, found in template["Resources"].items() if found["Type"] == kind
    }


@pytest.mark.parametrize("stage", STAGES)
def test_it_watches_in_place_of_isthmus_own_monitor(templates: Templates, stage: str) -> None:
    kinds = {found["Type"] for found in templates[stage]["Resources"].values()}
    assert not kinds & {f"{PREFIX}Pipeline", "AWS::Scheduler::Schedule"}
    schedules = of_type(templates[stage], f"{PREFIX}MonitoringSchedule").values()
    jobs = {
        kind: one(templates[stage], f"{PREFIX}{kind}JobDefinition")["JobDefinitionName"]
        for kind in ("DataQuality", "ModelQuality")
    }
    assert {each["MonitoringScheduleName"]: each["MonitoringScheduleConfig"] for each in schedules} == {
        f"{MODEL}-{noun}": {
            "MonitoringJobDefinitionName": jobs[kind],
            "MonitoringType": kind,
            "ScheduleConfig": {"ScheduleExpression": "cron(0 0/6 ? * * *)"},
        }
        for noun, kind in (("monitor", "DataQuality"), ("quality", "ModelQuality"))
    }


@pytest.mark.parametrize("stage", STAGES)
def test_requests_are_compared_with_what_training_left(
    templates: Templates, platform: Platform, package: Package, stage: str
) -> None:
    account = getattr(platform.accounts, stage)
    job = one(templates[stage], f"{PREFIX}DataQualityJobDefinition")
    assert job["DataQualityAppSpecification"] == {
        "ImageUri": f"468650794304.dkr.ecr.{platform.region}.amazonaws.com/sagemaker-model-monitor-analyzer",
        "RecordPreprocessorSourceUri": f"{package.baseline}/preprocessor.py",
    }
    assert job["DataQualityBaselineConfig"] == {
        "ConstraintsResource": {"S3Uri": f"{package.baseline}/constraints.json"},
        "StatisticsResource": {"S3Uri": f"{package.baseline}/statistics.json"},
    }
    assert job["DataQualityJobInput"]["EndpointInput"]["EndpointName"] == MODEL
    assert job["RoleArn"] == names.role_arn(account, names.monitor_role(platform, MODEL))
    key, output = {"Ref": "DataKey"}, job["DataQualityJobOutputConfig"]
    cluster = job["JobResources"]["ClusterConfig"]
    assert output["KmsKeyId"] == cluster["VolumeKmsKeyId"] == key and cluster["InstanceCount"] == 2
    (where,) = output["MonitoringOutputs"]
    bucket = names.capture_bucket(platform, account)
    assert where["S3Output"]["S3Uri"] == f"s3://{bucket}/{names.reports(MODEL)}{package.version}"


def test_answers_are_compared_with_labels(templates: Templates, platform: Platform) -> None:
    job = one(templates["prod"], f"{PREFIX}ModelQualityJobDefinition")
    assert job["ModelQualityAppSpecification"]["ProblemType"] == "BinaryClassification"
    asked = job["ModelQualityJobInput"]
    bucket = names.ground_truth_bucket(platform, platform.accounts.prod)
    assert asked["GroundTruthS3Input"]["S3Uri"] == f"s3://{bucket}/{MODEL}"
    assert asked["EndpointInput"]["ProbabilityAttribute"] == "0"


@pytest.mark.parametrize(
    ("classes", "problem"), [([], "Regression"), (["a", "b", "c"], "MulticlassClassification")]
)
def test_the_problem_is_the_versions(
    tmp_path: Path, package: Package, platform: Platform, classes: list[str], problem: str
) -> None:
    version = written(tmp_path / "version", package, {"classes": classes})
    found = read_templates(assembled(tmp_path, version, {"model_quality": True}, CHECKOUT / "platform.yaml"))[
        f"{platform.name}-{MODEL}-prod"
    ]
    job = one(found, f"{PREFIX}ModelQualityJobDefinition")
    assert job["ModelQualityAppSpecification"]["ProblemType"] == problem
    assert job["ModelQualityJobInput"]["EndpointInput"]["InferenceAttribute"] == "0"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "kind", ["DataQualityJobDefinition", "ModelQualityJobDefinition", "MonitoringSchedule"]
)
def test_sagemaker_takes_them(templates: Templates, stage: str, kind: str) -> None:
    """Against botocore's model of the calls that CloudFormation makes."""
    shape: Any = (
        botocore.session.get_session().get_service_model("sagemaker").shape_for(f"Create{kind}Request")
    )
    for found in of_type(templates[stage], PREFIX + kind).values():
        plain = json.loads(json.dumps(found).replace('{"Ref": "DataKey"}', '"arn:aws:kms:x:1:key/2"'))
        validate_parameters(plain, shape)


@pytest.mark.parametrize("stage", STAGES)
def test_its_metrics_raise_the_alarms_that_retrain(
    templates: Templates, platform: Platform, stage: str
) -> None:
    found = {each["AlarmName"]: each for each in of_type(templates[stage], "AWS::CloudWatch::Alarm").values()}
    drift = names.drift_alarm(platform, MODEL)
    watched = []
    for name in (drift, *(names.further_drift_alarm(platform, MODEL, number) for number in (2, 3))):
        *each, last = found.pop(name)["Metrics"]
        assert last == {"Expression": "MAX(METRICS())", "Id": "greatest", "ReturnData": True}
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
        assert len(each) <= 10
        for one_ in each:
            metric = one_["MetricStat"]["Metric"]
            assert metric["Namespace"] == "aws/sagemaker/Endpoints/data-metrics"
            assert {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]} == {
                "Endpoint": MODEL,
                "MonitoringSchedule": f"{MODEL}-monitor",
            }
            watched.append(metric["MetricName"])
    assert watched == [f"feature_baseline_drift_{name}" for name in FEATURES]
    quality = found.pop(names.quality_alarm(platform, MODEL))
    assert (
        quality["Namespace"],
        quality["MetricName"],
        quality["Threshold"],
        quality["ComparisonOperator"],
    ) == (
        "aws/sagemaker/Endpoints/model-metrics",
        "auc",
        Version().evaluation()["ci_low"],
        "LessThanThreshold",
    )
    assert not [name for name in found if "drift" in name]


def test_what_cannot_be_changed_in_place_is_named_after_its_content(
    templates: Templates, package: Package, platform: Platform, tmp_path: Path
) -> None:
    version = written(tmp_path / "version", package, {"features": FEATURES})
    other = read_templates(assembled(tmp_path, version, {"instance_count": 3}, CHECKOUT / "platform.yaml"))[
        f"{platform.name}-{MODEL}-prod"
    ]
    kind = f"{PREFIX}DataQualityJobDefinition"
    before, after = (one(found, kind)["JobDefinitionName"] for found in (templates["prod"], other))
    assert before != after and before.startswith(f"{MODEL}-")
    assert not of_type(other, f"{PREFIX}ModelQualityJobDefinition")
    assert names.quality_alarm(platform, MODEL) not in json.dumps(other)


def test_in_a_network_its_jobs_are_there(package: Package, tmp_path: Path) -> None:
    version = written(tmp_path / "version", package, {})
    found = read_templates(assembled(tmp_path, version, {}, FULL))
    job = one(found[f"{read_platform(FULL).name}-{MODEL}-prod"], f"{PREFIX}DataQualityJobDefinition")
    vpc = job["NetworkConfig"]["VpcConfig"]
    assert vpc["Subnets"] and all(
        "resolve:ssm" in each for each in [*vpc["Subnets"], *vpc["SecurityGroupIds"]]
    )


def test_the_templates_pass_every_static_rule(assembly: Path) -> None:
    assert check(assembly) == []


def test_a_version_that_says_less_is_named(package: Package, tmp_path: Path) -> None:
    version = tmp_path / "version"
    version.mkdir()
    package.write(version)
    with pytest.raises(Problem, match="features and metric") as found:
        assembled(tmp_path, version, {}, CHECKOUT / "platform.yaml")
    assert "evaluation.json" in str(found.value)


def test_the_analyzers_accounts_are_the_sdks() -> None:
    from sagemaker.core import image_uris

    config = Path(image_uris.__file__).parent / "image_uri_config" / "model-monitor.json"
    registries = json.loads(config.read_text())["versions"][""]["registries"]
    assert {
        region: registries[region] for region in REGIONS if region in registries
    } == model_monitor.ANALYZERS
    assert model_monitor.analyzer("eu-west-1") == image_uris.retrieve("model-monitor", "eu-west-1")


def test_a_region_without_it_is_refused(platform: Platform, tmp_path: Path) -> None:
    said = {"model": MODEL, "monitoring": {"engine": "model-monitor"}}
    config, file = DeployConfig.model_validate(said), tmp_path / "deploy.yaml"
    file.write_text(json.dumps(said))
    require_fit(platform, config, file)
    with pytest.raises(Refused, match="not in ap-south-2") as refused:
        require_fit(platform.model_copy(update={"region": "ap-south-2"}), config, file)
    assert f"{file}:1, monitoring.engine" in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("rate(1 hour)", "cron(0 * ? * * *)"),
        ("rate(12 hours)", "cron(0 0/12 ? * * *)"),
        ("rate(1 day)", "cron(0 0 ? * * *)"),
        ("rate(24 hours)", "cron(0 0 ? * * *)"),
        ("cron(0 17/12 ? * * *)", "cron(0 17/12 ? * * *)"),
        ("cron(0 5 * * ? *)", "cron(0 5 ? * * *)"),
        ("cron(0 24 * * ? *)", None),
        ("rate(25 hours)", None),
    ],
)
def test_schedules_are_said_as_model_monitor_says_them(asked: str, told: str | None) -> None:
    assert model_monitor.schedule(asked) == told
