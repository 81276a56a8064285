"""Where the registry, the runs and the endpoints disagree: in words, and what a look of the bridge mends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from isthmus.agreement import Version, differences, iso
from isthmus.config import STAGES, Stage
from isthmus.errors import BadInput, Problem
from isthmus.operate.checking import Ran
from isthmus.serving import Change, Serving
from tests.local.azure_devops.standin import StandIn
from tests.local.sagemaker.conftest import Aws
from tests.operate.conftest import GROUP_ARN, MODEL, Shell

AN_HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)


def ago(length: timedelta) -> datetime:
    return NOW - length


def version(number: int, approval: str = "Approved", **fields: Any) -> Version:
    known = Version(
        arn=f"{GROUP_ARN}/{number}", model=MODEL, number=number, approval=approval, state="Completed",
        created=ago(timedelta(hours=3)), changed=ago(AN_HOUR), stage="", stage_status="",
    )  # fmt: skip
    return replace(known, **fields)


def run(number: int, *, at: datetime | None = None, over: bool = True, ours: bool = True) -> Ran:
    arn = f"{GROUP_ARN}/{number}"
    return Ran({"modelPackageArn": arn, "approvalKey": f"{arn}#{iso(at)}" if at else ""}, ours, over)


def endpoint(stage: Stage, number: int = 0, status: str = "InService") -> Serving:
    arn = f"{GROUP_ARN}/{number}" if number else ""
    return Serving(stage, MODEL, "", status, NOW, "", arn, behind=(arn,))


def test_what_somebody_changed_past_the_pipeline_is_told_while_no_run_goes_on() -> None:
    changed = replace(
        endpoint("prod", 3),
        endpoint_config="rain-1",
        changed=(Change("AllTraffic has 20.0% of the weights"),),
    )
    what = "the endpoint is not as rain-1 says: AllTraffic has 20.0% of the weights"
    assert (f"{MODEL} at prod", what, False) in said(in_prod(3), run(3), changed)
    assert said(in_prod(3), run(3, over=False), changed) == []


def test_of_one_that_its_alarm_took_off_the_weights_are_not_told_as_changed_and_the_rest_is() -> None:
    off = replace(
        endpoint("prod", 2),
        challenger=version(3).arn,
        taken_off=True,
        changed=(Change("no weight", "Challenger", "DesiredWeight=1"), Change("it captures nothing")),
    )
    compared = version(3, stage="prod", stage_status="Challenger")
    first, second = said(in_prod(2), compared, off)
    assert "its own alarm took it off" in first[1]
    assert "it captures nothing" in second[1]


def in_prod(number: int, status: str = "Approved") -> Version:
    return version(number, status, stage="prod", stage_status="InService")


def said(*found: Any, rolls_back: bool = False) -> list[tuple[str, str, bool]]:
    """What differs where there is that; a stage of which nothing is given has no endpoint."""
    versions, runs, ends = (
        [one for one in found if isinstance(one, kind)] for kind in (Version, Ran, Serving)
    )
    serving: dict[Stage, list[Serving]] = {
        stage: [one for one in ends if one.stage == stage] for stage in STAGES
    }
    listed = differences(MODEL, versions, runs, serving, NOW, rolls_back=rolls_back)
    return [(one.about, one.what, one.mends) for one in listed]


def test_where_all_agree_nothing_differs() -> None:
    there = [in_prod(2), run(2), version(3), run(3), endpoint("staging", 2), endpoint("prod", 2)]
    assert said(*there) == []
    assert said() == []


def test_an_approval_that_no_run_came_of_differs_and_can_be_mended() -> None:
    approved = version(3)
    at = approved.changed.isoformat(timespec="seconds")
    assert said(approved) == [(f"{MODEL}/3", f"approved {at}, and no run deploys it", True)]


@pytest.mark.parametrize(
    "fields",
    [
        {"approval": "PendingManualApproval"},
        {"approval": "Rejected"},
        {"state": "Failed"},
        {"stage": "prod", "stage_status": "Retired"},
        {"created": timedelta(hours=1), "changed": timedelta(hours=1)},
        {"changed": timedelta(minutes=1)},
        {"changed": timedelta(days=30), "created": timedelta(days=31)},
    ],
)
def test_what_waits_for_no_run_does_not_differ(fields: dict[str, Any]) -> None:
    """As the reconciler judges it: see `tests/bridge/test_reconcile.py`."""
    since = {name: ago(value) if isinstance(value, timedelta) else value for name, value in fields.items()}
    assert said(replace(version(3), **since)) == []


@pytest.mark.parametrize(("earlier", "differs"), [(timedelta(minutes=30), False), (timedelta(hours=2), True)])
def test_what_a_later_approval_overtook_stays(earlier: timedelta, differs: bool) -> None:
    assert bool(said(version(3), run(4, at=ago(earlier)))) == differs


def test_a_persons_run_hides_no_approval_unless_it_deploys_it_now() -> None:
    later, cancelled = run(4, at=ago(timedelta(minutes=30)), ours=False), run(3, ours=False)
    assert said(version(3), later, cancelled)
    assert said(version(3), run(3, ours=False, over=False)) == []


@pytest.mark.parametrize("mends", [False, True])
def test_a_version_that_serves_and_is_rejected_differs(mends: bool) -> None:
    found = said(in_prod(2, "Rejected"), endpoint("prod", 2), rolls_back=mends)
    assert found == [(f"{MODEL}/2", "is Rejected, and serves prod", mends)]


def test_an_endpoint_that_serves_another_version_than_the_registry_says_differs() -> None:
    what = "the registry says that version 2 serves, and the endpoint serves {}"
    assert said(in_prod(2), endpoint("prod", 1)) == [(f"{MODEL} at prod", what.format("version 1"), False)]
    assert said(in_prod(2)) == [(f"{MODEL} at prod", what.format("nothing"), False)]
    assert said(in_prod(2), endpoint("prod")) == [(f"{MODEL} at prod", what.format("no version"), False)]


def test_what_serves_and_the_registry_does_not_know_differs() -> None:
    known = version(1, created=ago(timedelta(days=10)), changed=ago(timedelta(days=9)))
    about = f"{MODEL} at prod"
    for there, what in (
        ([known, endpoint("prod", 1)], "the endpoint serves version 1, and the registry does not say so"),
        ([replace(known, approval="Rejected"), endpoint("prod", 1)],
         "the endpoint serves version 1, which is Rejected"),
        ([endpoint("prod", 1)], "the endpoint serves version 1, which the registry does not have"),
        ([endpoint("prod")], "the endpoint serves no version, which the registry does not have"),
        ([in_prod(2), endpoint("prod", 2), replace(endpoint("prod", 1), endpoint=f"{MODEL}-async")],
         "the endpoint serves version 1, which the registry does not have"),
    ):  # fmt: skip
        assert said(*there) == [(about, what, False)]


def test_a_configuration_that_no_deployment_asked_for_differs() -> None:
    serves = replace(in_prod(2), metadata={"prod_endpoint_config": "rain-1"})
    by_hand = replace(endpoint("prod", 2), endpoint_config="by-hand")
    what = "the endpoint runs by by-hand, and version 2 was deployed by rain-1"
    assert said(serves, by_hand) == [(f"{MODEL} at prod", what, False)]
    assert said(serves, replace(by_hand, endpoint_config="rain-1")) == []
    both = {"prod_endpoint_config": "old", "prod_compared_config": "both"}
    compared = version(3, stage="prod", stage_status="Challenger", metadata=both)
    beside = replace(endpoint("prod", 2), endpoint_config="both", challenger=compared.arn)
    assert said(serves, compared, run(3), beside) == []


def test_what_is_compared_besides_what_the_registry_says_differs() -> None:
    compared = version(3, stage="prod", stage_status="Challenger")
    both = replace(endpoint("prod", 2), challenger=compared.arn)
    about = f"{MODEL} at prod"
    assert said(in_prod(2), compared, run(2), run(3), both) == []
    (found,) = said(in_prod(2), compared, run(2), run(3), endpoint("prod", 2))
    assert found[:2] == (about, "the registry says that version 3 is compared, and the endpoint has none "
                                "beside the one that serves")  # fmt: skip
    (found,) = said(in_prod(2), version(3), run(2), run(3), both)
    assert found[:2] == (about, "the endpoint compares version 3, and the registry does not say so")
    (found,) = said(in_prod(2), replace(compared, approval="Rejected"), run(2), run(3), both)
    assert found[1] == "is Rejected, and serves prod"


def test_while_a_run_goes_on_an_endpoint_may_differ() -> None:
    assert said(in_prod(2), endpoint("prod", 1), run(2, over=False)) == []


def test_an_endpoint_that_failed_differs() -> None:
    found = said(in_prod(2), endpoint("prod", 2, "Failed"))
    assert found == [(f"{MODEL} at prod", "the endpoint is Failed", False)]


# ---------------------------------------------------------------- the command


def test_status_check_says_what_differs_and_has_it_looked_after(
    shell: Shell, aws: Aws, azure: StandIn
) -> None:
    signed_in = {"AZURE_DEVOPS_URL": azure.organization_url, "AZURE_DEVOPS_TOKEN": azure.token("robin")}
    sqs, sagemaker = aws.client("sqs"), aws.client("sagemaker")
    queue = sqs.create_queue(QueueName="isthmus-bridge")["QueueUrl"]
    done = shell.run("status", "--check", **signed_in)
    assert done.output == "nothing differs between the registry, the runs and the endpoints\n"
    assert done.exit_code == 0
    sagemaker.update_model_package(ModelPackageArn=f"{GROUP_ARN}/1", ModelApprovalStatus="Rejected")
    try:
        done = shell.run("status", "--check", **signed_in)
        assert done.exit_code == 1
        assert f"{MODEL}/1: is Rejected, and serves prod" in done.output
        assert "the bridge looks" not in shell.run("status", "--check", "--repair", **signed_in).output
        assert "Messages" not in sqs.receive_message(QueueUrl=queue), "it mends nothing of that"
    finally:
        sagemaker.update_model_package(ModelPackageArn=f"{GROUP_ARN}/1", ModelApprovalStatus="Approved")
        sqs.delete_queue(QueueUrl=queue)


def test_what_cannot_be_compared_ends_otherwise(shell: Shell) -> None:
    problem = shell.run("status", "--check").exception
    assert isinstance(problem, Problem) and problem.exit_code == 2
    assert isinstance(shell.run("status", "--repair").exception, BadInput)
