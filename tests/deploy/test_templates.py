"""Both stages' stacks: exactly the version, the same bytes each time, and clean by every static rule."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from isthmus import names
from isthmus.config import Platform
from isthmus.deploy.package import Package
from isthmus.infra.check import check
from isthmus.infra.manifest import read_stacks
from tests.deploy.conftest import CHECKOUT, REPOSITORY, STAGES, Templates, read_templates, synth
from tests.deploy.versions import MODEL

NAG = """
import sys
from pathlib import Path
from isthmus.infra.node import use_node
use_node()
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks
import isthmus.deploy.parts.alarm as alarm
from isthmus.config import read_deploy, read_platform
from isthmus.deploy.app import application

def check(outdir):
    app = application(read_platform(), read_deploy(), Path(sys.argv[1]), outdir=outdir)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    Validations.of(app).add_plugins(NIST80053R5Checks(app))
    try:
        app.synth()
    except RuntimeError as error:
        print(error, file=sys.stderr)

check(sys.argv[2])
alarm.excuse = lambda *_: None
check(sys.argv[3])
"""


# What turns a rollout back.
KINDS = ("errors", "latency", "refusals")


def one(template: dict[str, Any], kind: str) -> dict[str, Any]:
    """The properties of the template's only resource of that kind."""
    (found,) = (r["Properties"] for r in template["Resources"].values() if r["Type"] == kind)
    return dict(found)


@pytest.mark.parametrize("stage", STAGES)
def test_the_endpoint_runs_exactly_the_version(templates: Templates, package: Package, stage: str) -> None:
    assert one(templates[stage], "AWS::SageMaker::Model")["Containers"] == [{"ModelPackageName": package.arn}]
    tags = {tag["Key"]: tag["Value"] for tag in one(templates[stage], "AWS::SageMaker::Endpoint")["Tags"]}
    assert tags == {"isthmus:model-package-arn": package.arn, "isthmus:commit": "c0ffee"}


def test_each_stage_is_in_its_account_and_deployed_by_its_own_role(
    assembly: Path, platform: Platform
) -> None:
    for stack, stage in zip(sorted(read_stacks(assembly), key=lambda s: s.name), sorted(STAGES), strict=True):
        account = getattr(platform.accounts, stage)
        assert (stack.name, stack.account) == (names.endpoint_stack(platform, MODEL, stage), account)
        assert stack.role == names.role_arn(account, names.deploy_role(platform, MODEL))
        assert stack.execution_role == names.role_arn(account, names.cloudformation_role(platform, MODEL))
        assert not stack.assets


def test_the_same_version_makes_the_same_bytes(assembly: Path, package: Package, tmp_path: Path) -> None:
    package.write(tmp_path)
    again = synth(tmp_path / "out", tmp_path)
    for file in assembly.glob("*.template.json"):
        assert (again / file.name).read_bytes() == file.read_bytes()


def test_another_version_makes_other_names(
    templates: Templates, package: Package, platform: Platform, tmp_path: Path
) -> None:
    """What cannot be changed in place gets a new name; what clients and alarms know keeps its own."""
    from dataclasses import replace

    replace(package, arn=f"{package.arn}4").write(tmp_path)
    other = read_templates(synth(tmp_path / "out", tmp_path))[f"{platform.name}-{MODEL}-prod"]
    before = templates["prod"]
    for kind, name in (("Model", "ModelName"), ("EndpointConfig", "EndpointConfigName")):
        kind = f"AWS::SageMaker::{kind}"
        assert one(other, kind)[name] != one(before, kind)[name]
        assert one(other, kind)[name].startswith(f"{MODEL}-")
    assert one(other, "AWS::SageMaker::Endpoint")["EndpointName"] == MODEL


@pytest.mark.parametrize("stage", STAGES)
def test_all_is_captured_encrypted_into_the_stages_own_bucket(
    templates: Templates, platform: Platform, stage: str
) -> None:
    account = getattr(platform.accounts, stage)
    config = one(templates[stage], "AWS::SageMaker::EndpointConfig")
    key = f"arn:aws:kms:{platform.region}:{account}:{names.key_alias(platform)}"
    capture = config["DataCaptureConfig"]
    bucket = names.capture_bucket(platform, account)
    assert config["KmsKeyId"] == capture["KmsKeyId"] == key
    assert (
        capture["DestinationS3Uri"] == f"s3://{bucket}/{names.captures(MODEL)}{config['EndpointConfigName']}"
    )
    assert (capture["EnableCapture"], capture["InitialSamplingPercentage"]) == (True, 100)
    assert one(templates[stage], "AWS::SageMaker::Model")["EnableNetworkIsolation"] is True


def alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each alarm's properties, by its name."""
    found = (r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::CloudWatch::Alarm")
    return {one["AlarmName"]: one for one in found}


@pytest.mark.parametrize("stage", STAGES)
def test_what_monitors_find_has_the_alarms_that_the_bridge_knows(
    templates: Templates, platform: Platform, stage: str
) -> None:
    wanted = {
        names.drift_alarm(platform, MODEL): "FeatureDrift",
        names.quality_alarm(platform, MODEL): "QualityLoss",
    }
    for name, metric in wanted.items():
        alarm = alarms(templates[stage])[name]
        assert (alarm["Namespace"], alarm["MetricName"]) == ("Isthmus", metric)
        assert alarm["Dimensions"] == [{"Name": "Model", "Value": MODEL}, {"Name": "Stage", "Value": stage}]
        assert (alarm["Threshold"], alarm["TreatMissingData"]) == (1, "notBreaching")


@pytest.mark.parametrize("stage", STAGES)
def test_what_else_monitors_find_tells_people_and_not_that_it_ended(
    templates: Templates, platform: Platform, stage: str
) -> None:
    """A minute later nothing is measured, which says nothing."""
    topic = f"arn:aws:sns:{platform.region}:{getattr(platform.accounts, stage)}:{names.topic(platform)}"
    for name in (names.predictions_alarm, names.constraints_alarm):
        alarm = alarms(templates[stage])[name(platform, MODEL)]
        assert (alarm["AlarmActions"], "OKActions" in alarm) == ([topic], False)


@pytest.mark.parametrize("stage", STAGES)
def test_failing_and_slow_endpoints_call_people(templates: Templates, platform: Platform, stage: str) -> None:
    account = getattr(platform.accounts, stage)
    topic = f"arn:aws:sns:{platform.region}:{account}:{names.topic(platform)}"
    for name, metric in (
        (names.errors_alarm(platform, MODEL), "Invocation5XXErrors"),
        (names.latency_alarm(platform, MODEL), "ModelLatency"),
    ):
        alarm = alarms(templates[stage])[name]
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SageMaker", metric)
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
        assert {one["Name"]: one["Value"] for one in alarm["Dimensions"]}["EndpointName"] == MODEL


def test_prod_is_a_canary_that_alarms_on_the_new_fleet_turn_back(
    templates: Templates, platform: Platform
) -> None:
    prod, staging = templates["prod"], templates["staging"]
    config = one(prod, "AWS::SageMaker::EndpointConfig")["EndpointConfigName"]
    asked = one(prod, "AWS::SageMaker::Endpoint")["DeploymentConfig"]
    routing = asked["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (routing["Type"], routing["CanarySize"]) == ("CANARY", {"Type": "CAPACITY_PERCENT", "Value": 50})
    assert routing["WaitIntervalInSeconds"] == 300
    assert "DeploymentConfig" not in one(staging, "AWS::SageMaker::Endpoint")
    named = [alarm["AlarmName"] for alarm in asked["AutoRollbackConfiguration"]["Alarms"]]
    assert named == [names.rollback_alarm(platform, config, kind) for kind in KINDS]
    for name in named:
        dimensions = {one["Name"]: one["Value"] for one in alarms(prod)[name]["Dimensions"]}
        assert (dimensions["EndpointName"], dimensions["EndpointConfigName"]) == (MODEL, config)
    (endpoint,) = (r for r in prod["Resources"].values() if r["Type"] == "AWS::SageMaker::Endpoint")
    before = {prod["Resources"][one]["Properties"].get("AlarmName") for one in endpoint["DependsOn"]}
    assert before >= set(named)


@pytest.mark.parametrize("stage", STAGES)
def test_the_monitor_is_scheduled_and_its_step_is_a_valid_request(templates: Templates, stage: str) -> None:
    """Held against botocore's description of CreateProcessingJob, the call that the step becomes."""
    pipeline = one(templates[stage], "AWS::SageMaker::Pipeline")
    schedule = one(templates[stage], "AWS::Scheduler::Schedule")
    assert schedule["Target"]["Arn"].endswith(f":pipeline/{pipeline['PipelineName']}")
    assert schedule["ScheduleExpression"] == "rate(1 day)"
    _, parts = pipeline["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Join"]
    definition = json.loads(
        "".join(part if isinstance(part, str) else f"the {part['Ref']}" for part in parts)
    )
    (step,) = definition["Steps"]
    assert (definition["Version"], step["Type"]) == ("2020-12-01", "Processing")
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateProcessingJob").input_shape
    validate_parameters(step["Arguments"] | {"ProcessingJobName": "x"}, shape)
    environment = step["Arguments"]["Environment"]
    config = one(templates[stage], "AWS::SageMaker::EndpointConfig")
    captured = config["DataCaptureConfig"]["DestinationS3Uri"]
    assert environment["CAPTURES_URI"] == f"{captured}/{MODEL}/AllTraffic"
    encrypted = step["Arguments"]["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"]
    assert encrypted == step["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"] == "the DataKey"


def test_no_template_names_a_policy_or_a_principal(templates: Templates) -> None:
    """Who may do what stands in the accounts' stacks, reviewed there; a deployment can widen nothing."""
    for template in templates.values():
        kinds = {resource["Type"] for resource in template["Resources"].values()}
        assert not [kind for kind in kinds if kind.startswith("AWS::IAM::") or "Policy" in kind]
        assert '"*"' not in json.dumps(template)


def test_cfn_lint_finds_nothing(assembly: Path) -> None:
    assert check(assembly) == []


@pytest.fixture(scope="module")
def nagged(package: Package, tmp_path_factory: pytest.TempPathFactory) -> list[set[str]]:
    """The rules of AwsSolutions and NIST 800-53 that both stacks break: with excuses, and without."""
    folder = tmp_path_factory.mktemp("nag")
    package.write(folder)
    outputs = [folder / "excused", folder / "unexcused"]
    finished = subprocess.run(
        [sys.executable, "-c", NAG, str(folder), *map(str, outputs)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT), "ISTHMUS_PLATFORM": str(CHECKOUT / "platform.yaml")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    reports = [(output / "validation-report.json").read_text() for output in outputs]
    return [set(re.findall(r"(?:AwsSolutions|NIST\.800\.53\.R5)-\w+", report)) for report in reports]


def test_cdk_nag_finds_nothing_but_what_is_excused(nagged: list[set[str]]) -> None:
    assert nagged == [set(), {"NIST.800.53.R5-CloudWatchAlarmAction"}]
