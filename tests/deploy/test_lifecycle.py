"""A version's way to prod in the deployed accounts, each step as the role that takes it, and its monitor."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.errors import NotFound, Problem, Refused
from tests.cdk.conftest import synthesized
from tests.deploy.conftest import CHECKOUT
from tests.deploy.team import Team, done, gather
from tests.deploy.versions import MODEL, Version
from tests.infra.conftest import Cloud, deployed
from tests.local.aws.test_deliveries import until
from tests.local.conftest import ACCOUNTS, AUTOMATION, Issuer, issuer

__all__ = ["issuer"]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, issuer: tuple[Issuer, str]) -> Iterator[Cloud]:
    """The platform's accounts, with the programs of this environment for jobs and endpoints."""
    base, file = synthesized(tmp_path_factory), CHECKOUT / "platform.yaml"
    with deployed(tmp_path_factory.mktemp("aws"), issuer, file, base) as found:
        yield found


@pytest.fixture(scope="module")
def team(cloud: Cloud, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Team:
    return gather(cloud, platform, tmp_path_factory.mktemp("team"))


@dataclass(frozen=True)
class Deployed:
    arn: str
    assembly: Path
    said: str


@pytest.fixture(scope="module")
def new_version(
    team: Team, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Version], tuple[str, Path]]:
    """Registers, approves and synthesizes a version; gives its ARN and its assembly."""

    def make(version: Version) -> tuple[str, Path]:
        arn = team.registered(version, tmp_path_factory.mktemp("version"))
        team.approve(arn)
        output = tmp_path_factory.mktemp("out") / "assembly"
        done(team.synth(arn, output))
        return arn, output

    return make


@pytest.fixture(scope="module")
def staged(team: Team, new_version: Callable[[Version], tuple[str, Path]]) -> Deployed:
    arn, assembly = new_version(Version())
    return Deployed(arn, assembly, done(team.apply(assembly, "staging", "41")))


@pytest.fixture(scope="module")
def in_prod(team: Team, staged: Deployed) -> Deployed:
    return Deployed(staged.arn, staged.assembly, done(team.apply(staged.assembly, "prod", "41")))


def test_what_is_not_approved_is_not_synthesized(team: Team, tmp_path: Path) -> None:
    arn = team.registered(Version(), tmp_path)
    result = team.synth(arn, tmp_path / "assembly")
    assert isinstance(result.exception, Refused)
    assert "is not approved: PendingManualApproval" in result.exception.what
    assert not (tmp_path / "assembly").exists()


def test_what_is_not_there_is_said_so(team: Team, staged: Deployed, tmp_path: Path) -> None:
    result = team.synth(re.sub(r"\d+$", "999", staged.arn), tmp_path / "assembly")
    assert isinstance(result.exception, NotFound)
    assert "/999" in result.exception.what


def test_a_version_whose_evidence_is_gone_leaves_nothing_half_made(
    team: Team, tmp_path: Path, platform: Platform
) -> None:
    arn = team.registered(Version(), tmp_path)
    team.approve(arn)
    key = f"{MODEL}/runs/{tmp_path.name}/evidence/holdout.csv"
    s3 = team.cloud.aws.client("s3", AUTOMATION)
    s3.delete_object(Bucket=names.artifact_bucket(platform), Key=key)
    result = team.synth(arn, tmp_path / "assembly")
    assert isinstance(result.exception, NotFound)
    assert "holdout.csv" in result.exception.what
    assert not (tmp_path / "assembly").exists()


def test_an_artifact_that_is_none_and_a_version_without_image_are_named(
    team: Team, tmp_path: Path, platform: Platform
) -> None:
    arn = team.registered(Version(), tmp_path)
    team.approve(arn)
    key = f"{MODEL}/runs/{tmp_path.name}/model.tar.gz"
    team.cloud.aws.client("s3", AUTOMATION).put_object(
        Bucket=names.artifact_bucket(platform), Key=key, Body=b"<html>502 Bad Gateway"
    )
    result = team.synth(arn, tmp_path / "assembly")
    assert isinstance(result.exception, Refused)
    assert "model.tar.gz is no gzip archive: it begins with b'<h'" in str(result.exception)
    sagemaker = team.cloud.aws.client("sagemaker", AUTOMATION)
    bare = sagemaker.create_model_package(
        ModelPackageGroupName=MODEL, ModelApprovalStatus="PendingManualApproval"
    )["ModelPackageArn"]
    team.approve(bare)
    result = team.synth(bare, tmp_path / "assembly")
    assert isinstance(result.exception, Refused)
    assert f"{bare} does not name one image by digest" in str(result.exception)


