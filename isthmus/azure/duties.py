"""Whether who decided about a version is somebody else than who had it built and deployed.

Whether that is asked for, `approvals.different_people` of platform.yaml says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from isthmus.azure.approvals import Approval
from isthmus.azure.people import same, signs_in_as
from isthmus.azure.runs import Run
from isthmus.config.reasons import BY_RULE


def breaches(
    approved_by: str,
    build: Run | None,
    deployment: Run | None,
    approvals: Iterable[Approval],
    people: Mapping[str, str],
) -> Iterator[str]:
    """Each thing that somebody decided about a run of his or her own, in words; nothing where all is well.

    Who is not known may be anybody, and is told as well. `approved_by` approved the version in the registry,
    `approvals` are those that the deployment waited for; `people` is `approvals.people` of platform.yaml.
    """
    builders, deployers = (run.asked_by if run else () for run in (build, deployment))
    yield from _of_version(approved_by, build, people)
    for who in dict.fromkeys(who for one in approvals for who in one.given_by):
        if not who.account:
            yield f"Azure DevOps does not say by which account {who or 'somebody'} let it pass"
        elif any(same(one, who) for one in builders):
            yield f"{who} had it built and let it pass"
        elif any(same(one, who) for one in deployers):
            yield f"{who} had it deployed and let it pass"


def _of_version(approved_by: str, build: Run | None, people: Mapping[str, str]) -> Iterator[str]:
    if build is None or not build.requester.account:
        yield "nobody knows who had it built"
    elif not approved_by:
        yield "nobody knows who approved it"
    elif approved_by == BY_RULE:
        # A rule is for what the bridge asked for: else whoever approves writes the rule's name for his own.
        if not build.is_of_application:
            yield f"{' and '.join(map(str, build.people))} had it built, and it is approved as if by a rule"
    elif any(signs_in_as(one, approved_by, people) for one in build.asked_by):
        yield f"{approved_by} had it built and approved it"
