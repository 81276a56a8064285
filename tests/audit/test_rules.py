"""Each rule of the audit finds nothing where all is well, and exactly what is broken where something is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from isthmus.audit.deployments import Deployment
from isthmus.audit.evaluation import parse
from isthmus.audit.facts import Facts, Served
from isthmus.audit.rules import RULES, Finding
from isthmus.audit.stored import keeps_secret
from isthmus.azure.approvals import Approval
from isthmus.azure.people import Person, signs_in_as
from isthmus.azure.runs import Run
from isthmus.config import read_platform
from isthmus.config.retraining import Approve, Retraining
from isthmus.operate.gain import Gain
from isthmus.operate.pending import Waiting
from isthmus.operate.registry import Version

MODEL, COMMIT = "seattle-rain", "0123456789abcdef0123456789abcdef01234567"
ARN = f"arn:aws:sagemaker:eu-west-1:222233334444:model-package/{MODEL}/1"
METADATA = {
    "run_id": "41",
    "prod_run_id": "51",
    "commit": COMMIT,
    "data_version": "da7a",
    "evaluation_uri": "s3://artifacts/evaluation",
    "approved_by": "robin",
}
GROUP = ARN.rpartition("/")[0]
EVALUATION = {
    "metric": "auc", "value": 0.71, "threshold": 0.7, "higher_is_better": True, "meets_threshold": True,
    "gain": {"value": 0.3, "ci_low": 0.2, "ci_high": 0.4}, "champion": {"model_package_arn": f"{GROUP}/0"},
}  # fmt: skip
METRIC = {"metric": "auc", "value": 0.71, "ci_low": 0.66, "ci_high": 0.76, "threshold": 0.7}
VERSION = Version(
    arn=ARN, model=MODEL, number=1, status="Approved", state="Completed", created="2026-11-20T09:00:00+00:00",
    changed="2026-11-20T10:00:00+00:00", metric=METRIC, metadata=METADATA, stage="prod",
    changed_by="azure-run-51", comment="", execution="arn:execution",
    image=f"222233334444.dkr.ecr/isthmus/tabular@sha256:{'0' * 64}",
    judged=f"s3://artifacts/{MODEL}/runs/41/evaluate/evaluation/evaluation.json",
)  # fmt: skip


def person(name: str, account: str = "", descriptor: str = "aad.1") -> Person:
    return Person(name, account or f"{name.partition(' ')[0].lower()}@contoso.example", descriptor)


DANA, ROBIN, ARI = person("Dana Scientist"), person("Robin Release"), person("Ari Ops")
BRIDGE = person("isthmus-bridge", "1d7f5c1e-2b0a-4f0e-8a55-0c9e3b7a4f33", "aadsp.1")


def run(number: int, pipeline: str, **more: Any) -> Run:
    known: dict[str, Any] = {
        "id": number, "number": "1", "pipeline": pipeline, "status": "completed", "result": "succeeded",
        "reason": "manual", "branch": "main", "commit": COMMIT, "parameters": {}, "tags": (),
        "requested_for": "Dana Scientist", "queued": "", "finished": "", "url": "", "requester": DANA,
    }  # fmt: skip
    return Run(**known | more)


def approval(about: str, *people: Person) -> Approval:
    shown = tuple(map(str, people))
    return Approval("1", "approved", 51, f"{MODEL}-deploy", "", f"{about}: ?", (), shown, "", "", people)


def given_as(asked: str, **ago: float) -> Approval:
    """Robin let prod's environment pass, so long ago, as whom it had asked."""
    decided = (datetime.now(UTC) - timedelta(**ago)).isoformat()
    return replace(approval("environment prod", ROBIN), given_as=(Person(asked),), decided=decided)


GATES = (approval("environment prod", ROBIN), approval("service connection x", ROBIN))
SERVED = Served(
    version=VERSION,
    build=run(41, f"{MODEL}-build"),
    deployment=run(51, f"{MODEL}-deploy", parameters={"modelPackageArn": ARN}),
    approvals=GATES,
    evaluation=parse(EVALUATION, GROUP),
    data_version="da7a",
    leased=frozenset({41, 51}),
)
DEPLOYMENT = Deployment("prod", 51, f"{MODEL}-deploy", SERVED.deployment, by_template=True, approvals=GATES)
GOOD = Facts(
    platform=read_platform(Path(__file__).parents[2] / "platform.yaml"),
    served=(SERVED,),
    deployments=(DEPLOYMENT,),
)