def swap(team: Team, platform: Platform, arn: str, key: str) -> None:
    """Write the object once more, until S3, which counts seconds, says that it is newer than the version."""
    s3, bucket = team.cloud.aws.client("s3", AUTOMATION), names.artifact_bucket(platform)
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    registered = team.package(arn)["CreationTime"]

    def newer() -> bool:
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        return bool(s3.head_object(Bucket=bucket, Key=key)["LastModified"] > registered)

    until(newer)


@pytest.mark.parametrize(
    "name",
    ["model.tar.gz", "evidence/evaluation.json", "evidence/holdout.csv", "evidence/baseline.json"],
)
def test_what_was_written_after_the_registration_is_not_synthesized(
    team: Team, tmp_path: Path, platform: Platform, name: str
) -> None:
    arn = team.registered(Version(), tmp_path)
    team.approve(arn)
    key = f"{MODEL}/runs/{tmp_path.name}/{name}"
    swap(team, platform, arn, key)
    result = team.synth(arn, tmp_path / "assembly")
    assert isinstance(result.exception, Refused)
    assert f"{Path(name).name} is not what was approved" in result.exception.what
    assert key in str(result.exception.where)
    assert not (tmp_path / "assembly").exists()


def test_nor_deployed_where_it_was_written_while_a_stage_waited(
    team: Team, new_version: Callable[[Version], tuple[str, Path]], platform: Platform
) -> None:
    arn, assembly = new_version(Version())
    artifact = team.package(arn)["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    swap(team, platform, arn, artifact.removeprefix(f"s3://{names.artifact_bucket(platform)}/"))
    result = team.apply(assembly, "staging", "66")
    assert isinstance(result.exception, Refused)
    assert "model.tar.gz is not what was approved" in result.exception.what


def test_the_endpoint_runs_exactly_the_version(team: Team, staged: Deployed) -> None:
    assert f"endpoint {MODEL} in staging runs {staged.arn}" in staged.said
    sagemaker = team.cloud.aws.client("sagemaker", ACCOUNTS["staging"])
    found = sagemaker.describe_endpoint(EndpointName=MODEL)
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=found["EndpointArn"])["Tags"]}
    assert tags["isthmus:model-package-arn"] == staged.arn
    assert tags["isthmus:commit"] == "c0ffee"


def test_the_gates_pass_and_write_what_they_found(team: Team, staged: Deployed, tmp_path: Path) -> None:
    said = done(team.gate(staged.assembly, "staging", tmp_path))
    assert said.count("✓") == 20 and said.count("–") == 4
    assert "✓ quality: predicts as in training" in said
    assert "✓ contract: refuses a text for a number: 400" in said
    suites = JUnitXml.fromfile(str(tmp_path / "gates-staging.xml"))
    assert {suite.name: (suite.tests, suite.failures) for suite in suites} == {
        "staging: contract": (13, 0),
        "staging: cost": (1, 0),
        "staging: fairness": (1, 0),
        "staging: latency": (3, 0),
        "staging: nulls": (2, 0),
        "staging: quality": (3, 0),
        "staging: slices": (1, 0),
    }


def test_a_gate_does_not_pass_on_another_versions_merits(
    team: Team, staged: Deployed, new_version: Callable[[Version], tuple[str, Path]], tmp_path: Path
) -> None:
    _, other = new_version(Version(slope=2.0))
    result = team.gate(other, "staging", tmp_path)
    assert isinstance(result.exception, Problem)
    assert staged.arn in result.exception.what


