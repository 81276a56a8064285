"""What the reconciler names, mends and tells, and that `isthmus status --check` names the same."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

from click.testing import CliRunner, Result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from isthmus.agreement import iso
from isthmus.azure.client import authorization
from tests.bridge.clouds import BY_BRIDGE, Clouds
from tests.bridge.conftest import GROUP_ARN, MODEL, PROD, STAGING, Bridge, alarm, clear
from tests.bridge.stages import Endpoint
from tests.bridge.test_reconcile import DEPLOY, register
from tests.cdk.conftest import CHECKOUT

HOUR, MONTH = 3600, 30 * 24 * 3600
DANA = {"id": "da0a", "descriptor": "aad.ZGFuYQ"}
STAGES = {"staging": STAGING, "prod": PROD}


def in_prod(clouds: Clouds, version: int, **fields: Any) -> None:
    register(clouds, version, ModelLifeCycle={"Stage": "prod", "StageStatus": "InService"}, **fields)
    clouds.stages.endpoints[PROD, MODEL] = Endpoint(f"{GROUP_ARN}/{version}")


def differs(bridge: Bridge) -> list[str]:
    """What the looks of one tick name."""
    bridge.log.seek(0)
    bridge.log.truncate()
    bridge.reconcile()
    return [hop["reason"] for hop in bridge.hops() if hop["hop"] == "differs"]


def told(clouds: Clouds) -> list[str]:
    return [one["Subject"] for one in clouds.notices]


def test_what_a_person_must_mend_is_told_once_and_again_only_after_it_was_gone(
    bridge: Bridge, clouds: Clouds
) -> None:
    in_prod(clouds, 2)
    assert (differs(bridge), told(clouds)) == ([], [])
    clouds.stages.endpoints[PROD, MODEL] = Endpoint(f"{GROUP_ARN}/1")
    what = f"{MODEL} at prod: the registry says that version 2 serves, and the endpoint serves version 1"
    for _ in range(3):
        assert differs(bridge) == [what]
    (notice,) = clouds.notices
    message = json.loads(notice["Message"])["default"]
    assert f"Do: isthmus azure run {DEPLOY} -p modelPackageArn={GROUP_ARN}/2" in message
    clouds.stages.endpoints[PROD, MODEL] = Endpoint(f"{GROUP_ARN}/2")
    assert differs(bridge) == []
    clouds.stages.endpoints[PROD, MODEL] = Endpoint(f"{GROUP_ARN}/1")
    assert differs(bridge) == [what]
    assert len(clouds.notices) == 2


def test_an_endpoint_that_is_not_as_a_deployment_made_it_is_told(bridge: Bridge, clouds: Clouds) -> None:
    made = {"CustomerMetadataProperties": {"prod_endpoint_config": f"{MODEL}/by-content"}}
    in_prod(clouds, 2, **made)
    clouds.stages.endpoints[PROD, MODEL] = Endpoint(f"{GROUP_ARN}/2", config="by-hand")
    by = f"the endpoint runs by {MODEL}/by-hand, and version 2 was deployed by {MODEL}/by-content"
    assert differs(bridge) == [f"{MODEL} at prod: {by}"]
    clouds.stages.endpoints[PROD, MODEL] = Endpoint(f"{GROUP_ARN}/2", status="Failed")
    assert differs(bridge) == [f"{MODEL} at prod: the endpoint is Failed"]
    clouds.stages.endpoints[PROD, MODEL] = Endpoint(f"{GROUP_ARN}/9")
    clouds.packages.clear()
    assert differs(bridge) == [
        f"{MODEL} at prod: the endpoint serves version 9, which the registry does not have"
    ]
    assert len(clouds.notices) == 3


def test_of_a_version_that_its_alarm_took_off_it_says_so_and_what_ends_it(
    bridge: Bridge, clouds: Clouds
) -> None:
    in_prod(clouds, 2, CustomerMetadataProperties={"prod_run_id": "30"})
    register(clouds, 4, ModelLifeCycle={"Stage": "prod", "StageStatus": "Challenger"})
    clouds.stages.endpoints[PROD, MODEL] = Endpoint(f"{GROUP_ARN}/2", f"{GROUP_ARN}/4")
    assert bridge.send(alarm("errors-challenger")) == []
    (run,) = clouds.runs
    run |= _run(clouds, 2, 0, over=False, ours=True) | run
    assert (differs(bridge), checked()) == ([], []), "the run that takes it away waits for an approver"
    # One rejects it.
    run["status"] = "completed"
    what = "version 4 is compared and answers nobody: its own alarm took it off, or somebody did"
    clouds.notices.clear()
    assert differs(bridge) == checked() == [f"{MODEL} at prod: {what}"]
    (notice,) = clouds.notices
    command = f"isthmus rollback {MODEL} --stage prod --reason WHY"
    assert f"Do: {command}" in json.loads(notice["Message"])["default"]
    # What it says to do ends the comparison: a run that deploys the one that serves, alone.
    clouds.jobs.tokens.add(authorization("token"))
    clouds.jobs.builds["2"] = _run(clouds, 2, 0, over=False, ours=False)
    assert "goes from version 4 to 2: run 2\n" in person(*command.split()[1:]).stdout
    wanted = clouds.runs_of(DEPLOY)[1]
    assert wanted["modelPackageArn"] == run["templateParameters"]["modelPackageArn"] == f"{GROUP_ARN}/2"
    assert wanted["rollback"].endswith(": WHY")


def test_a_stage_that_it_may_not_see_is_told_once_and_keeps_no_run_from_being_queued(
    bridge: Bridge, clouds: Clouds
) -> None:
    in_prod(clouds, 2)
    clouds.stages.endpoints.clear()
    clouds.stages.closed = {PROD}
    register(clouds, 3)
    assert len(differs(bridge)) == 1
    assert len(differs(bridge)) == 0
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["3"]
    assert told(clouds) == ["The bridge may not see what serves prod"]
    assert clouds.dead_letters == []


def test_a_stage_that_does_not_answer_is_looked_at_again_and_nothing_of_it_is_over(
    bridge: Bridge, clouds: Clouds
) -> None:
    in_prod(clouds, 2)
    clouds.stages.endpoints[PROD, MODEL] = Endpoint(f"{GROUP_ARN}/1")
    before = differs(bridge)
    clouds.stages.away = {PROD}
    register(clouds, 3)
    assert len(differs(bridge)) == 1
    assert "put off" in bridge.names_of_hops()
    assert len(clouds.runs) == 1, "the run that was missing"
    clouds.runs[0]["status"] = "completed"
    clouds.stages.away = set()
    assert set(differs(bridge)) == set(before)
    assert len(clouds.notices) == 1, "it is the same difference"


# ---------------------------------------------------------------- the two ask alike


VERSIONS = st.integers(1, 4)
CYCLES = st.none() | st.tuples(
    st.sampled_from(["staging", "prod"]), st.sampled_from(["InService", "Challenger", "Retired"])
)
REGISTERED = st.tuples(
    VERSIONS,
    st.sampled_from(["Approved", "Approved", "Rejected", "PendingManualApproval"]),
    st.sampled_from([60, HOUR, 2 * HOUR, MONTH]),
    CYCLES,
)
QUEUED = st.tuples(VERSIONS, st.sampled_from([90 * 60, 2 * HOUR]), st.booleans(), st.booleans())
SERVES = st.none() | st.builds(
    lambda number, beside, status, config, weight: Endpoint(
        f"{GROUP_ARN}/{number}" if number else "",
        f"{GROUP_ARN}/{beside}" if beside else "",
        status,
        config,
        weight if beside else 1.0,
    ),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from(["InService", "InService", "Updating", "Failed"]),
    st.sampled_from(["by-content", "by-hand"]),
    st.sampled_from([1.0, 4.0]),
)
RECORDED = {
    f"{stage}_{how}_config": f"{MODEL}/by-content" for stage in STAGES for how in ("endpoint", "compared")
}


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(REGISTERED, max_size=4, unique_by=lambda one: one[0]),
    st.lists(QUEUED, max_size=3),
    st.tuples(SERVES, SERVES),
)
@example([(2, "Approved", MONTH, ("prod", "InService")), (3, "Approved", HOUR, None)], [], (None, None))
@example([(2, "Rejected", HOUR, ("prod", "InService"))], [], (None, Endpoint(f"{GROUP_ARN}/2")))
@example(
    [(2, "Approved", MONTH, ("prod", "InService")), (3, "Approved", MONTH, ("prod", "Challenger"))],
    [(3, HOUR, True, True)],
    (Endpoint(f"{GROUP_ARN}/1"), Endpoint(f"{GROUP_ARN}/2", f"{GROUP_ARN}/3", weight=4.0)),
)
def test_the_reconciler_and_status_check_name_the_same(
    bridge: Bridge,
    clouds: Clouds,
    registered: list[tuple[int, str, int, tuple[str, str] | None]],
    queued: list[tuple[int, int, bool, bool]],
    serving: tuple[Endpoint | None, Endpoint | None],
) -> None:
    clear(clouds)
    for number, approval, age, cycle in registered:
        there = {"ModelLifeCycle": dict(zip(("Stage", "StageStatus"), cycle, strict=True))} if cycle else {}
        metadata = RECORDED if cycle else {}
        more = {"ModelApprovalStatus": approval, "CustomerMetadataProperties": metadata, **there}
        register(clouds, number, age=age, **more)
    for number, age, over, ours in queued:
        clouds.runs.append(_run(clouds, number, age, over=over, ours=ours))
    ends = zip(STAGES.values(), serving, strict=True)
    clouds.stages.endpoints = {(account, MODEL): one for account, one in ends if one}
    said = checked()
    assert sorted(differs(bridge)) == sorted(said)
    # What both name is told once, or mended under the key of its event: never again, however often they look.
    runs, notices = len(clouds.runs), len(clouds.notices)
    bridge.reconcile()
    assert (len(clouds.runs), len(clouds.notices)) == (runs, notices)


def _run(clouds: Clouds, number: int, age: int, *, over: bool, ours: bool) -> dict[str, Any]:
    arn, at = f"{GROUP_ARN}/{number}", iso(datetime.fromtimestamp(datetime.now(UTC).timestamp() - age, UTC))
    who = BY_BRIDGE if ours else {"requestedFor": DANA, "requestedBy": DANA}
    return {
        "id": len(clouds.runs) + 1,
        "pipeline": clouds.pipelines[DEPLOY],
        "templateParameters": {"modelPackageArn": arn, "approvalKey": f"{arn}#{at}", "correlationId": "one"},
        "status": "completed" if over else "inProgress",
        "queueTime": at,
        "buildNumber": "1",
        "definition": {"id": 1, "name": DEPLOY},
        "reason": "manual",
        "sourceBranch": "refs/heads/main",
        "sourceVersion": "c0ffee",
        "_links": {"web": {"href": ""}},
        **who,
    }


def checked() -> list[str]:
    """What `isthmus status --check` says in the environment that there is."""
    done = person("status", "--check", "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == bool(found)
    return [f"{one['about']}: {one['what']}" for one in found]


def person(*words: str) -> Result:
    """A command of isthmus in the environment that there is."""
    from isthmus.cli import isthmus

    there = {"ISTHMUS_PLATFORM": str(CHECKOUT / "platform.yaml"), "AZURE_DEVOPS_TOKEN": "token"}
    done = CliRunner().invoke(isthmus, list(words), env=dict(os.environ) | there)
    assert done.stdout, done.exception
    return done


def test_what_the_bridge_could_not_carry_is_said_as_well(clouds: Clouds) -> None:
    clouds.dead_letters.append({})
    assert checked() == ["the bridge: 2 dead letters wait"]
