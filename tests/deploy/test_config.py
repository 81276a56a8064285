"""deploy.yaml: each mistake in it is named by file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.config import DeployConfig, read_deploy
from isthmus.config.compare import Compare
from isthmus.config.compare import read as read_comparison
from isthmus.deploy.records import _kept
from isthmus.errors import BadInput
from tests.deploy.conftest import REPOSITORY

SHARED = "endpoint: shared\nshared: {endpoint: small}"
COMPARE = "compare: {mode: shadow, percent: 100, smallest_difference: 1}"


def test_the_example_is_read() -> None:
    config = read_deploy(REPOSITORY / "deploy.yaml")
    assert (config.model, config.monitoring.window_days) == ("seattle-rain", 30)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("monitoring: {schedule: daily}", ["deploy.yaml:2", "monitoring.schedule", "'daily'"]),
        ("monitoring: {window_days: 0}", ["monitoring.window_days"]),
        ("monitoring: {engine: clarify}", ["deploy.yaml:2", "monitoring.engine", "'model-monitor'"]),
        ("monitoring: {model_quality: true}", ["deploy.yaml:2", "monitoring.model_quality", "anyway"]),
        *(
            (
                f"monitoring:\n  engine: model-monitor\n  {key}",
                ["deploy.yaml:4", f"monitoring.{key.split(':')[0]}", "engine: isthmus"],
            )
            for key in (
                "window_days: 30",
                "confidence: 0.9",
                "drift: {numbers: psi}",
                "explanations: {rows: 10}",
                "service_metrics: true",
                "bias: {facets: [{column: age, above: 50}]}",
            )
        ),
        *(
            (
                f"monitoring:\n  engine: model-monitor\n  schedule: {schedule}",
                ["deploy.yaml:4", "monitoring.schedule", "every few hours"],
            )
            for schedule in ("rate(2 days)", "rate(90 minutes)", "cron(30 5 * * ? *)", "cron(0 5 ? * MON *)")
        ),
        *(
            (
                f"monitoring: {{engine: model-monitor}}\nendpoint: {kind}",
                ["deploy.yaml:2, monitoring.engine", f"this one is {kind.split()[0]}"],
            )
            for kind in ("async", "batch\nbatch: {schedule: rate(1 day)}")
        ),
        (
            f"monitoring: {{engine: model-monitor}}\n{COMPARE}",
            ["deploy.yaml:3, compare", "both versions as one"],
        ),
        (
            "monitoring: {engine: model-monitor}\ncapture_percent: 0",
            ["deploy.yaml:3, capture_percent", "nothing would be"],
        ),
        ("gates: {latency: 5}", ["unknown key 'latency'", "p95_latency_ms"]),
        ("gates: {concurrency: 1000}", ["gates.concurrency", "1000"]),
        ("capacity: {prod: {instance_type: m5.large}}", ["capacity.prod.instance_type", "'m5.large'"]),
        ("capture_percent: 101", ["capture_percent", "101"]),
        (
            "endpoint: serverless\nrollout: {prod: {bake_minutes: 5}}",
            ["rollout", "all traffic of a serverless endpoint at once"],
        ),
        ("rollout: {prod: {strategy: blue}}", ["rollout.prod.strategy", "'canary'"]),
        ("rollout: {prod: {strategy: canary}}", ["rollout.prod", "one of percent and instances"]),
        ("rollout: {prod: {percent: 10}}", ["rollout.prod", "belong to canary and linear"]),
        (
            "rollout: {prod: {strategy: canary, percent: 50, bake_minutes: 1}}",
            ["rollout.prod", "bake_minutes is 1"],
        ),
        (
            "rollout: {prod: {strategy: canary, percent: 50, bake_minutes: 5}}",
            ["rollout.prod", "1 of 1 instances", "raise instance_count"],
        ),
        (
            "rollout: {prod: {strategy: linear, percent: 5, bake_minutes: 5}}",
            ["rollout.prod", "at least 10 percent"],
        ),
        (
            "rollout: {prod: {bake_minutes: 5, alarms: [{name: refused, metric: Invocation4XXErrors}]}}",
            ["rollout.prod.alarms", "one bound: above or below"],
        ),
        (
            "rollout: {prod: {bake_minutes: 5, alarms: [{name: x, metric: Y, namespace: Z, above: 1}]}}",
            ["rollout.prod.alarms", "with which dimensions Z"],
        ),
        ("endpoint: sync", ["deploy.yaml:2", "endpoint", "'sync'", "did you mean 'async'"]),
        ("serverless: {prod: {memory_mb: 2048}}", ["deploy.yaml:2, serverless", "this one is realtime"]),
        ("serverless: {prod: {memory_mb: 1500}}", ["serverless.prod.memory_mb", "1500"]),
        ("endpoint: serverless\ncapacity: {prod: {}}", ["deploy.yaml:3, capacity", "has no instances"]),
        (
            "endpoint: serverless\ngates: {cost: {price_per_hour: 1}}",
            ["deploy.yaml:3, gates.cost.price_per_hour", "say price_per_gb_second"],
        ),
        ("gates: {cost: {price_per_gb_second: 1}}", ["gates.cost.price_per_gb_second", "is realtime"]),
        ("endpoint: serverless\ncapture_percent: 5", ["deploy.yaml:3, capture_percent", "captures nothing"]),
        ("endpoint: serverless\nmonitoring: {window_days: 9}", ["deploy.yaml:3, monitoring", "leave it out"]),
        (
            "endpoint: serverless\nserverless: {prod: {max_concurrency: 2, provisioned_concurrency: 3}}",
            ["deploy.yaml:3, serverless.prod", "provisioned_concurrency is over max_concurrency"],
        ),
        (
            "capacity:\n  prod:\n    scaling: {max_instances: 2}",
            ["deploy.yaml:4, capacity.prod.scaling", "say invocations_per_instance"],
        ),
        (
            "capacity: {prod: {scaling: {min_instances: 0, max_instances: 2, invocations_per_instance: 1}}}",
            ["capacity.prod.scaling.min_instances", "only asynchronous endpoints scale to 0"],
        ),
        (
            "endpoint: async\ncapacity: {prod: {scaling: {min_instances: 3, max_instances: 2}}}",
            ["capacity.prod.scaling", "min_instances is over max_instances"],
        ),
        (
            "endpoint: async\ncapacity: {prod: {scaling: {max_instances: 2, invocations_per_instance: 9}}}",
            ["scaling.invocations_per_instance", "scales by its queue"],
        ),
        ("endpoint: async\nasynchronous: {topics: [succes]}", ["did you mean 'success'"]),
        ("endpoint: batch\nbatch: {on_arrival: false}", ["deploy.yaml:3, batch", "nothing would ever start"]),
        ("endpoint: batch\ncapture_percent: 50", ["capture_percent", "all or nothing"]),
        ("endpoint: batch\nalarms: {error_percent: 2}", ["deploy.yaml:3, alarms", "has no endpoint"]),
        ("endpoint: shared", ["deploy.yaml:2, endpoint", "shared.endpoint, one of platform.yaml's"]),
        ("endpoint: share", ["deploy.yaml:2", "did you mean 'shared'"]),
        ("shared: {endpoint: small}", ["deploy.yaml:2, shared", "it is for endpoint: shared"]),
        (
            "endpoint: shared\nshared:\n  endpoint: small\n  prod:\n    scaling: {max_copies: 2}",
            ["deploy.yaml:6, shared.prod.scaling.invocations_per_copy"],
        ),
        (
            "endpoint: shared\nshared:\n  endpoint: small\n  prod:\n"
            "    scaling: {min_copies: 3, max_copies: 2, invocations_per_copy: 9}",
            ["deploy.yaml:6, shared.prod.scaling.min_copies", "min_copies is over max_copies: 2"],
        ),
        (
            "endpoint: shared\nshared:\n  endpoint: small\n  prod:\n"
            "    copies: 2\n    scaling: {max_copies: 2, invocations_per_copy: 9}",
            ["deploy.yaml:6, shared.prod.copies", "say scaling.min_copies instead"],
        ),
        (
            "endpoint: shared\nshared:\n  endpoint: small\n  prod:\n"
            "    scaling: {min_copies: 0, max_copies: 2, invocations_per_copy: 9}",
            ["deploy.yaml:6, shared.prod.scaling.min_copies", "1"],
        ),
        (f"{SHARED}\ncapacity: {{prod: {{}}}}", ["deploy.yaml:4, capacity", "say shared.<stage>"]),
        (f"{SHARED}\nmonitoring: {{window_days: 9}}", ["deploy.yaml:4, monitoring", "leave it out"]),
        (f"{SHARED}\ncapture_percent: 5", ["deploy.yaml:4, capture_percent", "captures nothing"]),
        (f"{SHARED}\n{COMPARE}", ["deploy.yaml:4, compare", "one production variant and no shadow"]),
        (
            f"{SHARED}\ngates: {{cost: {{price_per_hour: 1}}}}",
            ["deploy.yaml:4, gates.cost.price_per_hour", "is not known"],
        ),
        (
            f"{SHARED}\nrollout: {{prod: {{strategy: canary, percent: 50, bake_minutes: 5}}}}",
            ["deploy.yaml:4, rollout.prod.strategy", "say rolling"],
        ),
        (
            f"{SHARED}\nrollout: {{prod: {{bake_minutes: 5}}}}",
            ["deploy.yaml:4, rollout.prod", "watched by strategy: rolling alone"],
        ),
        (
            f"{SHARED}\nrollout: {{prod: {{strategy: rolling, percent: 4, bake_minutes: 5}}}}",
            ["rollout.prod", "at least 5 percent"],
        ),
        (
            f"{SHARED}\nrollout: {{prod: {{strategy: rolling, instances: 1, bake_minutes: 5}}}}",
            ["rollout.prod", "rolling takes percent"],
        ),
        (
            "rollout: {prod: {strategy: rolling, percent: 50, bake_minutes: 5}}",
            ["deploy.yaml:2, rollout.prod.strategy", "say canary or linear"],
        ),
        ("endpoint: shared\nshared: {endpoint: small, prod: {copy: 2}}", ["did you mean 'copies'"]),
        ("compare: {mode: canary, percent: 5}", ["deploy.yaml:2", "compare.mode", "'shadow'"]),
        ("compare: {mode: ab, percent: 5}", ["compare.smallest_difference"]),
        (
            "compare:\n  mode: ab\n  smallest_difference: 1\n  percent: 60",
            ["deploy.yaml:5, compare.percent", "at least half of the requests"],
        ),
        (f"endpoint: batch\n{COMPARE}", ["deploy.yaml:3, compare", "no requests that could be shared"]),
        (f"endpoint: serverless\n{COMPARE}", ["deploy.yaml:3, compare", "one production variant"]),
        (f"endpoint: async\n{COMPARE}", ["deploy.yaml:3, compare", "one production variant"]),
        (
            f"capture_percent: 0\n{COMPARE[:-1]}, metric: quality}}",
            ["deploy.yaml:3, compare.metric", "capture_percent is 0"],
        ),
        (
            f"{COMPARE[:-1]}, answer: wet}}",
            ["deploy.yaml:2, compare.answer", "it is for metric: predictions"],
        ),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, line: str, words: list[str]) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(f"model: seattle-rain\n{line}\n")
    with pytest.raises(BadInput) as caught:
        read_deploy(file)
    for word in words:
        assert word in str(caught.value)


words = st.text("abc ./:=+@-_7é", min_size=1, max_size=60)


@given(
    st.builds(
        Compare,
        mode=st.just("shadow"),
        percent=st.integers(1, 100),
        metric=st.sampled_from(["errors", "latency", "predictions", "quality"]),
        smallest_difference=st.floats(1e-9, 1e9),
        alpha=st.floats(0.0001, 0.2),
        answer=st.none() | words,
    )
)
def test_what_the_registry_keeps_of_a_comparison_is_read_back(asked: Compare) -> None:
    assert read_comparison(asked.record()) == asked
    assert _kept(asked.record()) == asked.record()


@pytest.mark.parametrize(
    "schedule",
    ["rate(1 day)", "rate(12 hours)", "cron(0 6 ? * MON *)", "cron(0/15 8-17 LW JAN,6 ? 2027-2030)"],
)
def test_schedules_are_those_of_eventbridge(tmp_path: Path, schedule: str) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(f"model: seattle-rain\nmonitoring: {{schedule: '{schedule}'}}\n")
    assert read_deploy(file).monitoring.schedule == schedule


@pytest.mark.parametrize(
    "times", ["0 25 * * ? *", "60 5 * * ? *", "0 5 32 * ? *", "0 5 * * * *", "0 5 * * ?"]
)
def test_a_time_that_never_comes_is_no_schedule(tmp_path: Path, times: str) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(f"model: seattle-rain\nmonitoring: {{schedule: 'cron({times})'}}\n")
    with pytest.raises(BadInput, match="how often, such as rate") as caught:
        read_deploy(file)
    assert "deploy.yaml:2, monitoring.schedule" in caught.value.where


@pytest.mark.parametrize(
    ("instances", "rollout", "steps"),
    [
        (2, "{strategy: canary, percent: 50, bake_minutes: 5}", 2),
        (3, "{strategy: linear, instances: 1, bake_minutes: 10, termination_wait_minutes: 5}", 3),
        (10, "{strategy: linear, percent: 30, bake_minutes: 10}", 4),
        (1, "{bake_minutes: 10}", 1),
    ],
)
def test_a_rollout_takes_its_steps(tmp_path: Path, instances: int, rollout: str, steps: int) -> None:
    found = read(tmp_path, instances, rollout)
    assert found.rollout.prod.steps(instances) == steps
    assert found.rollout.staging.is_plain


@pytest.mark.parametrize(
    ("instances", "rollout", "words"),
    [
        (3, "{strategy: canary, percent: 50, bake_minutes: 5}", "turns on 2 of 3 instances"),
        (30, "{strategy: linear, instances: 2, bake_minutes: 5}", "at least a tenth"),
        (10, "{strategy: linear, percent: 10, bake_minutes: 60}", "takes 600 minutes, and 420 are the most"),
    ],
)
def test_what_sagemaker_would_not_do_is_refused_before_it_is_asked(
    tmp_path: Path, instances: int, rollout: str, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        read(tmp_path, instances, rollout)


def read(folder: Path, instances: int, rollout: str) -> DeployConfig:
    file = folder / "deploy.yaml"
    capacity = f"capacity: {{prod: {{instance_count: {instances}}}}}"
    file.write_text(f"model: seattle-rain\n{capacity}\nrollout: {{prod: {rollout}}}\n")
    return read_deploy(file)
