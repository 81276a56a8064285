"""Whether who decided about a version is somebody else than who had it built and deployed.

Whether that is asked for, `approvals.different_people` of platform.yaml says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from isthmus.azure.approvals import Approval
from isthmus.azure.runs import Run


def breaches(
    approved_by: str, build: Run | None, deployment: Run | None, approvals: Iterable[Approval]
) -> Iterator[str]:
    """Each thing that somebody decided about a run of his or her own, in words; nothing where all is well.

    `approved_by` approved the version in the registry, `approvals` are those that the deployment waited for.
    """
    builder = build.requested_for if build else ""
    deployer = deployment.requested_for if deployment else ""
    if same_person(builder, approved_by):
        yield f"{approved_by} had it built and approved it"
    for who in dict.fromkeys(who for one in approvals for who in one.approved_by):
        if same_person(builder, who):
            yield f"{who} had it built and let it pass"
        elif same_person(deployer, who):
            yield f"{who} had it deployed and let it pass"


def same_person(one: str, other: str) -> bool:
    """Whether two clouds mean one person: dana of AWS is Dana Scientist and dana@contoso.example of Azure."""
    here, there = _words(one), _words(other)
    if here == there or not here or not there:
        return bool(here and there)
    short = 1 in (len(here), len(there))
    return short and (here[0] == there[0] or "".join(here) == "".join(there))


def _words(name: str) -> list[str]:
    account = name.lower().rpartition("\\")[2].partition("@")[0]
    return re.findall(r"[^\W_]+", account)
