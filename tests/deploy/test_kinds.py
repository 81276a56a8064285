"""One model served in four ways, one after the other, in one stage: deployed, asked, and switched."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from isthmus import asking, names
from isthmus.deploy.package import read
from isthmus.errors import NotFound, Refused
from isthmus.monitor import service
from isthmus.monitor.findings import Findings
from isthmus.serving import look
from tests.deploy.team import Team, done
from tests.deploy.test_lifecycle import cloud, issuer, new_version, team
from tests.deploy.versions import MODEL, Version
from tests.local.aws.test_deliveries import until
from tests.local.conftest import ACCOUNTS, REGION, ROOT_SECRET

__all__ = ["cloud", "issuer", "new_version", "team"]

STAGING = ACCOUNTS["staging"]
SMALL = {"instance_type": "ml.m5.large"}
ASLEEP = SMALL | {"scaling": {"min_instances": 0, "max_instances": 2}}
KINDS: dict[str, dict[str, Any]] = {
    "realtime": {
        "capacity": {"staging": SMALL | {"scaling": {"max_instances": 3, "invocations_per_instance": 9}}}
    },
    "serverless": {"serverless": {"staging": {"memory_mb": 1024, "max_concurrency": 3}}},
    "async": {"capacity": {"staging": ASLEEP}},
    "batch": {"batch": {"schedule": "rate(1 day)"}},
    "model-monitor": {
        "endpoint": "realtime",
        "monitoring": {"engine": "model-monitor", "model_quality": True, "schedule": "rate(1 hour)"},
    },
}
Deploy = Callable[[str], str]


@pytest.fixture(scope="module")
def deploy(
    team: Team, new_version: Callable[[Version], tuple[str, Path]], tmp_path_factory: pytest.TempPathFactory
) -> Deploy:
    """Deploys the one version to staging in a way; gives what the deployment said. Each way once."""
    arn, _ = new_version(Version())
    said: dict[str, str] = {}

    def switch(kind: str) -> str:
        if kind not in said:
            config = {"model": MODEL, "endpoint": kind} | KINDS[kind]
            (team.repository / "deploy.yaml").write_text(yaml.safe_dump(config))
            output = tmp_path_factory.mktemp(kind) / "assembly"
            done(team.synth(arn, output))
            said[kind] = done(team.apply(output, "staging", f"run-{kind}"))
            assemblies[kind] = output
        return said[kind]

    return switch


assemblies: dict[str, Path] = {}


def client(team: Team, service: str) -> Any:
    return team.cloud.aws.client(service, STAGING)


def ask(team: Team, *words: str) -> list[str]:
    said = done(team.operate("invoke", MODEL, "--stage", "staging", *words))
    return said.splitlines()


EXPECTED = [f"{Version().predict(wind):.6f}" for wind in (1.0, -2.0)]
ROWS = "wind,season\n1.0,wet\n-2.0,dry\n"


def rounded(answers: list[str]) -> list[str]:
    return [f"{float(one):.6f}" for one in answers]


@pytest.fixture
def rows(tmp_path: Path) -> str:
    (tmp_path / "rows.csv").write_text(ROWS)
    return str(tmp_path / "rows.csv")


class TestRealtime:
    def test_it_answers(self, team: Team, deploy: Deploy, rows: str) -> None:
        assert f"endpoint {MODEL} in staging runs" in deploy("realtime")
        assert rounded(ask(team, "--data", rows)) == EXPECTED

    def test_it_scales_by_what_it_is_asked(self, team: Team, deploy: Deploy) -> None:
        deploy("realtime")
        scaling = client(team, "application-autoscaling")
        (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        assert (target["ResourceId"], target["MaxCapacity"]) == (f"endpoint/{MODEL}/variant/AllTraffic", 3)
        (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 9

    def test_the_newest_report_is_shown_whichever_version_serves(self, team: Team, deploy: Deploy) -> None:
        deploy("realtime")
        serves = read(assemblies["realtime"]).version
        for version in (serves, serves - 1):
            found = Findings(MODEL, "staging", version, "2026-11-20", "2026-11-26T09:00:00+00:00", 7, 0)
            client(team, "s3").put_object(
                Bucket=names.capture_bucket(team.platform, STAGING),
                Key=f"{names.reports(MODEL)}{version}/execution/findings.json",
                Body=found.as_json().encode(),
            )
            said = done(team.operate("monitor", "report", MODEL, "--stage", "staging"))
            assert f"version {version}, captured from 2026-11-20" in said
            warning = f"version {serves} serves now, and the newest report is of version {version}"
            assert (warning in said) == (version != serves)


class TestServerless:
    def test_switching_leaves_no_request_unanswered(self, team: Team, deploy: Deploy, rows: str) -> None:
        """Through the door that finds what serves, as `isthmus invoke` and the API do."""
        deploy("realtime")
        failures: list[Exception] = []
        answered, over = threading.Event(), threading.Event()

        def ask_on() -> None:
            while not over.is_set():
                try:
                    assert through_the_door(team)
                    answered.set()
                except (ClientError, AssertionError) as error:
                    failures.append(error)

        thread = threading.Thread(target=ask_on)
        thread.start()
        assert answered.wait(60)
        said = deploy("serverless")
        over.set()
        thread.join()
        assert failures == []
        assert f"endpoint {MODEL}-serverless in staging runs" in said
        assert rounded(ask(team, "--data", rows)) == EXPECTED

    def test_the_one_before_is_gone_and_scales_no_more(self, team: Team, deploy: Deploy) -> None:
        deploy("serverless")
        found = client(team, "sagemaker").list_endpoints()["Endpoints"]
        assert [one["EndpointName"] for one in found] == [f"{MODEL}-serverless"]
        scaling = client(team, "application-autoscaling")
        assert not scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]

    def test_the_gates_pass(self, team: Team, deploy: Deploy, tmp_path: Path) -> None:
        deploy("serverless")
        assert "✗" not in done(team.gate(assemblies["serverless"], "staging", tmp_path))

    def test_nothing_watches_what_is_not_captured(self, team: Team, deploy: Deploy) -> None:
        deploy("serverless")
        result = team.operate("monitor", "run", MODEL, "--stage", "staging")
        assert "has no monitor" in str(result.exception)


def through_the_door(team: Team) -> bytes:
    sagemaker = client(team, "sagemaker")
    bucket = names.capture_bucket(team.platform, STAGING)
    for _ in range(3):
        serving = look(sagemaker, MODEL, "staging")
        runtime = asking.runtime(lambda service: client(team, service), serving, MODEL, bucket)
        try:
            answer = runtime.invoke_endpoint(
                EndpointName=serving.endpoint, Body=ROWS.encode(), ContentType="text/csv", Accept="text/csv"
            )
        except runtime.exceptions.ValidationError:
            # Between the look and the request the other one took over: look again.
            continue
        body: bytes = answer["Body"].read()
        return body
    raise AssertionError("nothing served")


class TestAsynchronous:
    def test_the_answer_is_waited_for(self, team: Team, deploy: Deploy, rows: str) -> None:
        assert f"endpoint {MODEL}-async in staging runs" in deploy("async")
        assert rounded(ask(team, "--data", rows)) == EXPECTED

    def test_a_refusal_is_the_models_own(self, team: Team, deploy: Deploy) -> None:
        deploy("async")
        result = team.operate("invoke", MODEL, "--stage", "staging", "--row", "calm,wet")
        assert "'calm' is not a number" in str(result.exception)

    def test_it_sleeps_until_it_is_asked(self, team: Team, deploy: Deploy, rows: str) -> None:
        deploy("async")
        cloudwatch = client(team, "cloudwatch")
        (low,) = [
            one["AlarmName"]
            for one in cloudwatch.describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
            if "AlarmLow" in one["AlarmName"]
        ]
        cloudwatch.set_alarm_state(AlarmName=low, StateValue="ALARM", StateReason="nothing waits")
        until(lambda: instances(team) == 0)
        assert rounded(ask(team, "--data", rows)) == EXPECTED
        assert instances(team) == 1

    def test_what_was_asked_is_watched(self, team: Team, deploy: Deploy) -> None:
        deploy("async")
        assert "rows captured, 0 unreadable" in done(
            team.operate("monitor", "run", MODEL, "--stage", "staging")
        )


def instances(team: Team) -> int:
    found = client(team, "sagemaker").describe_endpoint(EndpointName=f"{MODEL}-async")
    count: int = found["ProductionVariants"][0]["CurrentInstanceCount"]
    return count if found["EndpointStatus"] == "InService" else -1


class TestBatch:
    def test_a_file_is_answered(self, team: Team, deploy: Deploy, rows: str) -> None:
        assert f"endpoint {MODEL}-batch in staging runs" in deploy("batch")
        (where,) = ask(team, "--file", rows)
        assert where.startswith(f"s3://{names.capture_bucket(team.platform, STAGING)}/results/{MODEL}/")
        assert rounded(self.read(team, where).splitlines()) == EXPECTED

    def read(self, team: Team, uri: str) -> str:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        s3 = client(team, "s3")
        until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"], seconds=60)
        text: str = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        return text

    def test_rows_are_waited_for(self, team: Team, deploy: Deploy, rows: str) -> None:
        deploy("batch")
        assert rounded(ask(team, "--data", rows)) == EXPECTED

    def test_a_file_that_arrives_starts_it(self, team: Team, deploy: Deploy) -> None:
        deploy("batch")
        bucket = names.capture_bucket(team.platform, STAGING)
        s3 = client(team, "s3")
        s3.put_object(Bucket=bucket, Key=f"{names.incoming(MODEL)}monday.csv", Body=ROWS.encode())

        def arrived() -> list[str]:
            found = s3.list_objects_v2(Bucket=bucket, Prefix=names.results(MODEL)).get("Contents", [])
            return [one["Key"] for one in found if one["Key"].endswith("/monday.csv.out")]

        (key,) = until(arrived, seconds=60)
        assert rounded(self.read(team, f"s3://{bucket}/{key}").splitlines()) == EXPECTED

    def test_it_stands_encrypted_with_our_key(self, team: Team, deploy: Deploy) -> None:
        deploy("batch")
        jobs = client(team, "sagemaker").list_transform_jobs()["TransformJobSummaries"]
        job = client(team, "sagemaker").describe_transform_job(TransformJobName=jobs[0]["TransformJobName"])
        alias = names.key_alias(team.platform)
        assert job["TransformOutput"]["KmsKeyId"].endswith(alias)
        assert job["DataCaptureConfig"]["KmsKeyId"].endswith(alias)
        assert ":key/" in job["TransformResources"]["VolumeKmsKeyId"]

    def test_the_gates_pass(self, team: Team, deploy: Deploy, tmp_path: Path) -> None:
        deploy("batch")
        said = done(team.gate(assemblies["batch"], "staging", tmp_path, "quality", "contract"))
        assert "✓ quality: predicts as in training" in said and "✗" not in said
        for found in ("takes columns in another order", "stands extreme values", "refuses a missing column"):
            assert f"✓ contract: {found}" in said
        assert "– contract" not in said

    def test_its_clock_is_set(self, team: Team, deploy: Deploy) -> None:
        deploy("batch")
        found = client(team, "scheduler").get_schedule(Name=names.batch_pipeline(MODEL))
        assert found["ScheduleExpression"] == "rate(1 day)"

    def test_status_and_the_registry_know_the_kind(self, team: Team, deploy: Deploy) -> None:
        deploy("batch")
        said = json.loads(done(team.operate("status", "--json")))["endpoints"]
        (found,) = [one for one in said if one["stage"] == "staging" and one["model"] == MODEL]
        assert (found["kind"], found["name"]) == ("batch", names.batch_pipeline(MODEL))

    def test_what_was_answered_is_watched(self, team: Team, deploy: Deploy) -> None:
        deploy("batch")
        said = done(team.operate("monitor", "run", MODEL, "--stage", "staging"))
        assert re.search(r"[1-9]\d* rows captured, 0 unreadable", said)


class TestModelMonitor:
    """A realtime endpoint whose deploy.yaml has SageMaker Model Monitor watch it."""

    def test_its_schedules_are_in_place_of_ours(self, team: Team, deploy: Deploy) -> None:
        deploy("model-monitor")
        sagemaker = client(team, "sagemaker")
        for name, kind in ((f"{MODEL}-monitor", "DataQuality"), (f"{MODEL}-quality", "ModelQuality")):
            found = sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)
            assert (found["EndpointName"], found["MonitoringType"]) == (MODEL, kind)
            assert found["MonitoringScheduleStatus"] == "Scheduled"
        pipelines = sagemaker.list_pipelines()["PipelineSummaries"]
        assert names.monitor_pipeline(MODEL) not in [one["PipelineName"] for one in pipelines]

    def test_what_it_measures_raises_the_alarm_of_drift(self, team: Team, deploy: Deploy) -> None:
        """Of the feature that has drifted most, whichever it is."""
        deploy("model-monitor")
        cloudwatch, name = client(team, "cloudwatch"), names.drift_alarm(team.platform, MODEL)

        def put(feature: str, distance: float) -> None:
            where = {"Endpoint": MODEL, "MonitoringSchedule": names.monitor_pipeline(MODEL)}
            cloudwatch.put_metric_data(
                Namespace=names.DATA_METRICS,
                MetricData=[
                    {
                        "MetricName": f"feature_baseline_drift_{feature}",
                        "Dimensions": [{"Name": key, "Value": value} for key, value in where.items()],
                        "Value": distance,
                    }
                ],
            )

        def state() -> str:
            (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
            return str(alarm["StateValue"])

        put("wind", 0.19)
        assert until(lambda: state() == "OK", seconds=30)
        put("season", 0.21)
        assert until(lambda: state() == "ALARM", seconds=30)

    def test_what_it_left_is_reported(self, team: Team, deploy: Deploy) -> None:
        deploy("model-monitor")
        words = ("monitor", "report", MODEL, "--stage", "staging")
        nothing = team.operate(*words)
        assert isinstance(nothing.exception, NotFound) and "which is Scheduled" in nothing.exception.todo
        version = read(assemblies["model-monitor"]).version
        drifted = {
            "feature_name": "wind",
            "constraint_check_type": "baseline_drift_check",
            "description": "Baseline drift distance: 0.3 exceeds threshold: 0.2",
        }
        self.leave(team, version, 8, [])
        self.leave(team, version, 9, [drifted])
        session = boto3.Session(STAGING, ROOT_SECRET, region_name=REGION)
        watched = service.schedule(session, MODEL)
        assert watched is not None
        last = {
            "ScheduledTime": datetime(2026, 11, 26, 9, tzinfo=UTC),
            "MonitoringExecutionStatus": "CompletedWithViolations",
        }
        said = service.summary(
            session, team.platform, MODEL, "staging", {**watched, "LastMonitoringExecutionSummary": last}
        )
        assert said.splitlines() == [
            "Model Monitor, 2026-11-26 09:00: CompletedWithViolations",
            f"version {version}: 19 rows captured, 1 violation",
            f"  wind  baseline_drift_check: {drifted['description']}",
        ]
        self.leave(team, version - 1, 10, [])
        said = service.summary(
            session, team.platform, MODEL, "staging", {**watched, "LastMonitoringExecutionSummary": last}
        )
        assert said.splitlines()[1:] == [
            f"version {version} serves now, and the newest report is of version {version - 1}",
            f"version {version - 1}: 20 rows captured, 0 violations",
        ]

    def leave(self, team: Team, version: int, hour: int, violations: list[dict[str, str]]) -> None:
        """What an execution of the service leaves."""
        folder = f"{names.reports(MODEL)}{version}/{MODEL}/{MODEL}-monitor/2026/11/26/{hour:02}"
        files = {
            "statistics.json": {"version": 0.0, "dataset": {"item_count": 10 + hour}, "features": []},
            "constraint_violations.json": {"violations": violations},
        }
        for name, content in files.items():
            client(team, "s3").put_object(
                Bucket=names.capture_bucket(team.platform, STAGING),
                Key=f"{folder}/{name}",
                Body=json.dumps(content).encode(),
            )

    def test_it_cannot_be_run_between_times(self, team: Team, deploy: Deploy) -> None:
        deploy("model-monitor")
        refused = team.operate("monitor", "run", MODEL, "--stage", "staging").exception
        assert isinstance(refused, Refused) and "cron(0 * ? * * *)" in refused.what
        page = team.operate("monitor", "report", MODEL, "--stage", "staging", "--html", "x.html").exception
        assert isinstance(page, Refused) and "writes no page" in page.what

    @pytest.mark.parametrize(
        ("version", "why", "key"),
        [
            (
                Version(lacks="preprocessor.py"),
                "the version has no preprocessor.py for Model Monitor",
                "engine",
            ),
            (Version(metric="log_loss"), "Model Monitor measures no log_loss", "model_quality"),
        ],
    )
    def test_what_it_cannot_watch_is_not_deployed(
        self, team: Team, tmp_path: Path, version: Version, why: str, key: str
    ) -> None:
        (tmp_path / "version").mkdir()
        arn = team.registered(version, tmp_path / "version")
        team.approve(arn)
        config = {"model": MODEL} | KINDS["model-monitor"]
        (team.repository / "deploy.yaml").write_text(yaml.safe_dump(config))
        refused = team.synth(arn, tmp_path / "assembly").exception
        assert isinstance(refused, Refused) and why in refused.what
        assert re.search(rf"deploy\.yaml:\d+, monitoring\.{key}$", refused.where or "")
        assert not (tmp_path / "assembly").exists()
