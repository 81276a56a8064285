"""Azure DevOps brought to what platform.yaml says: a plan computed, shown, and applied.

Applied twice, the second plan is empty. What others made beside it is left alone, but for pipelines that
were let into a service connection which is another's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from isthmus.azure import admission, contents, drift, marks, policies, removal, rights, roles
from isthmus.azure.client import connect
from isthmus.azure.differences import Difference
from isthmus.azure.instructions.connections import PutConnection
from isthmus.azure.instructions.instruction import Instruction, perform
from isthmus.azure.instructions.pipelines import ChangePipeline, CreateEnvironment, CreatePipeline
from isthmus.azure.instructions.policies import PutPolicy
from isthmus.azure.instructions.repositories import (
    UPDATE,
    ChangeRepository,
    CreateProject,
    CreateRepository,
    HideProject,
    Propose,
    Push,
)
from isthmus.azure.instructions.settings import KeepRuns
from isthmus.azure.instructions.variables import PutVariableGroup
from isthmus.azure.ownership import adoptions
from isthmus.azure.present import Present
from isthmus.azure.resources import MAIN, Pipeline, Policy, Repository, VariableGroup, Wanted
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
    prune: bool = False,
) -> list[Instruction]:
    """What has to change, in the order in which it can; `callback` is the URL of the bridge's HTTPS route.

    With `prune`, what apply made and platform.yaml asks for no longer goes.
    Raises `Refused` for what has these names and apply did not make, unless it is to `adopt` that.
    """
    want = wanted(platform, callback)
    return [
        *_project(want, present),
        *adoptions(platform.name, want, present, adopt=adopt),
        *admission.switches(want, present),
        *_retention(want, present),
        *_repositories(want, folders, present),
        *(found for one in want.pipelines for found in _pipeline(one, present)),
        *(CreateEnvironment(one) for one in want.environments if present.environment(one.name) is None),
        *_connections(platform, want, present),
        *(found for one in want.variable_groups for found in _variable_group(one, present)),
        *(found for check in want.checks for found in admission.check(check, present)),
        *(found for one in want.environments for found in admission.unasked(one, want.checks, present)),
        *(found for one in want.authorizations for found in admission.authorization(one, present)),
        *(found for one in want.policies for found in _policy(one, present)),
        *rights.grants(platform, want, present),
        *rights.changes(platform, want, present),
        *rights.job_rights(want, present),
        *rights.bypasses(want, present),
        *roles.strangers(want, present),
        *(one for one in removal.unasked(platform, present, prune=prune) if isinstance(one, Instruction)),
    ]


def unguarded(platform: Platform, present: Present) -> list[Instruction]:
    """Of the plan what could be gone past: switches, checks, policies, denials, roles, pipelines, jobs."""
    want = wanted(platform)
    return [
        *(one for one in _project(want, present) if one.differences),
        *admission.switches(want, present),
        *(found for one in want.pipelines for found in _pipeline(one, present) if found.differences),
        *(found for check in want.checks for found in admission.check(check, present)),
        *(found for one in want.policies for found in _policy(one, present)),
        *rights.changes(platform, want, present),
        *rights.excess(want, present),
        *rights.bypasses(want, present),
        *roles.strangers(want, present),
    ]


def apply(
    platform: Platform,
    folders: contents.Folders,
    *,
    callback: str = "",
    token: str | None = None,
    adopt: bool = False,
    prune: bool = False,
    tell: Callable[[str], None] = lambda _line: None,
) -> list[str]:
    """Bring Azure DevOps to what is wanted; returns what was done, one line each, and tells it as it goes.

    `callback` is the URL of the bridge's HTTPS route; without it no pipeline learns where that is. `token` is
    an administrator's; without one the environment's is taken. Raises a `Problem` at the first
    instruction that fails: what went before it stays, and the next apply goes on from there.
    """
    present = Present(connect(platform, token))
    found = plan(platform, folders, present, callback, adopt=adopt, prune=prune)
    done = carry_out(found, present, tell, platform=platform.name)
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


def _project(want: Wanted, present: Present) -> Iterator[Instruction]:
    was = present.visibility()
    if was is None:
        yield CreateProject(want.project)
    elif was != "private":
        yield HideProject(want.project, was)


def _retention(want: Wanted, present: Present) -> Iterator[Instruction]:
    days, was = want.retention_days, present.retention_days()
    if days and days != was:
        yield KeepRuns(days, was)


def _repositories(want: Wanted, folders: contents.Folders, present: Present) -> Iterator[Instruction]:
    for repository in want.repositories:
        found = present.repository(repository.name)
        if found is None:
            yield CreateRepository(repository.name)
        if found is None or not (found.default_branch or found.is_disabled):
            yield Push(repository, folders)
            continue
        if found.is_disabled:
            # Until then nobody can read what is in it, nor push, nor can a run.
            yield ChangeRepository(repository.name, "enabled", Difference("isDisabled", True, False))
            continue
        if found.default_branch != MAIN:
            # What people see first, and pipelines run without being told a branch.
            change = Difference("defaultBranch", found.default_branch, MAIN)
            yield ChangeRepository(repository.name, "default branch", change)
        if repository.ours:
            yield from _update(repository, found.remote_url, folders, present)


def _update(
    repository: Repository, url: str, folders: contents.Folders, present: Present
) -> Iterator[Instruction]:
    """New contents of a repository of ours. A team's is the team's, once it is filled."""
    wanted, token = contents.tree(folders.files(repository)), present.client.token
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
    for connection in want.connections:
        found = present.connection(connection.name)
        differences = drift.of_connection(platform, connection, found) if found else ()
        if found is None or differences:
            key = found.id if found else ""
            yield PutConnection(connection, platform.azure.tenant_id, key, differences)


def _variable_group(group: VariableGroup, present: Present) -> Iterator[Instruction]:
    found = present.variable_group(group.name)
    if found is None:
        yield PutVariableGroup(group)
    elif differences := drift.of_variable_group(group, found):
        yield PutVariableGroup(group, found.id, differences)


def _policy(one: Policy, present: Present) -> Iterator[Instruction]:
    mine = [found for found in present.every("policy") if policies.is_same(one, found, present)]
    if not policies.is_there(one, present) or not mine:
        yield PutPolicy(one)
    elif differences := drift.of_policy(one, mine[0], present):
        yield PutPolicy(one, mine[0].id, differences)
