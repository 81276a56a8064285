"""Runs of pipelines: how one is asked for, compiled and kept, and how the pipelines API shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from isthmus.errors import BadInput, Problem, did_you_mean
from isthmus.local.azure_devops import gitcli, queue_time
from isthmus.local.azure_devops.access import EDIT_QUEUE, denied, may
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import Fault, invalid, not_found
from isthmus.local.azure_devops.organization import Organization, enabled, new_id, unique_name
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.repositories import default_branch
from isthmus.local.azure_devops.sources import RepositorySources
from isthmus.local.azure_devops.store import Document
from isthmus.local.pipelines.compiler import compile_pipeline
from isthmus.local.pipelines.host import Repository, Request, RunContext, VariableValue
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Source
from isthmus.local.pipelines.parameters import declared
from isthmus.local.pipelines.plan import Plan
from isthmus.local.pipelines.rendering import final_yaml
from isthmus.local.pipelines.variables import predefined

REASONS = {"manual": "Manual", "individualCI": "IndividualCI", "pullRequest": "PullRequest"}


@dataclass(frozen=True)
class Wanted:
    """What a run is asked for with. `tolerant` keeps a run that does not compile, as a failed one."""

    requested_for: Principal
    ref: str = ""
    version: str = ""
    # Of the repositories beside `self`, by alias: the branch and the commit that are asked for.
    repositories: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    stages_to_skip: tuple[str, ...] = ()
    reason: str = "manual"
    pull_request: Document | None = None
    tolerant: bool = False


@dataclass(frozen=True)
class Compiled:
    """A plan, what it was compiled from, and who it is for."""

    plan: Plan
    context: RunContext
    sources: RepositorySources
    variables: Mapping[str, VariableValue]


def queue(organization: Organization, pipeline: Document, wanted: Wanted) -> Document:
    """Compile the pipeline and start a run of it.

    Raises 400 when there is no such branch, and as `PipelineValidationException` when it does not compile.
    """
    run = _new(organization, pipeline, wanted)
    run["id"] = organization.runs.next_id()
    try:
        compiled = compile_run(organization, pipeline, run, wanted)
    except Problem as problem:
        if not wanted.tolerant:
            raise _validation(problem) from None
        return _invalid_run(organization, run, problem)
    _keep(organization, run, compiled)
    organization.agents.start(run, compiled)
    return run


def preview_yaml(organization: Organization, pipeline: Document, wanted: Wanted, override: str) -> str:
    """The expanded YAML of a run that is not made."""
    run = _new(organization, pipeline, wanted)
    try:
        plan = compile_run(organization, pipeline, run, wanted, override).plan
    except Problem as problem:
        raise _validation(problem) from None
    return final_yaml(plan)


def compile_again(organization: Organization, run: Document) -> Compiled:
    """The plan of a run that is over, from the same commits and what it was asked with.

    Raises 404 without its pipeline or who asked for it, and 400 where it does not compile any more.
    """
    pipeline = organization.pipeline(run["pipeline"], organization.project(run["project"]))
    who = organization.principals.get(run["requestedFor"])
    if who is None:
        raise not_found(f"Who asked for run {run['id']} is not there any more.")
    others = {alias: one for alias, one in run["repositories"].items() if alias != "self"}
    wanted = Wanted(
        who,
        repositories={alias: (one["ref"], one["commit"]) for alias, one in others.items()},
        parameters=run["templateParameters"],
        variables=run["variables"],
        stages_to_skip=tuple(run["stagesToSkip"]),
        reason=run["reason"],
        pull_request=organization.table("pullrequest").get(run["triggerInfo"].get("pr.number")),
    )
    try:
        return compile_run(organization, pipeline, run, wanted)
    except Problem as problem:
        raise _validation(problem) from None


def compile_run(
    organization: Organization, pipeline: Document, run: Document, wanted: Wanted, override: str = ""
) -> Compiled:
    asked = {**wanted.repositories, "self": (run["sourceBranch"], run["sourceVersion"])}
    sources = RepositorySources(organization, pipeline, asked, override)
    context = _context(organization, pipeline, run, wanted)
    request = Request(
        parameters=dict(wanted.parameters),
        variables=queue_time.of_run(organization, pipeline, wanted.variables),
        predefined=predefined(context),
    )
    path = pipeline["path"].lstrip("/")
    plan = compile_pipeline(path, sources, request)
    _refuse_free_text(organization, pipeline, wanted, Library(sources, request), path)
    _refuse_skips(plan, wanted.stages_to_skip)
    return Compiled(plan, context, sources, request.variables)


def _refuse_free_text(
    organization: Organization, pipeline: Document, wanted: Wanted, library: Library, path: str
) -> None:
    """Variables, and parameters that may be any text, are for who may edit the queue's configuration.

    https://learn.microsoft.com/azure/devops/release-notes/2024/pipelines/sprint-237-update
    """
    if may(organization, wanted.requested_for, pipeline, EDIT_QUEUE):
        return
    root = library.read(Source(library.locate(Repository("self")), path))
    bound = {one.name.lower() for one in declared(root) if one.values or one.type in ("boolean", "number")}
    if wanted.variables or {name.lower() for name in wanted.parameters} - bound:
        raise denied(wanted.requested_for, pipeline, EDIT_QUEUE)


def _refuse_skips(plan: Plan, names: tuple[str, ...]) -> None:
    stages = {stage.name: stage for stage in plan.stages}
    for name in names:
        if name not in stages:
            raise BadInput(f"there is no stage {name!r} to skip{did_you_mean(name, stages)}")
        if not stages[name].is_skippable:
            raise BadInput(f"the stage {name!r} cannot be skipped: it says isSkippable: false")


def of_pipeline(organization: Organization, pipeline: Document) -> list[Document]:
    """The pipeline's runs, newest first."""
    return organization.runs_of(pipeline["id"])


