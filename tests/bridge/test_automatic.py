"""A version is approved by rule where platform.yaml has one, by the evaluation's figures and no others."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest

from tests.bridge.clouds import Clouds, Fault
from tests.bridge.conftest import (
    ARTIFACTS,
    AUTOMATION,
    GROUP_ARN,
    MODEL,
    PROD,
    REGION,
    Bridge,
    alarm,
    approval,
    forget,
    landing,
)
from tests.bridge.stages import Endpoint
from tests.bridge.test_pending import event
from tests.bridge.test_reconcile import register

RULE = {"least_gain": 0.1, "when": ["quality"]}
EXECUTION = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}:pipeline/{MODEL}/execution/abc"
KEY = f"{MODEL}/runs/1/evaluate/evaluation/evaluation.json"
EVALUATION = {
    "metric": "log_loss", "value": 0.587, "threshold": 0.66, "higher_is_better": False,
    "meets_threshold": True,
    "gain": {"value": 0.29, "ci_low": 0.151, "ci_high": 0.428},
    "champion": {"model_package_arn": f"{GROUP_ARN}/1", "value": 0.877},
}  # fmt: skip
SAID = (
    "gain 0.29 [0.151, 0.428] over version 1, at least 0.1; log_loss 0.587, bar 0.66; "
    "run 1, because of quality"
)


def retrained(bridge: Bridge, clouds: Clouds, because: dict[str, Any] | None = None, **rule: Any) -> None:
    """Version 1 serves prod, the bridge has asked for a retraining, and that has registered version 3."""
    retraining = {"when": ["quality", "drift", "data"], "approve": RULE | rule}
    clouds.said = {MODEL: {"retraining": retraining}}
    assert bridge.send(because or alarm()) == []
    clouds.notices.clear()
    register(clouds, 1, ModelLifeCycle={"Stage": "prod", "StageStatus": "InService"})
    clouds.stages.endpoints[PROD, MODEL] = Endpoint(f"{GROUP_ARN}/1")
    clouds.jobs.executions[EXECUTION] = {"PipelineExecutionDisplayName": "run-1"}
    clouds.objects[f"/{ARTIFACTS}/{KEY}"] = json.dumps(EVALUATION)
    register(
        clouds,
        3,
        ModelApprovalStatus="PendingManualApproval",
        CreationTime=time.time() - 60,
        MetadataProperties={"GeneratedBy": EXECUTION, "CommitId": "c0ffee"},
        ModelMetrics={"ModelQuality": {"Statistics": {"ContentType": "application/json",
                                                      "S3Uri": f"s3://{ARTIFACTS}/{KEY}"}}},
        CustomerMetadataProperties={"reason": clouds.runs[0]["templateParameters"]["reason"], "run_id": "1"},
    )  # fmt: skip


def version(clouds: Clouds) -> dict[str, Any]:
    return clouds.packages[f"{GROUP_ARN}/3"]


def evaluated(clouds: Clouds, **fields: Any) -> None:
    clouds.objects[f"/{ARTIFACTS}/{KEY}"] = json.dumps(EVALUATION | fields)


def subjects(clouds: Clouds) -> list[str]:
    return [one["Subject"] for one in clouds.notices]


def test_within_the_rule_a_version_is_approved_and_says_by_what(bridge: Bridge, clouds: Clouds) -> None:
    retrained(bridge, clouds)
    assert bridge.send(event(), event(id="copy")) == []
    assert version(clouds)["ModelApprovalStatus"] == "Approved"
    said = f"Approved automatically by retraining.approve of {MODEL}: {SAID}"
    assert version(clouds)["ApprovalDescription"] == said
    assert version(clouds)["CustomerMetadataProperties"]["approved_by"] == "automatic"
    assert bridge.names_of_hops().count("approved automatically") == 1
    (told,) = clouds.notices
    assert told["Subject"] == f"Version 3 of {MODEL} is approved automatically"
    text = json.loads(told["Message"])["email"]
    assert SAID in text and "prod waits for a person" in text
    assert f"To stop it: isthmus reject {MODEL} 3 --comment WHY" in text
    # The approval's own event deploys it, as a person's does.
    bridge.send(approval(3, id="approved"))
    assert [run["modelPackageArn"] for run in clouds.runs_of(f"{MODEL}-deploy")] == [f"{GROUP_ARN}/3"]


def test_the_reconciler_approves_what_no_event_told_of(bridge: Bridge, clouds: Clouds) -> None:
    retrained(bridge, clouds)
    bridge.reconcile()
    assert version(clouds)["ModelApprovalStatus"] == "Approved"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"gain": {"value": 0.2, "ci_low": 0.099, "ci_high": 0.3}}, "the lower end is under 0.1"),
        ({"gain": None, "champion": None}, "compared with no version in prod"),
        ({"value": 0.661}, "it misses its bar: log_loss 0.661, bar 0.66"),
        ({"meets_threshold": False}, "it misses its bar"),
        ({"meets_threshold": "true"}, "it misses its bar"),
        ({"gain": {"value": "0.3", "ci_low": "0.2", "ci_high": "0.4"}}, "lacks a figure: '0.2' is no number"),
        ({"gain": {"value": 0.3, "ci_low": True, "ci_high": 0.4}}, "lacks a figure"),
        ({"gain": {"value": 0.3, "ci_low": float("inf"), "ci_high": 0.4}}, "lacks a figure"),
        ({"champion": {}}, "lacks a figure"),
        (
            {"champion": {"model_package_arn": f"{GROUP_ARN}-2/1"}},
            "compared with a version of its model",
        ),
        ({"champion": {"model_package_arn": f"{GROUP_ARN}/2"}}, "over version 2, which prod serves no more"),
        ({"champion": {"model_package_arn": f"{GROUP_ARN}/9"}}, "over version 9, which prod serves no more"),
    ],
)
def test_out_of_the_rules_bounds_a_person_decides_and_reads_why(
    bridge: Bridge, clouds: Clouds, fields: dict[str, Any], why: str
) -> None:
    retrained(bridge, clouds)
    register(clouds, 2, ModelLifeCycle={"Stage": "prod", "StageStatus": "Retired"})
    evaluated(clouds, **fields)
    assert bridge.send(event()) == []
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"
    (told,) = clouds.notices
    assert told["Subject"] == f"Version 3 of {MODEL} waits for an approver"
    assert "Not approved by rule: " in told["Message"] and why in told["Message"]


def test_without_a_rule_every_version_waits_for_a_person(bridge: Bridge, clouds: Clouds) -> None:
    retrained(bridge, clouds)
    clouds.said = {}
    bridge.send(event())
    bridge.reconcile()
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"
    assert "by rule" not in str(clouds.notices)
    assert not [url for _, url in clouds.requests if ARTIFACTS in url]


def test_a_version_of_another_kind_of_retraining_waits(bridge: Bridge, clouds: Clouds) -> None:
    retrained(bridge, clouds, landing())
    bridge.send(event())
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"
    assert "built because of data, and the rule is for quality" in str(clouds.notices)


def test_one_kind_more_is_asked_for_by_name(bridge: Bridge, clouds: Clouds) -> None:
    retrained(bridge, clouds, landing(), when=["quality", "data"])
    bridge.send(event())
    assert version(clouds)["ModelApprovalStatus"] == "Approved"


# ---------------------------------------------------------------- what is forged


def test_figures_in_the_metadata_are_not_gone_by(bridge: Bridge, clouds: Clouds) -> None:
    """A deployment may write metadata, and so may somebody who has got hold of its role."""
    retrained(bridge, clouds)
    evaluated(clouds, gain={"value": 0.01, "ci_low": 0.001, "ci_high": 0.02})
    forged = {"gain": "9", "gain_low": "9", "gain_high": "9", "value": "0.01", "reason": "retrain",
              "evaluation_uri": f"s3://{ARTIFACTS}/{MODEL}/runs/0"}  # fmt: skip
    version(clouds)["CustomerMetadataProperties"] |= forged
    clouds.objects[f"/{ARTIFACTS}/{MODEL}/runs/0/evaluation.json"] = json.dumps(EVALUATION)
    assert bridge.send(event(CustomerMetadataProperties=forged)) == []
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"


@pytest.mark.parametrize(("seconds", "approved"), [(-1, True), (0, True), (1, False), (3600, False)])
def test_an_evaluation_that_was_written_anew_since_is_gone_by_no_more(
    bridge: Bridge, clouds: Clouds, seconds: int, approved: bool
) -> None:
    retrained(bridge, clouds)
    registered = float(int(version(clouds)["CreationTime"]))
    version(clouds)["CreationTime"], clouds.written = registered, registered + seconds
    evaluated(clouds, gain={"value": 0.9, "ci_low": 0.8, "ci_high": 1.0})
    assert bridge.send(event()) == []
    assert (version(clouds)["ModelApprovalStatus"] == "Approved") == approved
    why = "Not approved by rule: its evaluation was written anew after it was registered"
    assert (why in str(clouds.notices)) != approved


@pytest.mark.parametrize("run", ["2", "", "1x", "../1"])
def test_a_run_that_somebody_else_asked_for_is_no_retraining_whatever_it_says(
    bridge: Bridge, clouds: Clouds, run: str
) -> None:
    retrained(bridge, clouds)
    # As a person who may queue builds can: with the bridge's own parameters.
    clouds.runs.append(copy.deepcopy(clouds.runs[0]) | {"id": 2})
    clouds.jobs.executions[EXECUTION] = {"PipelineExecutionDisplayName": f"run-{run}"}
    bridge.send(event())
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"
    assert "no retraining that the bridge asked for built it" in str(clouds.notices)


HOSTILE = {
    "nested": "[" * 200_000,
    "nested in an object": '{"gain": ' * 100_000,
    "huge": json.dumps(EVALUATION | {"verdict": "x" * 1_000_001}),
    "no JSON": "evaluation",
    "a list": "[]",
    "types": json.dumps(EVALUATION | {"gain": [1], "metric": {"a": []}}),
    "a champion that is none": json.dumps(EVALUATION | {"champion": 7}),
    "not a number": json.dumps(EVALUATION | {"value": float("nan")}),
    "beyond numbers": json.dumps(EVALUATION | {"value": 10**400}),
    "too many digits": json.dumps(EVALUATION).replace("0.587", "9" * 5000),
    "infinite": json.dumps(EVALUATION).replace("0.151", "1e400"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_whatever_an_evaluation_holds_each_version_is_told_and_why_no_rule_approves_it(
    bridge: Bridge, clouds: Clouds, content: str
) -> None:
    retrained(bridge, clouds)
    register(clouds, 2, ModelApprovalStatus="PendingManualApproval", CreationTime=time.time() - 60)
    clouds.objects[f"/{ARTIFACTS}/{KEY}"] = content
    bridge.reconcile()
    told = {json.loads(one["Message"])["email"].partition("\n")[0]: str(one) for one in clouds.notices}
    assert set(told) == {f"Version {number} of {MODEL} waits for an approver." for number in (2, 3)}
    assert "Not approved by rule: " in told[f"Version 3 of {MODEL} waits for an approver."]
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"
    assert clouds.dead_letters == []


def test_what_fails_of_one_version_keeps_no_other_from_being_told(bridge: Bridge, clouds: Clouds) -> None:
    for number in (2, 3):
        register(clouds, number, ModelApprovalStatus="PendingManualApproval")
    clouds.packages[f"{GROUP_ARN}/3"]["LastModifiedTime"] = "never"
    bridge.reconcile()
    assert [one["Subject"] for one in clouds.notices] == [f"Version 2 of {MODEL} waits for an approver"]


@pytest.mark.parametrize(
    "by",
    [None, "", "somebody", EXECUTION.replace(MODEL, "other"), EXECUTION.replace(AUTOMATION, "444455556666")],
)
def test_a_version_that_no_execution_of_its_model_registered_waits(
    bridge: Bridge, clouds: Clouds, by: str | None
) -> None:
    retrained(bridge, clouds)
    clouds.jobs.executions[str(by)] = clouds.jobs.executions[EXECUTION]
    version(clouds)["MetadataProperties"] = {"GeneratedBy": by} if by is not None else {}
    bridge.send(event())
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://elsewhere/{KEY}",
        f"s3://{ARTIFACTS}/other/runs/1/evaluation.json",
        f"s3://{ARTIFACTS}/{MODEL}/code/evaluation.json",
        f"s3://{ARTIFACTS}/{MODEL}/runs/gone/evaluation.json",
        f"s3://{ARTIFACTS}/{MODEL}/runs/1/%2e%2e/evaluation.json",
        "",
    ],
)
def test_an_evaluation_that_lies_elsewhere_or_nowhere_is_none(
    bridge: Bridge, clouds: Clouds, uri: str
) -> None:
    retrained(bridge, clouds)
    place = uri.removeprefix("s3:/")
    if "gone" not in uri:
        clouds.objects[place] = json.dumps(EVALUATION)
    version(clouds)["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] = uri
    bridge.send(event())
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "NaN"])
def test_an_evaluation_that_is_none_is_a_persons_to_look_at(
    bridge: Bridge, clouds: Clouds, text: str
) -> None:
    retrained(bridge, clouds)
    clouds.objects[f"/{ARTIFACTS}/{KEY}"] = text
    assert bridge.send(event()) == []
    assert "Not approved by rule" in str(clouds.notices)


# ---------------------------------------------------------------- shadows


def test_a_shadow_waits_for_nobody_and_is_never_approved_by_rule(bridge: Bridge, clouds: Clouds) -> None:
    retrained(bridge, clouds, alarm("drift"))
    assert version(clouds)["CustomerMetadataProperties"]["reason"] == "drift"
    bridge.send(event())
    bridge.reconcile()
    version(clouds)["CreationTime"] -= 10 * 24 * 3600
    bridge.reconcile()
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"
    assert subjects(clouds) == [f"Version 3 of {MODEL} was trained in the shadow"]


def test_a_shadow_whose_metadata_says_otherwise_is_still_none_to_approve(
    bridge: Bridge, clouds: Clouds
) -> None:
    retrained(bridge, clouds, alarm("drift"))
    version(clouds)["CustomerMetadataProperties"]["reason"] = "retrain"
    bridge.send(event())
    assert version(clouds)["ModelApprovalStatus"] == "PendingManualApproval"
    assert "built because of drift, and the rule is for quality" in str(clouds.notices)


# ---------------------------------------------------------------- whatever breaks


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("deadly", [False, True])
def test_whatever_breaks_it_is_approved_in_the_end_and_people_are_told(
    bridge: Bridge, clouds: Clouds, late: bool, deadly: bool
) -> None:
    retrained(bridge, clouds)
    waiting, memory = copy.deepcopy(version(clouds)), copy.deepcopy(clouds.memory)
    clouds.requests.clear()
    bridge.send(event())
    for at in range(len(clouds.requests)):
        clouds.packages[f"{GROUP_ARN}/3"], clouds.memory = copy.deepcopy(waiting), copy.deepcopy(memory)
        clouds.notices.clear()
        clouds.strike(Fault(at=at, late=late, deadly=deadly, status=0 if deadly else 500))
        bridge.send(event())
        clouds.strike(None)
        # Until then the lease of one that died is over.
        clouds.pass_time(360)
        assert bridge.send(event(), attempt=2) == []
        assert version(clouds)["ModelApprovalStatus"] == "Approved", at
        # Told before it is noted: see test_pending.
        assert len(clouds.notices) in (1, 2), at


def test_a_retraining_that_died_before_it_was_remembered_is_remembered_by_its_copy(
    bridge: Bridge, clouds: Clouds
) -> None:
    clouds.said = {MODEL: {"retraining": {"approve": RULE}}}
    bridge.send(alarm())
    requests = len(clouds.requests)
    for at in range(requests):
        clouds.runs.clear()
        clouds.memory.clear()
        clouds.strike(Fault(at=at, late=True, deadly=True))
        bridge.send(alarm())
        clouds.strike(None)
        clouds.pass_time(360)
        forget()
        assert bridge.send(alarm(), attempt=2) == []
        assert clouds.memory["retraining#1"]["text"] == {"S": "retrain"}, at
        assert len(clouds.runs) == 1
