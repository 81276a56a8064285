"""Where the registry, the runs and the endpoints disagree: in words, and what a look of the bridge mends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from isthmus.azure.people import Person
from isthmus.azure.runs import Run
from isthmus.config import Model
from isthmus.errors import BadInput, Problem
from isthmus.operate.checking import differences
from isthmus.operate.endpoints import Endpoint
from isthmus.operate.registry import Version
from isthmus.serving import Change
from tests.local.azure_devops.standin import StandIn
from tests.local.sagemaker.conftest import Aws
from tests.operate.conftest import GROUP_ARN, MODEL, Shell

HERE = Model(name=MODEL, owner="team")
AN_HOUR = timedelta(hours=1)


def ago(length: timedelta) -> str:
    return (datetime.now(UTC) - length).isoformat(timespec="seconds")


def version(number: int, status: str = "Approved", **fields: Any) -> Version:
    known = Version(
        arn=f"{GROUP_ARN}/{number}", model=MODEL, number=number, status=status, state="Completed",
        created=ago(timedelta(hours=3)), changed=ago(AN_HOUR), metric={}, metadata={},
        stage="", stage_status="", changed_by="", comment="", execution="",
    )  # fmt: skip
    return replace(known, **fields)


BRIDGE, DANA = Person("bridge", descriptor="aadsp.Yg"), Person("Dana", "dana@contoso.example", "aad.ZA")


def run(number: int, *, at: str = "", over: bool = True, by: Person = BRIDGE) -> Run:
    arn = f"{GROUP_ARN}/{number}"
    parameters = {"modelPackageArn": arn, "approvalKey": f"{arn}#{at}" if at else ""}
    status = "completed" if over else "inProgress"
    return Run(number, "1", f"{MODEL}-deploy", status, "", "", "", "", parameters, (), "", "", "", "", by)


def endpoint(stage: str, number: int = 0, status: str = "InService") -> Endpoint:
    arn = f"{GROUP_ARN}/{number}" if number else ""
    return Endpoint(stage, MODEL, status if number else "none", arn, "", "")


def test_what_somebody_changed_past_the_pipeline_is_told_while_no_run_goes_on() -> None:
    changed = replace(
        endpoint("prod", 3), config="rain-1", changed=(Change("AllTraffic has 20.0% of the weights"),)
    )
    what = "the endpoint is not as rain-1 says: AllTraffic has 20.0% of the weights"
    assert (f"{MODEL} at prod", what, False) in said(in_prod(3), run(3), changed)
    assert said(in_prod(3), run(3, over=False), changed) == []


def in_prod(number: int, status: str = "Approved") -> Version:
    return version(number, status, stage="prod", stage_status="InService")


def said(*found: Any, model: Model = HERE) -> list[tuple[str, str, bool]]:
    kinds = [[one for one in found if isinstance(one, kind)] for kind in (Version, Run, Endpoint)]
    return [(one.about, one.what, one.mends) for one in differences(model, *kinds)]  # type: ignore[arg-type]


def test_where_all_agree_nothing_differs() -> None:
    there = [in_prod(2), run(2), version(3), run(3), endpoint("staging", 2), endpoint("prod", 2)]
    assert said(*there) == []
    assert said() == []


def test_an_approval_that_no_run_came_of_differs_and_can_be_mended() -> None:
    approved = version(3)
    assert said(approved) == [(f"{MODEL}/3", f"approved {approved.changed}, and no run deploys it", True)]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "PendingManualApproval"},
        {"status": "Rejected"},
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
    later, cancelled = run(4, at=ago(timedelta(minutes=30)), by=DANA), run(3, by=DANA)
    assert said(version(3), later, cancelled)
    assert said(version(3), run(3, by=DANA, over=False)) == []


@pytest.mark.parametrize("mends", [False, True])
def test_a_version_that_serves_and_is_rejected_differs(mends: bool) -> None:
    model = Model(name=MODEL, owner="team", rollback_rejected=mends)
    found = said(in_prod(2, "Rejected"), endpoint("prod", 2), model=model)
    assert found == [(f"{MODEL}/2", "is Rejected, and serves prod", mends)]


def test_an_endpoint_that_serves_another_version_than_the_registry_says_differs() -> None:
    what = "the registry says that version 2 serves, and the endpoint serves {}"
    assert said(in_prod(2), endpoint("prod", 1)) == [(f"{MODEL} at prod", what.format("version 1"), False)]
    assert said(in_prod(2), endpoint("prod")) == [(f"{MODEL} at prod", what.format("nothing"), False)]


def test_what_serves_and_the_registry_does_not_know_differs() -> None:
    what = "the endpoint serves version 1, and the registry does not say so"
    assert said(version(1, changed=ago(timedelta(days=9))), endpoint("prod", 1)) == [
        (f"{MODEL} at prod", what, False)
    ]


def test_what_is_compared_besides_what_the_registry_says_differs() -> None:
    compared = version(3, stage="prod", stage_status="Challenger")
    both = replace(endpoint("prod", 2), challenger_arn=compared.arn)
    about = f"{MODEL} at prod"
    assert said(in_prod(2), compared, run(2), run(3), both) == []
    (found,) = said(in_prod(2), compared, run(2), run(3), endpoint("prod", 2))
    assert found[:2] == (about, "the registry says that version 3 is compared, and the endpoint has none "
                                "beside the one that serves")  # fmt: skip
    (found,) = said(in_prod(2), version(3), run(2), run(3), both)
    assert found[:2] == (about, "the endpoint compares version 3, and the registry does not say so")
    (found,) = said(in_prod(2), replace(compared, status="Rejected"), run(2), run(3), both)
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
