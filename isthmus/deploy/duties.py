"""Refuses a deployment that somebody let pass who had the version built, before anything is touched.

`isthmus audit` finds the same of what runs already.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from isthmus.azure import approvals, runs
from isthmus.azure.client import Client
from isthmus.azure.duties import breaches
from isthmus.config import Platform, Stage
from isthmus.deploy.package import read
from isthmus.errors import Refused


def require(
    platform: Platform, client: Client, assembly: Path, stage: Stage, number: int, say: Callable[[str], None]
) -> None:
    """See in Azure DevOps, as the job, who started and who approved; say who that was.

    Raises `Refused` where one person did both, or where it cannot be seen who did.
    """
    if not platform.approvals.different_people:
        say("approvals.different_people is off: whoever had it built may approve it too")
        return
    package, deployment = read(assembly), runs.get(client, number)
    given = [one for one in approvals.every(client, number) if one.approved_by]
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
