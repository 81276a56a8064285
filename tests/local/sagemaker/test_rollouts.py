"""Updates of endpoints under traffic: it shifts between processes, and a bad version soon gets none of it."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import rollout
from tests.local.sagemaker.conftest import MINUTE, Aws, until
from tests.local.sagemaker.test_endpoints import asked, configured, created, settled

ERRORS, LATENCY = "Invocation5XXErrors", "ModelLatency"


class Traffic:
    """What clients were answered while they kept asking."""

    def __init__(self, one: Callable[[], str]) -> None:
        self.one = one
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.over = threading.Event()

    def ask(self) -> None:
        while not self.over.is_set():
            try:
                self.answers[self.one().partition(":")[0]] += 1
            except ClientError as error:
                self.failures.append(str(error))

    def sees(self, name: str) -> None:
        before = self.answers[name]
        until(lambda: self.answers[name], lambda count: count > before)


@contextmanager
def asking(one: Callable[[], str], clients: int = 3) -> Iterator[Traffic]:
    """Clients that keep asking by `one`, each answer beginning with the name of who gave it."""
    found = Traffic(one)
    threads = [threading.Thread(target=found.ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        found.over.set()
        for thread in threads:
            thread.join()


def traffic(aws: Aws, endpoint: str, clients: int = 3) -> AbstractContextManager[Traffic]:
    aws.client("sagemaker-runtime")
    return asking(lambda: asked(aws, endpoint), clients)


def alarm(aws: Aws, endpoint: str, config: str, metric: str, threshold: float, statistic: str) -> str:
    """An alarm on the fleet of one configuration; its name."""
    name = f"{config}-{metric}"
    extended = statistic.startswith("p")
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="AWS/SageMaker", MetricName=metric, Period=60, EvaluationPeriods=1,
        Threshold=threshold, ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint},
                    {"Name": "VariantName", "Value": "AllTraffic"},
                    {"Name": "EndpointConfigName", "Value": config}],
        **({"ExtendedStatistic": statistic} if extended else {"Statistic": statistic}),
    )  # fmt: skip
    return name


def policy(
    type_: str, minutes: float, alarms: list[str], *, percent: int = 50, **more: Any
) -> dict[str, Any]:
    routing: dict[str, Any] = {"Type": type_, "WaitIntervalInSeconds": int(minutes * 60)}
    size = {"Type": "CAPACITY_PERCENT", "Value": percent}
    routing |= {"CANARY": {"CanarySize": size}, "LINEAR": {"LinearStepSize": size}}.get(type_, {})
    found: dict[str, Any] = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **more}}
    if alarms:
        found["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": one} for one in alarms]}
    return found


def updated(aws: Aws, name: str, config: str, deployment: dict[str, Any] | None = None) -> None:
    more = {"DeploymentConfig": deployment} if deployment else {}
    aws.client("sagemaker").update_endpoint(EndpointName=name, EndpointConfigName=config, **more)


def version(aws: Aws, name: str, instances: int = 2) -> str:
    return configured(aws, name, variant="AllTraffic", instances=instances)


def test_an_update_shifts_all_traffic_and_fails_no_request(aws: Aws) -> None:
    created(aws, "updated", version(aws, "old"))
    config = version(aws, "new")
    with traffic(aws, "updated") as seen:
        updated(aws, "updated", config)
        found = settled(aws, "updated")
        seen.sees("new")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", config)
    assert (seen.failures, set(seen.answers)) == ([], {"old", "new"})


def test_a_canary_gets_its_share_and_then_all(aws: Aws) -> None:
    created(aws, "sharing", version(aws, "blue", 10))
    config = version(aws, "green", 10)
    guard = alarm(aws, "sharing", config, ERRORS, 0.01, "Average")
    with traffic(aws, "sharing") as seen:
        updated(aws, "sharing", config, policy("CANARY", 4, [guard], percent=20))
        until(lambda: pending(aws, "sharing"), lambda status: status == "Baking")
        seen.answers.clear()
        until(lambda: seen.answers.total(), lambda count: count > 60)
        share = seen.answers["green"] / seen.answers.total()
        found = settled(aws, "sharing")
        seen.answers.clear()
        seen.sees("green")
    assert 0.05 < share < 0.4
    assert (found["EndpointConfigName"], seen.failures) == (config, [])
    assert set(seen.answers) <= {"green", "blue"} and seen.answers["blue"] <= 3
    assert "FailureReason" not in found


def pending(aws: Aws, name: str) -> str:
    found = aws.client("sagemaker").describe_endpoint(EndpointName=name)
    summary = found.get("PendingDeploymentSummary", {"ProductionVariants": []})
    return "".join(one["VariantStatus"][0]["Status"] for one in summary["ProductionVariants"])


@pytest.mark.parametrize(
    ("bad", "metric", "threshold", "statistic"),
    [("raising", ERRORS, 0.01, "Average"), ("slow", LATENCY, 100_000, "p95")],
)
def test_a_bad_version_is_rolled_back_by_what_its_requests_measure(
    aws: Aws, bad: str, metric: str, threshold: float, statistic: str
) -> None:
    name, good = f"guarded-{bad}", version(aws, f"good-{bad}")
    created(aws, name, good)
    config = version(aws, bad)
    guard = alarm(aws, name, config, metric, threshold, statistic)
    with traffic(aws, name, clients=6) as seen:
        begun = time.monotonic()
        updated(aws, name, config, policy("CANARY", 60, [guard]))
        found = settled(aws, name)
        took = time.monotonic() - begun
        seen.answers.clear()
        seen.sees(f"good-{bad}")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", good)
    assert guard in found["FailureReason"]
    assert took < 60 * MINUTE / 2
    assert set(seen.answers) <= {f"good-{bad}", bad}
    assert {asked(aws, name) for _ in range(8)} == {f"good-{bad}:1,2"}
    assert "from primary" in seen.failures[0] if bad == "raising" else not seen.failures
    (told,) = aws.client("cloudwatch").describe_alarms(AlarmNames=[guard])["MetricAlarms"]
    assert "Threshold Crossed" in told["StateReason"]


def test_a_version_that_cannot_start_takes_no_request(aws: Aws) -> None:
    config = version(aws, "kept")
    created(aws, "rolled-back", config)
    with traffic(aws, "rolled-back") as seen:
        updated(aws, "rolled-back", version(aws, "broken"), policy("LINEAR", 1, []))
        found = settled(aws, "rolled-back")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", config)
    assert "did not pass the ping health check" in found["FailureReason"]
    assert (seen.failures, set(seen.answers)) == ([], {"kept"})


def test_a_deployment_config_of_the_first_deployment_is_kept_for_the_next(aws: Aws) -> None:
    sagemaker, first = aws.client("sagemaker"), version(aws, "first")
    config = version(aws, "second")
    guard = alarm(aws, "retained", config, ERRORS, 0.01, "Average")
    sagemaker.create_endpoint(
        EndpointName="retained", EndpointConfigName=first, DeploymentConfig=policy("CANARY", 60, [guard])
    )
    settled(aws, "retained")
    aws.client("cloudwatch").set_alarm_state(AlarmName=guard, StateValue="ALARM", StateReason="test")
    with pytest.raises(ClientError, match="does not exist"):
        updated(aws, "retained", config, policy("CANARY", 1, ["no-such-alarm"]))
    sagemaker.update_endpoint(EndpointName="retained", EndpointConfigName=config, RetainDeploymentConfig=True)
    assert pending(aws, "retained")
    sagemaker.delete_endpoint(EndpointName="retained")


def test_one_instance_is_no_canary(aws: Aws) -> None:
    created(aws, "single", version(aws, "lone", 1))
    with pytest.raises(ClientError, match="at most 50% of the variant's instances, which are 1"):
        updated(aws, "single", version(aws, "other", 1), policy("CANARY", 1, [], percent=10))


@given(st.integers(1, 100), st.integers(2, 40), st.sampled_from(["CANARY", "LINEAR"]))
def test_shares_grow_to_all_in_whole_steps(percent: int, instances: int, type_: str) -> None:
    asked_for = policy(type_, 1, ["a"], percent=percent)
    try:
        found = rollout.read(asked_for, instances)
    except ApiError:
        turned_on = math.ceil(percent * instances / 100)
        assert percent > 50 or (type_ == "LINEAR" and percent < 10) or turned_on * 2 > instances
        return
    shares = [stage.share for stage in found.stages]
    assert shares == sorted(set(shares)) and shares[-1] == 1.0
    assert len(shares) == 2 if type_ == "CANARY" else len(shares) <= 10
    assert rollout.read(asked_for, instances, same_variants=False).stages == (rollout.Stage(1.0, 0.0),)


def test_a_rollout_that_cannot_end_in_time_is_refused() -> None:
    asked_for = policy("LINEAR", 10, [], MaximumExecutionTimeoutInSeconds=1200)
    with pytest.raises(ApiError, match="larger than all waiting times, which are 1200 seconds"):
        rollout.read(asked_for, 2)
