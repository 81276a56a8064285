"""Refuses a deployment before anything is touched that somebody let pass who may not.

That is who had the version built, which `isthmus audit` finds of what runs already, and who is no approver.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from isthmus import names
from isthmus.azure import approvals, approvers, runs
from isthmus.azure.approvals import Approval
from isthmus.azure.client import Client
from isthmus.azure.duties import breaches
from isthmus.azure.resources import CALLED
from isthmus.config import Platform, Stage
from isthmus.deploy.package import read
from isthmus.errors import Refused


def require(
    platform: Platform, client: Client, assembly: Path, stage: Stage, number: int, say: Callable[[str], None]
) -> None:
    """See in Azure DevOps, as the job, who started and who approved; say who that was.

    Raises `Refused` where one person did both, where somebody let it pass who is no approver, or where it
    cannot be seen who did.
    """
    package = read(assembly)
    given = [one for one in approvals.every(client, number) if one.approved_by]
    _require_approvers(client, given, _asked(platform, package.model, stage))
    if not platform.approvals.different_people:
        say("approvals.different_people is off: whoever had it built may approve it too")
        return
    deployment = runs.get(client, number)
    build = runs.find(client, package.metadata.get("run_id", ""))
    if stage == "prod" and not given:
        raise Refused(f"run {number} is about to deploy to prod, and no approval of it can be seen")
    approved_by, people = package.metadata.get("approved_by", ""), platform.approvals.people
    found = list(breaches(approved_by, build, deployment, given, people))
    if found:
        raise Refused(
            f"{package.model} version {package.version}: {'; '.join(found)}: two people are asked for",
            where="platform.yaml, approvals.different_people",
            todo="have somebody else approve: the version, by isthmus reject and approve; or this stage, "
            "by Rerun failed jobs. What nobody knows, a new build tells",
        )
    say(f"built for {build.requested_for if build else 'nobody'}")
    say(f"approved by {approved_by}")
    for one in given:
        say(f"{one.about} let pass by {', '.join(one.approved_by)}")


def _asked(platform: Platform, model: str, stage: Stage) -> set[str]:
    """What the stage's own approvals are about; who else asks for one says himself who gives it."""
    connection = names.deploy_connection(platform, model, stage)
    return {f"{CALLED['environment']} {stage}", f"{CALLED['endpoint']} {connection}"}


def _require_approvers(client: Client, given: list[Approval], asked: set[str]) -> None:
    ours = [one for one in given if one.about in asked]
    listed = approvers.merged(client) if ours else []
    found = list(approvers.strangers(ours, listed))
    if found:
        raise Refused(
            f"{'; '.join(found)}: main asks {', '.join(listed)}",
            where="platform.yaml, azure.approvers",
            todo="have the checks ask them (isthmus azure apply), and one of them let this stage pass, by "
            "Rerun failed jobs",
        )
