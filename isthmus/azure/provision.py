"""Azure DevOps brought to what platform.yaml says: a plan computed, shown, and applied.

Applied twice, the second plan is empty. What others made beside it is left alone, but for pipelines that
were let into a service connection which is another's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from isthmus.azure import contents, drift, marks, policies
from isthmus.azure.client import connect
from isthmus.azure.differences import Difference
from isthmus.azure.guards import TASK
from isthmus.azure.instructions.checks import PutCheck
from isthmus.azure.instructions.connections import PutConnection
from isthmus.azure.instructions.instruction import Instruction, perform
from isthmus.azure.instructions.permissions import (
    Authorize,
    Close,
    GrantJobs,
    GrantPipeline,
    Ungrant,
)
from isthmus.azure.instructions.pipelines import ChangePipeline, CreateEnvironment, CreatePipeline
from isthmus.azure.instructions.policies import PutPolicy
from isthmus.azure.instructions.repositories import (
    UPDATE,
    CreateProject,
    CreateRepository,
    Propose,
    Push,
    SetDefaultBranch,
)
from isthmus.azure.ownership import adoptions
from isthmus.azure.present import BUILD_NAMESPACE, GIT_NAMESPACE, Present
from isthmus.azure.resources import MAIN, Authorization, Check, Grant, Pipeline, Policy, Repository, Wanted
from isthmus.azure.wanted import wanted
from isthmus.config import Platform
from isthmus.errors import Problem


def plan(
    platform: Platform,
    folders: contents.Folders,
    present: Present,
    callback: str = "",
    *,
    adopt: bool = False,
) -> list[Instruction]:
    """What has to change, in the order in which it can; `callback` is the URL of the bridge's HTTPS route.

    Raises `Refused` for what has these names and apply did not make, unless it is to `adopt` that.
    """
    want = wanted(platform, callback)
    return [
        *_project(want, present),
        *adoptions(platform.name, want, present, adopt=adopt),
        *_repositories(want, folders, present),
        *(found for one in want.pipelines for found in _pipeline(one, present)),
        *(CreateEnvironment(one) for one in want.environments if present.environment(one.name) is None),
        *_connections(platform, want, present),
        *(found for check in want.checks for found in _check(check, present)),
        *(found for one in want.authorizations for found in _authorization(one, present)),
        *(found for one in want.policies for found in _policy(one, present)),
        *_grants(platform, want, present),
        *_job_rights(want, present),
    ]


def apply(
    platform: Platform,
    folders: contents.Folders,
    *,
    callback: str = "",
    token: str | None = None,
    adopt: bool = False,
    tell: Callable[[str], None] = lambda _line: None,
) -> list[str]:
    """Bring Azure DevOps to what is wanted; returns what was done, one line each, and tells it as it goes.

    `callback` is the URL of the bridge's HTTPS route; without it no pipeline learns where that is. `token` is
    an administrator's; without one the environment's is taken. Raises a `Problem` at the first
    instruction that fails: what went before it stays, and the next apply goes on from there.
    """
    present = Present(connect(platform, token))
    done = carry_out(
        plan(platform, folders, present, callback, adopt=adopt), present, tell, platform=platform.name
    )
    marks.settle(present, platform.name, wanted(platform, callback))
    return done


def carry_out(
    instructions: Sequence[Instruction], present: Present, tell: Callable[[str], None], *, platform: str
) -> list[str]:
    """One after the other; raises the first `Problem`, saying what was done before and what was not.

    As soon as there is a project, it marks what they are to make as the platform's.
    """
    unmarked = [marks.Mark(platform, *one.makes) for one in instructions if one.makes]
    for done, instruction in enumerate(instructions):
        for line in instruction.lines:
            tell(line)
        try:
            if unmarked and present.project():
                marks.put(present, unmarked)
                unmarked = []
            perform(instruction, present)
        except Problem as problem:
            rest = [one.summary for one in instructions[done:]]
            left = "".join(f"\n  not done: {line}" for line in rest)
            todo = problem.todo or "mend that, and give the command again: it goes on from there"
            what = f"{problem.what}\n  {done} of {len(instructions)} done{left}"
            raise type(problem)(what, where=problem.where, todo=todo) from None
    return [instruction.summary for instruction in instructions]


def unguarded(platform: Platform, present: Present) -> list[Instruction]:
    """The checks that are missing, or were changed by hand: what a deployment could go past."""
    return [found for check in wanted(platform).checks for found in _check(check, present)]


def _project(want: Wanted, present: Present) -> Iterator[Instruction]:
    if present.project() is None:
        yield CreateProject(want.project)


def _repositories(want: Wanted, folders: contents.Folders, present: Present) -> Iterator[Instruction]:
    for repository in want.repositories:
        found = present.repository(repository.name)
        if found is None:
            yield CreateRepository(repository.name)
        if found is None or not found.default_branch:
            yield Push(repository, folders)
            continue
        if found.default_branch != MAIN:
            yield SetDefaultBranch(repository.name, found.default_branch)
        if repository.ours:
            yield from _update(repository, found.remote_url, folders, present)


def _update(
    repository: Repository, url: str, folders: contents.Folders, present: Present
) -> Iterator[Instruction]:
    """New contents of a repository of ours. A team's is the team's, once it is filled."""
    wanted, token = contents.tree(folders.files(repository.content)), present.client.token
    if contents.remote_tree(url, token) == wanted:
        return
    if not present.is_protected(repository.name):
        yield Push(repository, folders)
    elif contents.remote_tree(url, token, UPDATE) != wanted:
        yield Propose(repository, folders)


def _pipeline(pipeline: Pipeline, present: Present) -> Iterator[Instruction]:
    found = present.definition(pipeline.name)
    if found is None:
        yield CreatePipeline(pipeline)
    elif differences := drift.of_pipeline(pipeline, found):
        yield ChangePipeline(pipeline, differences)


def _connections(platform: Platform, want: Wanted, present: Present) -> Iterator[Instruction]:
    azure = platform.azure
    for connection in want.connections:
        found = present.connection(connection.name)
        differences = drift.of_connection(platform, connection, found) if found else ()
        if found is None or differences:
            key = found.id if found else ""
            yield PutConnection(connection, azure.tenant_id, azure.connection_client, key, differences)


def _check(check: Check, present: Present) -> Iterator[Instruction]:
    found = [one for one in present.checks(check.resource_type, check.resource) if is_same(check, one)]
    if not found:
        yield PutCheck(check)
    elif differences := drift.of_check(check, found[0], present):
        yield PutCheck(check, found[0]["id"], differences)


def is_same(check: Check, found: dict[str, Any]) -> bool:
    """Whether it is the same check: of task checks there are many of one type."""
    if found["type"]["id"].lower() != check.type:
        return False
    if check.type != TASK:
        return True
    task: str = found["settings"]["definitionRef"]["id"]
    return task.lower() == str(check.settings["definitionRef"]["id"])


def _authorization(one: Authorization, present: Present) -> Iterator[Instruction]:
    numbers = {name: present.pipeline(name) for name in one.pipelines}
    there = present.authorized(one.resource_type, one.resource)
    missing = tuple(name for name, number in numbers.items() if number not in there)
    # What stood before these pipelines were made has yet to be let to them; else somebody took it away.
    taken = tuple(Difference(name, "not allowed", "allowed") for name in missing if numbers[name])
    if missing:
        is_new = present.resource(one.resource_type, one.resource) is None
        yield Authorize(one.resource_type, one.resource, missing, differences=() if is_new else taken)
    if one.resource_type != "repository" and present.is_open(one.resource_type, one.resource):
        yield Close(one.resource_type, one.resource)
    strangers = tuple(sorted(there - {number for number in numbers.values() if number}))
    if one.only and strangers:
        found = tuple(Difference(f"pipeline {number}", "allowed", "not allowed") for number in strangers)
        yield Authorize(one.resource_type, one.resource, revoke=strangers, differences=found)


def _policy(one: Policy, present: Present) -> Iterator[Instruction]:
    mine = [found for found in present.every("policy") if policies.is_same(one, found, present)]
    if not policies.is_there(one, present) or not mine:
        yield PutPolicy(one)
    elif differences := drift.of_policy(one, mine[0], present):
        yield PutPolicy(one, mine[0].id, differences)


def _grants(platform: Platform, want: Wanted, present: Present) -> Iterator[Instruction]:
    """What the bridge may do: exactly that with these pipelines, and nothing with any other."""
    client, project = platform.azure.bridge_client_id, present.project()
    numbers = {grant: present.pipeline(grant.pipeline) for grant in want.grants}
    if project is None or not any(numbers.values()):
        yield from map(GrantPipeline, want.grants)
        return
    there = present.entries(BUILD_NAMESPACE, project, present.application(client))
    for grant, number in numbers.items():
        yield from _grant(grant, there.pop(f"{project}/{number}", None))
    for token, (allow, _deny) in there.items():
        if allow:
            what = f"pipeline {token.partition('/')[2]}" if "/" in token else "every pipeline"
            yield Ungrant(client, token, what, allow)


def _grant(grant: Grant, found: tuple[int, int] | None) -> Iterator[Instruction]:
    if found is None:
        yield GrantPipeline(grant)
    elif found[0] != grant.bits or found[1] & grant.bits:
        denied = (Difference("deny", found[1], 0),) if found[1] & grant.bits else ()
        yield GrantPipeline(grant, (Difference("allow", found[0], grant.bits), *denied))


def _job_rights(want: Wanted, present: Present) -> Iterator[Instruction]:
    for one in want.job_rights:
        repository = present.repository(one.repository)
        if repository is None:
            yield GrantJobs(one)
            continue
        token = f"repoV2/{present.project()}/{repository.id}"
        allowed = present.granted(GIT_NAMESPACE, token, present.build_service())
        if allowed & one.bits != one.bits:
            yield GrantJobs(one)