def found(facts: Facts) -> list[Finding]:
    return [one for rule in RULES for one in rule.findings(facts)]


def served(**changes: Any) -> Facts:
    return replace(GOOD, served=(replace(SERVED, **changes),))


def deployed(**changes: Any) -> Facts:
    """A deployment of long ago was so, and the one that serves was well."""
    return replace(GOOD, deployments=(DEPLOYMENT, replace(DEPLOYMENT, number=12, **changes)))


def version(**changes: Any) -> Facts:
    return served(version=replace(VERSION, **changes))


def metadata(**changes: str) -> Facts:
    return version(metadata=METADATA | changes)


def judged(**changes: Any) -> Facts:
    return served(evaluation=parse(EVALUATION | changes, GROUP))


def by_rule(
    *,
    low: float = 0.2,
    reason: str = "retrain",
    least_gain: float | None = 0.1,
    asked_by: Person = BRIDGE,
    queued_by: Person = BRIDGE,
    champion: str = f"{GROUP}/0",
) -> Facts:
    """A version that a rule approved, on a platform that has one, unless `least_gain` is None.

    What its metadata say is always well.
    """
    approve = None if least_gain is None else Approve(least_gain=least_gain)
    retraining = Retraining(approve=approve)
    models = [one.model_copy(update={"retraining": retraining}) for one in GOOD.platform.models]
    facts = served(
        build=run(
            41, f"{MODEL}-build", requester=asked_by, queued_by=queued_by, parameters={"reason": reason}
        ),
        evaluation=parse(
            EVALUATION
            | {
                "gain": {"value": 0.3, "ci_low": low, "ci_high": 0.4},
                "champion": {"model_package_arn": champion},
            },
            GROUP,
        ),
        version=replace(
            VERSION,
            metadata=METADATA | {"approved_by": "automatic", "reason": "retrain"},
            gain=Gain(0.3, 0.2, 0.4, 1, 91),
        ),
    )
    return replace(facts, platform=GOOD.platform.model_copy(update={"models": models}))


def waiting(**age: float) -> Facts:
    one = Waiting("version", f"{MODEL}/2", timedelta(**age), "", ("approvers",), (), "isthmus approve", "")
    return replace(GOOD, waiting=(one,))


def test_where_all_is_well_nothing_is_found() -> None:
    assert found(GOOD) == []
    assert found(waiting(days=13)) == []


