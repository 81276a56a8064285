"""The rules of the audit, each a small function over the facts: what it finds, nothing else does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from isthmus import names
from isthmus.audit.deployments import APPROVED
from isthmus.audit.facts import Facts, Served
from isthmus.aws import is_machine
from isthmus.azure.approvals import Approval
from isthmus.azure.approvers import strangers
from isthmus.azure.duties import breaches
from isthmus.config import Platform
from isthmus.config.approvals import length
from isthmus.config.reasons import REASONS
from isthmus.operate.age import written

FRESH = timedelta(days=7)
# What a role session of ours is called where no person stands behind it.
COMMIT = re.compile(r"[0-9a-f]{40}")
DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Finding:
    """Where a rule does not hold, and why."""

    rule: str
    about: str
    message: str


Judge = Callable[[Facts], Iterator[tuple[str, str]]]


@dataclass(frozen=True)
class Rule:
    """`holds` says in a sentence what must be so; `judge` gives what it is not so of, and why.

    `asked` says whether the facts were: what was not asked is neither kept nor broken.
    """

    id: str
    holds: str
    judge: Judge
    asked: Callable[[Facts], bool] = lambda _: True

    def findings(self, facts: Facts) -> list[Finding]:
        return [Finding(self.id, about, message) for about, message in self.judge(facts)]


def _each(judge: Callable[[Served], str]) -> Judge:
    """A rule about each version in prod; an empty text is no finding."""

    def of_all(facts: Facts) -> Iterator[tuple[str, str]]:
        for one in facts.served:
            if message := judge(one):
                yield one.version.name, message

    return of_all


def _approver(facts: Facts) -> Iterator[tuple[str, str]]:
    for one in facts.served:
        if message := _approved(facts.platform, one):
            yield one.version.name, message


def _approved(platform: Platform, one: Served) -> str:
    version = one.version
    if version.status != "Approved":
        return f"its status is {version.status}: it runs in prod without an approval"
    if version.automatic:
        return _by_rule(platform, one)
    who = version.approved_by
    if not who:
        return "nobody is recorded as its approver"
    return f"approved by {who}, which is a job and no person" if is_machine(who) else ""


def _by_rule(platform: Platform, one: Served) -> str:
    """An approval that no person gave is as good as the rule that platform.yaml has for the model.

    Not by what whoever approves can write: why it was built its run says, and what it gained its evaluation.
    """
    rule = platform.model(one.version.model).retraining.approve
    if rule is None:
        return "approved automatically, and platform.yaml has no rule for it"
    if one.build is None or not one.build.is_of_application:
        builders = one.build.people if one.build else ()
        return f"approved automatically, and {' and '.join(map(str, builders)) or 'nobody'} had it built"
    reason = one.build.parameters.get("reason", "nothing")
    if reason not in [REASONS[each] for each in rule.when]:
        return f"approved automatically, and built because of {reason}"
    if one.evaluation is None or one.evaluation.gain is None:
        return "approved automatically, and no evaluation compares it with a version of its model"
    gained = one.evaluation.gain
    if gained.ci_low >= rule.least_gain:
        return ""
    return f"approved automatically, and its gain is {gained}: the rule asks for {rule.least_gain:g}"


def _run(one: Served) -> str:
    number = one.version.metadata.get("run_id", "")
    if not number.isdecimal():
        return "no build run is recorded"
    if one.build is None:
        return f"Azure DevOps has its build run {number} no more"
    if f"/{one.version.model}/runs/{number}/" not in one.version.judged:
        return f"it names run {number}, and its evaluation is of another"
    wanted = names.build_pipeline(one.version.model)
    return "" if one.build.pipeline == wanted else f"run {number} is of {one.build.pipeline}, not of {wanted}"


def _commit(one: Served) -> str:
    commit = one.version.metadata.get("commit", "")
    if not COMMIT.fullmatch(commit):
        return f"its commit is not one: {commit or 'none'}"
    if one.build and one.build.commit != commit:
        return f"it names commit {commit[:9]}, and its run built {one.build.commit[:9]}"
    return ""


def _bar(one: Served) -> str:
    found = one.evaluation
    if found is None:
        return f"no evaluation with its metric is where its build left it: {one.version.judged or 'nowhere'}"
    return "" if found.meets else f"{found.metric} {found.value:g} does not reach its bar {found.threshold:g}"


def _evidence(one: Served) -> str:
    found = one.evaluation
    if found is None or not found.rewritten:
        return ""
    return (
        f"its evaluation was written anew at {found.rewritten}, after it was registered: {one.version.judged}"
    )


def _data(one: Served) -> str:
    missing = [key for key in ("data_version", "evaluation_uri") if _none(one.version.metadata.get(key))]
    missing += [] if one.version.execution else ["execution"]
    if missing:
        return f"not recorded: {', '.join(missing)}"
    named = one.version.metadata["data_version"]
    if not one.data_version:
        where = one.version.metadata.get("data_manifest") or "nowhere"
        return f"it names data version {named}, and no manifest of it is where its build left it: {where}"
    if one.data_version != named:
        return f"it names data version {named}, and its manifest lists the files of {one.data_version}"
    return ""


def _none(value: str | None) -> bool:
    return value in (None, "", "none")


def _image(one: Served) -> str:
    if not one.version.image:
        return "it names no image"
    return "" if DIGEST.fullmatch(one.version.image) else f"its image is by name: {one.version.image}"


def _deployment(one: Served) -> str:
    number = one.version.metadata.get("prod_run_id", "")
    run, wanted = one.deployment, names.deploy_pipeline(one.version.model)
    if not number:
        return "no run is recorded that deployed it to prod"
    if run is None:
        return f"Azure DevOps has run {number} no more, which deployed it"
    if run.pipeline != wanted:
        return f"run {number} is of {run.pipeline}, not of {wanted}"
    if run.branch != "main":
        return f"run {number} ran from {run.branch}, not from main"
    deployed = run.parameters.get("modelPackageArn", "")
    return "" if deployed == one.version.arn else f"run {number} was for {deployed or 'no version'}"


def _kept(one: Served) -> str:
    """A run that is gone, other rules tell."""
    runs = {"its build run": one.build, "the run that deployed it": one.deployment}
    loose = [f"{what} {run.id}" for what, run in runs.items() if run and run.id not in one.leased]
    return f"no lease keeps {' and '.join(loose)}: deploy it again" if loose else ""


def _merged(facts: Facts) -> Iterator[tuple[str, str]]:
    for one in facts.served:
        yield from ((one.version.name, found) for found in one.unmerged)
    told = {found for one in facts.served for found in one.unmerged}
    for each in facts.deployments:
        yield from ((each.name, found) for found in each.unmerged if found not in told)


def _unregistered(facts: Facts) -> Iterator[tuple[str, str]]:
    for name in facts.unregistered:
        yield f"endpoint {name}", "it serves a model that is no version of the registry"


def _check(facts: Facts) -> Iterator[tuple[str, str]]:
    """Both checks of prod, the environment's and the connection's, were passed by somebody who may."""
    called = {"environment": "the environment", "service": "the service connection"}
    for one in facts.deployments:
        if one.environment not in APPROVED:
            continue
        if one.run is None:
            yield one.name, f"it deployed to {one.environment}, and Azure DevOps has it no more"
            continue
        passed = {each.about.partition(" ")[0] for each in one.approvals if each.approved_by}
        missing = [said for what, said in called.items() if what not in passed]
        if missing:
            yield one.name, f"it passed {' and '.join(missing)} without an approval"
        fresh = [each for each in one.approvals if _is_fresh(each, facts.at)]
        for found in strangers(fresh, facts.platform.azure.approvers):
            yield one.name, f"{found}: platform.yaml, azure.approvers"
    known = {one.number for one in facts.deployments}
    for each in facts.served:
        if each.deployment and each.deployment.id not in known:
            yield each.version.name, f"run {each.deployment.id} deployed it past prod's environment"


def _is_fresh(one: Approval, at: datetime) -> bool:
    """Whether who the approvers are now says who they were: people come and go."""
    is_prods = one.about.partition(" ")[0] in ("environment", "service")
    return is_prods and bool(one.decided) and datetime.fromisoformat(one.decided) > at - FRESH


def _template(facts: Facts) -> Iterator[tuple[str, str]]:
    for one in facts.deployments:
        if one.run and not one.by_template:
            yield one.name, f"no check found the required template when it deployed to {one.environment}"


def _duties(facts: Facts) -> Iterator[tuple[str, str]]:
    if not facts.platform.approvals.different_people:
        return
    for one in facts.served:
        people = facts.platform.approvals.people
        for found in breaches(one.version.approved_by, one.build, one.deployment, one.approvals, people):
            yield one.version.name, f"{found}: two people are asked for"


def _guards(facts: Facts) -> Iterator[tuple[str, str]]:
    for one in facts.unguarded:
        bare = one.lstrip("+~ ")
        yield bare.partition(" on ")[2] or bare.partition(": ")[0], f"not as platform.yaml asks: {one}"


def _stored(facts: Facts) -> Iterator[tuple[str, str]]:
    yield from facts.stored


def _roles(facts: Facts) -> Iterator[tuple[str, str]]:
    for one in facts.changed or ():
        yield one.partition(": ")[0], f"changed past its stack: {one.partition(': ')[2]}"


def _waits(facts: Facts) -> Iterator[tuple[str, str]]:
    limit = length(facts.platform.approvals.limit)
    for one in facts.waiting:
        if one.age > limit:
            yield one.name, f"has waited {written(one.age)} for {', '.join(one.approvers)}; do: {one.do}"


RULES = (
    Rule("version-approver", "Every version in prod was approved by a person, or a rule for it.", _approver),
    Rule("version-run", "Every version in prod was built by a run of its model's pipeline.", _each(_run)),
    Rule("version-commit", "Every version in prod is built from the commit that it names.", _each(_commit)),
    Rule("version-metric", "Every version in prod reaches its bar.", _each(_bar)),
    Rule(
        "version-evidence", "No evaluation in prod was rewritten since it was registered.", _each(_evidence)
    ),
    Rule(
        "version-data",
        "Every version in prod names the data, evaluation and execution it is of.",
        _each(_data),
    ),
    Rule("version-image", "Every version in prod names its image by digest.", _each(_image)),
    Rule("deployment-run", "Every version in prod came by a run of main for it.", _each(_deployment)),
    Rule("runs-kept", "The runs of every version in prod are kept for as long as it serves.", _each(_kept)),
    Rule("version-registered", "All that serves in prod is a version of the registry.", _unregistered),
    Rule(
        "commits-merged", "Every commit that built, or deployed to prod or an account, is on main.", _merged
    ),
    Rule(
        "deployment-check",
        "Every deployment to prod that is kept passed both approvals, by approvers.",
        _check,
    ),
    Rule("deployment-template", "Every deployment to prod or an account came by the template.", _template),
    Rule(
        "deployment-guards",
        "Prod is guarded by template, branch, lock, approval, policies and switches.",
        _guards,
    ),
    Rule("duties-separated", "Nobody decides about what he or she had built.", _duties),
    Rule("no-stored-token", "No connection, variable group or pipeline keeps a secret.", _stored),
    Rule("role-width", "No role is other than its stack says.", _roles, lambda it: it.changed is not None),
    Rule("approval-age", "No decision waits longer than approvals.limit.", _waits),
)
