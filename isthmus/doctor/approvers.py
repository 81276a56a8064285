"""Whether somebody sees the button: approvers are there, are asked about prod, and may see the runs."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import Any

from isthmus import names
from isthmus.azure.bits import BUILD_NAMESPACE
from isthmus.azure.guards import APPROVAL
from isthmus.doctor.finding import Finding
from isthmus.doctor.project import APPLY
from isthmus.doctor.sight import Sight

# Of the namespace Build: view builds, view the pipeline. Who has not both is shown neither run nor button.
SEE = 1 | 1024
# A group of Azure DevOps, which knows its members; those of a group of Entra it learns as they sign in.
GROUP = "vssgp."


def approvers(sight: Sight) -> Iterator[Finding]:
    """Each of `azure.approvers`, as Azure DevOps knows it, and the approval on environment prod."""
    azure, asked = sight.platform.azure, _asked(sight)
    for name in azure.approvers:
        about = f"approvers {name}"
        found = sight.azure.identities(name)
        if not found:
            make = f"az devops security group create --name {quote(name)} --project {quote(azure.project)}"
            says = "Azure DevOps knows nobody called so"
            yield Finding("missing", about, says, f"{make} {_where(sight)}")
        elif len(found) > 1:
            says = f"{len(found)} are called so; write in platform.yaml, azure.approvers, which is meant"
            yield Finding("missing", about, says)
        else:
            yield from _approver(sight, about, found[0], is_asked=str(found[0].id) in asked)


def _approver(sight: Sight, about: str, one: Any, *, is_asked: bool) -> Iterator[Finding]:
    is_listed = str(one.subject_descriptor).startswith(GROUP)
    people = sight.azure.members(one) if is_listed else [one]
    if is_listed and len(people) < 2:
        yield _few(sight, about, one, people)
    if not is_asked:
        says = "the approval of environment prod does not ask them: they see no button"
        yield Finding("missing", about, says, APPLY)
    for pipeline in (names.deploy_pipeline(model.name) for model in sight.platform.models):
        blind = [each for each in people if not _sees(sight, each, pipeline)]
        if blind:
            who = ", ".join(each.provider_display_name for each in blind)
            says = f"{who} may not see the runs of {pipeline}: they see no button"
            yield Finding("missing", about, says, _allow(sight, one, pipeline))


def _few(sight: Sight, about: str, group: Any, people: list[Any]) -> Finding:
    whom = f"--group-id {group.subject_descriptor} --member-id EMAIL"
    add = f"az devops security group membership add {whom} {_where(sight)}"
    if not people:
        return Finding("missing", about, "nobody is in the group: nobody may let prod pass", add)
    says = "one person alone is in the group: what they ask for themselves nobody may let pass"
    return Finding("warning", about, says, add)


def _sees(sight: Sight, one: Any, pipeline: str) -> bool:
    """Whether they may; of a pipeline that is not there, `project` speaks."""
    number = sight.azure.pipeline(pipeline)
    if number is None:
        return True
    token = f"{sight.azure.project()}/{number}"
    return sight.azure.effective(BUILD_NAMESPACE, token, one.descriptor) & SEE == SEE


def _allow(sight: Sight, one: Any, pipeline: str) -> str:
    """The command that lets an approver see a pipeline's runs."""
    whom = one.subject_descriptor if one.is_container else one.properties["Account"]["$value"]
    token = f"{sight.azure.project()}/{sight.azure.pipeline(pipeline)}"
    what = f"--id {BUILD_NAMESPACE} --token {token} --subject {quote(whom)} --allow-bit {SEE}"
    return f"az devops security permission update {what} {_where(sight)}"


def _where(sight: Sight) -> str:
    return f"--organization {sight.platform.azure.organization_url}"


def _asked(sight: Sight) -> set[str]:
    """The ids of those whom the approval of environment prod asks."""
    return {
        str(each["id"])
        for check in sight.azure.checks("environment", "prod")
        if check["type"]["id"].lower() == APPROVAL
        for each in check["settings"].get("approvers", [])
    }