BROKEN = [
    ("version-approver", version(status="PendingManualApproval"), "without an approval"),
    ("version-approver", version(metadata=METADATA | {"approved_by": ""}, changed_by=""), "nobody"),
    ("version-approver", metadata(approved_by="azure-run-12"), "is a job and no person"),
    ("version-run", metadata(run_id=""), "no build run is recorded"),
    ("version-run", served(build=None), "has its build run 41 no more"),
    ("version-run", served(build=run(41, "other-build")), "is of other-build"),
    ("version-commit", metadata(commit="main"), "its commit is not one"),
    ("version-commit", served(build=run(41, f"{MODEL}-build", commit="f" * 40)), "its run built fffffffff"),
    ("version-run", metadata(run_id="40"), "it names run 40, and its evaluation is of another"),
    ("version-metric", served(evaluation=None), "no evaluation with its metric"),
    ("version-metric", judged(threshold=0.8), "auc 0.71 does not reach its bar 0.8"),
    ("version-metric", judged(meets_threshold=False), "does not reach"),
    ("version-metric", judged(metric="rmse", higher_is_better=False), "does not reach"),
    (
        "version-evidence",
        served(evaluation=replace(parse(EVALUATION, GROUP), rewritten="2026-11-21T09:00:00+00:00")),
        "written anew at 2026-11-21T09:00:00+00:00, after it was registered: s3://",
    ),
    ("version-data", metadata(data_version="none"), "not recorded: data_version"),
    ("version-data", version(execution=""), "not recorded: execution"),
    ("version-data", served(data_version=""), "no manifest of it is where its build left it: nowhere"),
    ("version-data", metadata(data_version="made up"), "made up, and its manifest lists the files of da7a"),
    ("version-image", version(image="isthmus/tabular:latest"), "by name"),
    ("version-image", version(image=""), "no image"),
    ("deployment-run", metadata(prod_run_id=""), "no run is recorded"),
    ("deployment-run", served(deployment=None), "run 51 no more"),
    ("deployment-run", served(deployment=run(51, "mine", parameters={"modelPackageArn": ARN})), "of mine"),
    (
        "deployment-run",
        served(deployment=run(51, f"{MODEL}-deploy", branch="x", parameters={"modelPackageArn": ARN})),
        "ran from x",
    ),
    ("deployment-run", served(deployment=run(51, f"{MODEL}-deploy")), "was for no version"),
    ("runs-kept", served(leased=frozenset({51})), "no lease keeps its build run 41: deploy it again"),
    ("runs-kept", served(leased=frozenset({41})), "no lease keeps the run that deployed it 51"),
    ("commits-merged", served(unmerged=("run 51 ran commit 0 of platform, which is not on main",)), "run 51"),
    ("version-registered", replace(GOOD, unregistered=(MODEL,)), "no version of the registry"),
    ("commits-merged", deployed(unmerged=("run 12 ran commit 0",)), "run 12 ran commit 0"),
    ("deployment-check", deployed(approvals=GATES[:1]), "passed the service connection without an approval"),
    ("deployment-check", deployed(approvals=(approval("environment prod"), GATES[1])), "the environment"),
    ("deployment-check", deployed(run=None), "deployed to prod, and Azure DevOps has it no more"),
    ("deployment-check", replace(GOOD, deployments=()), "run 51 deployed it past prod's environment"),
    (
        "deployment-check",
        deployed(approvals=(given_as("[contoso]\\interns", days=1), GATES[1])),
        "Robin Release let environment prod pass as [contoso]\\interns, who is no approver",
    ),
    ("deployment-template", deployed(by_template=False), "no check found the required template"),
    ("deployment-guards", replace(GOOD, unguarded=("+ approval on environment prod",)), "not as platform"),
    ("deployment-guards", replace(GOOD, unguarded=("~ pipelines of the project: a",)), "not as platform"),
    (
        "deployment-guards",
        replace(GOOD, unguarded=("~ environment prod: Dana Scientist is no longer its Administrator",)),
        "Dana Scientist",
    ),
    ("duties-separated", metadata(approved_by="dana"), "dana had it built and approved"),
    (
        "duties-separated",
        served(approvals=(*GATES, approval("environment prod", DANA))),
        "Dana Scientist had it built and let it pass",
    ),
    (
        "duties-separated",
        served(deployment=run(51, f"{MODEL}-deploy", parameters={"modelPackageArn": ARN}, requester=ROBIN)),
        "Robin Release had it deployed and let it pass",
    ),
    (
        "duties-separated",
        served(approvals=(*GATES, approval("environment prod", Person("Ari Ops")))),
        "by which account Ari Ops",
    ),
    (
        "duties-separated",
        served(
            build=run(41, f"{MODEL}-build", queued_by=ARI),
            approvals=(*GATES, approval("environment prod", ARI)),
        ),
        "Ari Ops had it built and let it pass",
    ),
    (
        "duties-separated",
        served(deployment=run(51, f"{MODEL}-deploy", parameters={"modelPackageArn": ARN}, queued_by=ROBIN)),
        "Robin Release had it deployed and let it pass",
    ),
    ("duties-separated", served(build=run(41, f"{MODEL}-build", requester=Person())), "nobody knows who had"),
    ("no-stored-token", replace(GOOD, stored=(("pipeline x", "its variable y is a secret"),)), "is a secret"),
    (
        "role-width",
        replace(GOOD, changed=("account prod, stack isthmus-prod: AWS::IAM::Role Deploy is modified",)),
        "changed past its stack",
    ),
    ("approval-age", waiting(days=15), "has waited 15d"),
]


@pytest.mark.parametrize(("rule", "facts", "why"), BROKEN, ids=[f"{one[0]}: {one[2]}" for one in BROKEN])
def test_what_is_broken_is_found_by_its_rule_alone(rule: str, facts: Facts, why: str) -> None:
    broken = [one for one in found(facts) if one.rule not in _beside(rule)]
    assert [one.rule for one in broken] == [rule]
    assert why in broken[0].message


def _beside(rule: str) -> set[str]:
    """A run that is gone or none of ours leaves its approvals and its people unproved as well."""
    return {"deployment-check", "duties-separated"} - {rule}


