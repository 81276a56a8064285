"""`variables:` as they are written, and the variables that Azure Pipelines predefines."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AbstractMapping

from isthmus.errors import NotFound
from isthmus.local.pipelines.expressions import Scope
from isthmus.local.pipelines.fields import Fields, opened
from isthmus.local.pipelines.host import RunContext, VariableValue
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Mapping, Place, Scalar, broken
from isthmus.local.pipelines.plan import Group, Variable
from isthmus.local.pipelines.templating import Part, entries_in_turn, settle

Variables = tuple[Variable | Group, ...]


def read_variables(part: Part, base: Scope, library: Library) -> tuple[Variables, Scope]:
    """The variables of a block, and a scope in which template expressions see them too.

    An expression in the block sees the variables above it.
    """
    seen = dict(base.contexts.get("variables") or {})  # type: ignore[arg-type]
    scope = base.with_context("variables", seen)
    part = Part(part.node, part.scope and part.scope.with_context("variables", seen))
    found: list[Variable | Group] = []
    for fields in opened(part, scope, library, "variables", _mapping_items):
        variable = None
        with library.notes.noting():
            variable = _variable(fields, library)
            found.append(variable)
        if isinstance(variable, Variable):
            _forget(seen, variable.name)
            seen[variable.name] = variable.value
    return tuple(found), scope


def _mapping_items(part: Part, scope: Scope) -> Iterable[Fields] | None:
    if not isinstance(settle(part).node, Mapping):
        return None
    return (
        Fields({"name": (key, Part(key, None)), "value": (key, value)}, key.at, scope)
        for key, value in entries_in_turn(part)
    )


def _variable(fields: Fields, library: Library) -> Variable | Group:
    if "group" in fields:
        fields.allow("a variable group", ("group",))
        name = fields.text("group")
        return Group(name, fields.at, _group(name, fields.place("group"), library))
    fields.allow("a variable", ("name", "value", "readonly"))
    if not fields.text("name"):
        raise broken("a variable has no `name`", fields.at)
    value = fields.part("value")
    node = settle(value).node
    if not isinstance(node, Scalar):
        raise broken(f"the variable {fields.text('name')!r} is text", fields.at)
    return Variable(fields.text("name"), node.text, fields.at, fields.flag("readonly", False))


def _group(name: str, at: Place, library: Library) -> AbstractMapping[str, VariableValue]:
    try:
        return library.sources.variable_group(name)
    except NotFound as error:
        raise broken(error.what, at, error.todo) from None


def _forget(seen: dict[str, object], name: str) -> None:
    for other in [other for other in seen if other.lower() == name.lower()]:
        del seen[other]


def predefined(run: RunContext) -> dict[str, str]:
    """Build.*, System.* and Pipeline.* of a run; what belongs to a stage, job or agent comes later."""
    organization = run.organization_url.rstrip("/") + "/"
    found = {
        "Build.BuildId": str(run.build_id),
        "Build.BuildNumber": run.build_number,
        "Build.BuildUri": f"vstfs:///Build/Build/{run.build_id}",
        "Build.DefinitionName": run.definition_name,
        "Build.DefinitionVersion": "1",
        "Build.ContainerId": str(run.build_id),
        "Build.QueuedBy": run.requested_for,
        "Build.QueuedById": run.requested_for_id,
        "Build.Reason": run.reason,
        "Build.Repository.ID": run.repository_id,
        "Build.Repository.Name": run.repository_name,
        "Build.Repository.Provider": "TfsGit",
        "Build.Repository.Uri": run.repository_url,
        "Build.RequestedFor": run.requested_for,
        "Build.RequestedForEmail": run.requested_for_email,
        "Build.RequestedForId": run.requested_for_id,
        "Build.SourceBranch": run.source_branch,
        "Build.SourceBranchName": run.source_branch.rsplit("/", 1)[-1],
        "Build.SourceVersion": run.source_version,
        "Build.SourceVersionMessage": run.source_message,
        "System.CollectionUri": organization,
        "System.CollectionId": "",
        "System.DefinitionId": str(run.definition_id),
        "System.DefinitionName": run.definition_name,
        "System.HostType": "build",
        "System.PlanId": run.plan_id,
        "System.ServerType": "Hosted",
        "System.TeamFoundationCollectionUri": organization,
        "System.TeamFoundationServerUri": organization,
        "System.TimelineId": run.plan_id,
        "System.TeamProject": run.project,
        "System.TeamProjectId": run.project_id,
        "System": "build",
    }
    return found | _pull_request(run)


def _pull_request(run: RunContext) -> dict[str, str]:
    if run.pull_request_id is None:
        return {}
    return {
        "System.PullRequest.PullRequestId": str(run.pull_request_id),
        "System.PullRequest.SourceBranch": run.pull_request_source_branch,
        "System.PullRequest.TargetBranch": run.pull_request_target_branch,
        "System.PullRequest.TargetBranchName": run.pull_request_target_branch.rsplit("/", 1)[-1],
        "System.PullRequest.IsFork": "False",
    }