def test_a_failed_gate_fails_the_run_and_says_why(team: Team, staged: Deployed, tmp_path: Path) -> None:
    bad = tmp_path / "assembly"
    shutil.copytree(staged.assembly, bad)
    evaluation = Version().evaluation() | {"threshold": 0.9999}
    (bad / "evaluation.json").write_text(json.dumps(evaluation))
    result = team.gate(bad, "staging", tmp_path / "results", "quality")
    assert result.exit_code == 1
    assert "✗ quality: reaches the bar: auc 0.9" in result.output
    assert "<failure" in (tmp_path / "results" / "gates-staging.xml").read_text()


def test_a_version_that_was_rejected_while_its_run_waited_is_not_deployed(
    team: Team, staged: Deployed
) -> None:
    team.approve(staged.arn, "Rejected")
    try:
        result = team.apply(staged.assembly, "prod", "41")
        assert isinstance(result.exception, Refused)
        assert "not approved: Rejected" in str(result.exception)
        assert "prod_run_id" not in team.package(staged.arn)["CustomerMetadataProperties"]
    finally:
        team.approve(staged.arn)


def test_the_registry_says_where_the_version_runs(team: Team, in_prod: Deployed) -> None:
    found = team.package(in_prod.arn)
    assert found["ModelLifeCycle"] == {
        "Stage": "prod",
        "StageStatus": "InService",
        "StageDescription": "run 41",
    }
    about = found["CustomerMetadataProperties"]
    assert (about["staging_run_id"], about["prod_run_id"], about["prod_endpoint"]) == ("41", "41", MODEL)
    assert about["approved_by"]
    assert datetime.fromisoformat(about["approved_at"]) <= found["CreationTime"] + timedelta(minutes=10)


def test_applying_again_changes_nothing(team: Team, in_prod: Deployed) -> None:
    before = team.package(in_prod.arn)["LastModifiedTime"]
    config = endpoint_config(team, "prod")
    assert "changing" not in done(team.apply(in_prod.assembly, "prod", "41"))
    assert team.package(in_prod.arn)["LastModifiedTime"] == before
    assert endpoint_config(team, "prod") == config


def test_a_version_in_prod_stays_the_one_to_beat_when_it_passes_staging_again(
    team: Team, in_prod: Deployed
) -> None:
    assert "changing" not in done(team.apply(in_prod.assembly, "staging", "43"))
    assert team.package(in_prod.arn)["ModelLifeCycle"]["Stage"] == "prod"


def endpoint_config(team: Team, stage: Stage) -> str:
    sagemaker = team.cloud.aws.client("sagemaker", ACCOUNTS[stage])
    return str(sagemaker.describe_endpoint(EndpointName=MODEL)["EndpointConfigName"])


def test_a_monitor_with_nothing_captured_says_so(team: Team, in_prod: Deployed) -> None:
    assert "nothing captured yet" in done(team.operate("monitor", "run", MODEL))