def test_an_approver_of_then_need_not_be_one_of_now() -> None:
    """For a week who they are says who they were; a night's audit sees each approval before that is over."""
    assert found(deployed(approvals=(given_as("[contoso]\\interns", days=8), GATES[1]))) == []
    asked = GOOD.platform.azure.approvers[0]
    assert found(deployed(approvals=(given_as(f"[contoso]\\{asked}", days=1), GATES[1]))) == []


def test_every_rule_has_a_case_that_breaks_it() -> None:
    assert {one.id for one in RULES} == {rule for rule, _, _ in BROKEN}


def test_duties_need_not_be_separated_where_config_says_so() -> None:
    loose = GOOD.platform.approvals.model_copy(update={"different_people": False})
    platform = GOOD.platform.model_copy(update={"approvals": loose})
    assert found(replace(metadata(approved_by="dana"), platform=platform)) == []


@pytest.mark.parametrize(
    ("name", "account", "its"),
    [
        ("dana", "dana@contoso.example", True),
        ("Dana@Contoso.example", "dana@contoso.example", True),
        ("dana", "CONTOSO\\dana", True),
        ("rsmith", "rsmith@contoso.example", True),
        ("rsmith", "robert.smith@contoso.example", False),
        ("dana", "dana.other@contoso.example", False),
        ("dana@fabrikam.example", "dana@contoso.example", False),
        ("bob", "robert.smith@contoso.example", True),
        ("dana", "", False),
        ("", "", False),
    ],
)
def test_a_person_is_known_by_the_account_and_never_by_the_name_shown(
    name: str, account: str, its: bool
) -> None:
    people = {"bob": "Robert.Smith@contoso.example"}
    assert signs_in_as(Person("Dana Scientist", account), name, people) is its


def test_people_who_are_called_the_same_are_two() -> None:
    other = approval("environment prod", person("Dana Scientist", "dana.scientist2@contoso.example"))
    assert found(served(approvals=(*GATES, other))) == []
    one = approval("environment prod", person("D. S.", "DANA@contoso.example"))
    assert [each.rule for each in found(served(approvals=(*GATES, one)))] == ["duties-separated"]


@pytest.mark.parametrize(
    ("scheme", "parameters", "keeps"),
    [
        ("WorkloadIdentityFederation", {}, False),
        ("UsernamePassword", {"username": "", "password": None}, False),
        # What Azure DevOps answers of a password is never the password.
        ("UsernamePassword", {"username": "ci", "password": None}, True),
        ("Token", {}, True),
        ("PersonalAccessToken", {}, True),
        ("ServicePrincipal", {}, True),
        ("SomethingNew", {}, True),
    ],
)
def test_a_connection_that_may_hold_a_secret_is_found(
    scheme: str, parameters: dict[str, str | None], keeps: bool
) -> None:
    assert keeps_secret(scheme, parameters) is keeps


def test_an_approval_by_rule_is_one_where_the_rule_is_kept() -> None:
    assert found(by_rule()) == []


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (by_rule(least_gain=None), "platform.yaml has no rule for it"),
        (by_rule(low=0.09), "its gain is 0.300 [0.090, 0.400]: the rule asks for 0.1"),
        (by_rule(reason="data"), "built because of data"),
        (by_rule(reason="drift"), "built because of drift"),
        (by_rule(champion="arn:of/another/1"), "no evaluation compares it"),
    ],
)
def test_an_approval_by_rule_that_the_rule_does_not_give_is_found(facts: Facts, why: str) -> None:
    (one,) = found(facts)
    assert one.rule == "version-approver" and why in one.message


@pytest.mark.parametrize("whose", ["asked_by", "queued_by"])
def test_who_approves_as_if_by_rule_what_he_had_built_is_found_twice(whose: str) -> None:
    said = {one.rule: one.message for one in found(by_rule(**{whose: DANA}))}
    assert said.keys() == {"version-approver", "duties-separated"}
    assert "Dana Scientist had it built" in said["version-approver"]
    assert "Dana Scientist had it built, and it is approved as if by a rule" in said["duties-separated"]


@pytest.mark.parametrize("lacks", [*EVALUATION])
def test_an_evaluation_that_lacks_something_is_none(lacks: str) -> None:
    left = {key: value for key, value in EVALUATION.items() if key != lacks}
    if lacks == "champion":
        assert parse(left, GROUP).gain is None
    else:
        with pytest.raises(KeyError):
            parse(left, GROUP)