def _new(organization: Organization, pipeline: Document, wanted: Wanted) -> Document:
    repository = organization.repository(pipeline["repository"])
    folder = organization.git(enabled(repository, repository["name"]))
    ref = wanted.ref or default_branch(organization, repository)
    ref = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    version = gitcli.resolve(folder, wanted.version or ref)
    if version is None:
        raise invalid(
            f"Could not find {wanted.version or ref} in the repository {repository['name']}.",
            "PipelineValidationException",
        )
    request = wanted.pull_request
    return {
        "id": 0,
        "name": _number(organization, pipeline),
        "pipeline": pipeline["id"],
        "project": pipeline["project"],
        "repository": repository["id"],
        "state": "inProgress",
        "result": None,
        "createdDate": now(),
        "reason": wanted.reason,
        "requestedFor": wanted.requested_for.id,
        "sourceBranch": ref,
        "sourceVersion": version,
        "templateParameters": dict(wanted.parameters),
        "variables": dict(wanted.variables),
        "stagesToSkip": list(wanted.stages_to_skip),
        "tags": [],
        "plan": new_id(),
        "triggerInfo": _trigger(request, wanted.reason, version),
    }


def _trigger(request: Document | None, reason: str, version: str) -> dict[str, str]:
    if request:
        return {
            "pr.number": str(request["pullRequestId"]),
            "pr.sourceBranch": request["source"],
            "pr.sourceSha": request["lastMergeSource"],
            "pr.title": request["title"],
        }
    return {"ci.sourceSha": version} if reason == "individualCI" else {}


def _number(organization: Organization, pipeline: Document) -> str:
    """The default build number: the day, and how many runs it has had."""
    day = datetime.now(UTC).strftime("%Y%m%d")
    return f"{day}.{organization.runs_count(pipeline['id']) + 1}"


def _context(organization: Organization, pipeline: Document, run: Document, wanted: Wanted) -> RunContext:
    repository = organization.repository(run["repository"])
    project = organization.project(run["project"])
    who, request = wanted.requested_for, wanted.pull_request
    newest = gitcli.commit(organization.git(repository), run["sourceVersion"])
    return RunContext(
        build_id=run["id"],
        build_number=run["name"],
        definition_id=pipeline["id"],
        definition_name=pipeline["name"],
        organization_url=organization.url + "/",
        project=project["name"],
        project_id=project["id"],
        source_branch=run["sourceBranch"],
        source_version=run["sourceVersion"],
        repository_id=repository["id"],
        repository_name=repository["name"],
        repository_url=organization.git_url(project, repository),
        source_message=newest.message.partition("\n")[0] if newest else "",
        reason=REASONS.get(wanted.reason, "Manual"),
        requested_for=who.display_name,
        requested_for_email=unique_name(who),
        requested_for_id=who.id,
        plan_id=run["plan"],
        pull_request_id=request["pullRequestId"] if request else None,
        pull_request_source_branch=request["source"] if request else "",
        pull_request_target_branch=request["target"] if request else "",
    )


def _keep(organization: Organization, run: Document, compiled: Compiled) -> None:
    run["repositories"] = {
        alias: {"id": found.id, "name": found.name, "ref": found.ref, "commit": found.commit}
        for alias, found in compiled.sources.located.items()
    }
    organization.save_run(run)


def _invalid_run(organization: Organization, run: Document, problem: Problem) -> Document:
    run |= {"state": "completed", "result": "failed", "finishedDate": now(), "failure": str(problem)}
    run["repositories"] = {}
    return organization.save_run(run)


def _validation(problem: Problem) -> Fault:
    return Fault(400, "PipelineValidationException", str(problem))


def reference(organization: Organization, pipeline: Document, run: Document) -> Document:
    """A Run as the list shows it."""
    base = f"{organization.url}/{run['project']}"
    url = f"{base}/_apis/pipelines/{pipeline['id']}/runs/{run['id']}"
    pipeline_url = f"{base}/_apis/pipelines/{pipeline['id']}?revision={pipeline['revision']}"
    optional = {"result": run["result"], "finishedDate": run.get("finishedDate")}
    return {
        "_links": {
            "self": {"href": url},
            "web": {"href": f"{base}/_build/results?buildId={run['id']}"},
            "pipeline": {"href": pipeline_url},
        },
        "templateParameters": run["templateParameters"],
        "pipeline": {
            "url": pipeline_url,
            "id": pipeline["id"],
            "revision": pipeline["revision"],
            "name": pipeline["name"],
            "folder": pipeline["folder"],
        },
        "state": run["state"],
        "createdDate": run["createdDate"],
        "url": url,
        "id": run["id"],
        "name": run["name"],
        **{key: value for key, value in optional.items() if value},
    }


def shown(organization: Organization, run: Document) -> Document:
    """A Run with its resources."""
    pipeline = organization.pipelines[run["pipeline"]]
    repositories = {
        alias: {
            "repository": {"id": one["id"], "type": "azureReposGit"},
            "refName": one["ref"],
            "version": one["commit"],
        }
        for alias, one in run["repositories"].items()
    }
    return reference(organization, pipeline, run) | {
        "resources": {"repositories": repositories},
        "variables": {key: {"value": value} for key, value in run["variables"].items()},
    }