class TestMonitor:
    """What clients ask prod is captured, compared and told."""

    @pytest.fixture(scope="class")
    def found(self, team: Team, in_prod: Deployed) -> str:
        self.ask(team)
        self.label(team)
        done(team.gate(in_prod.assembly, "prod", team.repository.parent / "smoke", "contract"))
        return done(team.operate("monitor", "run", MODEL))

    def ask(self, team: Team) -> None:
        """Windier than what the version knows, and a season that it has never seen."""
        operator = team.cloud.person(ACCOUNTS["prod"], names.operator_role(team.platform))
        runtime = team.cloud.client("sagemaker-runtime", operator)
        for row in range(60):
            body = f"wind,season\n{2 + row / 40},{'monsoon' if row % 2 else 'wet'}\n"
            runtime.invoke_endpoint(
                EndpointName=MODEL, ContentType="text/csv", Body=body, InferenceId=f"row-{row}"
            )

    def label(self, team: Team) -> None:
        """It rains by lot, whatever the wind."""
        lines = "\n".join(
            json.dumps(
                {
                    "groundTruthData": {"data": str((row * 7) % 2), "encoding": "CSV"},
                    "eventMetadata": {"eventId": f"row-{row}"},
                    "eventVersion": "0",
                }
            )
            for row in range(60)
        )
        owner = team.cloud.person(ACCOUNTS["prod"], names.data_role(team.platform))
        team.cloud.client("s3", owner).put_object(
            Bucket=names.ground_truth_bucket(team.platform, ACCOUNTS["prod"]),
            Key=f"{MODEL}/{datetime.now(UTC):%Y/%m/%d/%H}/labels.jsonl",
            Body=lines.encode(),
        )

    def test_it_sees_what_clients_asked_and_not_what_gates_did(self, found: str) -> None:
        assert "60 rows captured, 0 unreadable lines" in found

    def test_it_finds_drift_broken_constraints_and_lost_quality(self, found: str) -> None:
        assert re.search(r"wind +\d+\.\d+ +\d\.\d+ +[\d.e-]+  drift", found)
        assert re.search(r"season +categorical_values_check", found)
        assert re.search(r"auc 0\.\d+ \[.*on 60 labels.*a loss beyond chance", found)

    def test_their_alarms_go_off(self, team: Team, found: str) -> None:
        alarms = team.cloud.aws.client("cloudwatch", ACCOUNTS["prod"]).describe_alarms()["MetricAlarms"]
        states = {one["AlarmName"]: one["StateValue"] for one in alarms}
        assert states[names.drift_alarm(team.platform, MODEL)] == "ALARM"
        assert states[names.quality_alarm(team.platform, MODEL)] == "ALARM"
        assert states[names.constraints_alarm(team.platform, MODEL)] == "ALARM"

    def test_the_report_is_a_page_of_its_own(self, team: Team, found: str, tmp_path: Path) -> None:
        said = done(team.operate("monitor", "report", MODEL, "--html", str(tmp_path / "report.html")))
        assert found.endswith(said.rsplit("\n", 2)[0] + "\n")
        page = (tmp_path / "report.html").read_text()
        assert f"{MODEL} in prod" in page and "a loss beyond chance" in page
        assert "src=" not in page and "href=" not in page


def test_the_schedule_starts_the_monitor_as_the_monitors_own_role(team: Team, in_prod: Deployed) -> None:
    """The schedule as it is deployed, but for its moment, which has come."""
    scheduler, sagemaker = (
        team.cloud.aws.client(name, ACCOUNTS["prod"]) for name in ("scheduler", "sagemaker")
    )
    pipeline, role = names.monitor_pipeline(MODEL), names.monitor_role(team.platform, MODEL)
    deployed = scheduler.get_schedule(Name=pipeline)
    assert (deployed["State"], deployed["ScheduleExpression"]) == ("ENABLED", "rate(1 day)")
    before = executions(sagemaker, pipeline)
    scheduler.create_schedule(
        Name=f"{pipeline}-now",
        ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
        **{key: deployed[key] for key in ("Target", "FlexibleTimeWindow", "State")},
    )
    (arn,) = until(lambda: executions(sagemaker, pipeline) - before)

    def started() -> dict[str, Any]:
        found: dict[str, Any] = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return found

    until(lambda: started()["PipelineExecutionStatus"] != "Executing", seconds=60)
    assert started()["PipelineExecutionStatus"] == "Succeeded"
    assert f":assumed-role/{role}/{pipeline}-now" in started()["CreatedBy"]["IamIdentity"]["Arn"]
    assert executions(sagemaker, pipeline) - before == {arn}
    scheduler.delete_schedule(Name=f"{pipeline}-now")


def executions(sagemaker: Any, pipeline: str) -> set[str]:
    found = sagemaker.list_pipeline_executions(PipelineName=pipeline)["PipelineExecutionSummaries"]
    return {one["PipelineExecutionArn"] for one in found}


def test_the_next_version_replaces_it_and_the_registry_knows(
    team: Team, in_prod: Deployed, new_version: Callable[[Version], tuple[str, Path]]
) -> None:
    arn, assembly = new_version(Version(slope=3.0))
    done(team.apply(assembly, "prod", "44"))
    assert team.package(arn)["ModelLifeCycle"]["StageStatus"] == "InService"
    assert team.package(in_prod.arn)["ModelLifeCycle"] == {
        "Stage": "prod",
        "StageStatus": "Retired",
        "StageDescription": "replaced by run 44",
    }
