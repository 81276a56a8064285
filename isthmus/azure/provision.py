"""Azure DevOps brought to what platform.yaml says: a plan computed, shown, and applied.

Applied twice, the second plan is empty. What others made beside it is left alone, but for pipelines that
were let into a service connection which is another's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from isthmus.azure import contents, policies
from isthmus.azure.client import connect
from isthmus.azure.guards import TASK
from isthmus.azure.instructions import (
    PROPOSING_BITS,
    UPDATE,
    Authorize,
    CreateEnvironment,
    CreatePipeline,
    CreateProject,
    CreateRepository,
    GrantPipeline,
    GrantProposing,
    Instruction,
    Propose,
    Push,
    PutCheck,
    PutConnection,
    PutPolicy,
    perform,
    settings,
)
from isthmus.azure.present import BUILD_NAMESPACE, GIT_NAMESPACE, Present
from isthmus.azure.resources import Authorization, Check, Policy, Repository, Wanted
from isthmus.azure.wanted import wanted
from isthmus.config import Platform


def plan(
    platform: Platform, folders: contents.Folders, present: Present, callback: str = ""
) -> list[Instruction]:
    """What has to change, in the order in which it can; `callback` is the URL of the bridge's HTTPS route."""
    want = wanted(platform, callback)
    return [
        *_project(want, present),
        *_repositories(want, folders, present),
        *(CreatePipeline(one) for one in want.pipelines if present.pipeline(one.name) is None),
        *(CreateEnvironment(one) for one in want.environments if present.environment(one.name) is None),
        *_connections(platform, want, present),
        *(found for check in want.checks for found in _check(check, present)),
        *(found for one in want.authorizations for found in _authorization(one, present)),
        *(found for one in want.policies for found in _policy(one, present)),
        *_grants(want, present),
        *_proposing(want, present),
    ]


def apply(
    platform: Platform,
    folders: contents.Folders,
    *,
    callback: str = "",
    token: str | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> list[str]:
    """Bring Azure DevOps to what is wanted; returns what was done, one line each, and tells it as it goes.

    `callback` is the URL of the bridge's HTTPS route; without it no pipeline learns where that is. `token` is
    an administrator's; without one the environment's is taken. Raises a `Problem` at the first
    instruction that fails: what went before it stays, and the next apply goes on from there.
    """
    present = Present(connect(platform, token))
    instructions = plan(platform, folders, present, callback)
    for instruction in instructions:
        tell(instruction.summary)
        perform(instruction, present)
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
        elif repository.ours:
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


def _connections(platform: Platform, want: Wanted, present: Present) -> Iterator[Instruction]:
    azure = platform.azure
    for connection in want.connections:
        found = present.connection(connection.name)
        if found is None or connection.url not in ("", (found.url or "").rstrip("/")):
            key = found.id if found else ""
            yield PutConnection(connection, azure.tenant_id, azure.connection_client, key)


def _check(check: Check, present: Present) -> Iterator[Instruction]:
    found = [one for one in present.checks(check.resource_type, check.resource) if _is_same(check, one)]
    if not found:
        yield PutCheck(check)
    elif (
        not _holds(settings(check, present), found[0]["settings"]) or found[0].get("timeout") != check.timeout
    ):
        yield PutCheck(check, found[0]["id"])


def _is_same(check: Check, found: dict[str, Any]) -> bool:
    """Whether it is the same check: of task checks there are many of one type."""
    if found["type"]["id"].lower() != check.type:
        return False
    if check.type != TASK:
        return True
    task: str = found["settings"]["definitionRef"]["id"]
    return task.lower() == str(check.settings["definitionRef"]["id"])


def _holds(want: Any, found: Any) -> bool:
    """Whether all that is wanted is there; what is there beside it does not matter."""
    if isinstance(want, dict):
        return isinstance(found, dict) and all(_holds(value, found.get(key)) for key, value in want.items())
    if isinstance(want, list):
        return (
            isinstance(found, list)
            and len(want) == len(found)
            and all(_holds(one, other) for one, other in zip(want, found, strict=True))
        )
    if isinstance(want, str) and isinstance(found, str):
        return want.lower() == found.lower()
    return bool(want == found) or (not want and found is None)


def _authorization(one: Authorization, present: Present) -> Iterator[Instruction]:
    numbers = {name: present.pipeline(name) for name in one.pipelines}
    there = present.authorized(one.resource_type, one.resource)
    missing = tuple(name for name, number in numbers.items() if number not in there)
    if missing:
        yield Authorize(one.resource_type, one.resource, missing)
    strangers = tuple(sorted(there - {number for number in numbers.values() if number}))
    if one.only and strangers:
        yield Authorize(one.resource_type, one.resource, revoke=strangers)


def _policy(one: Policy, present: Present) -> Iterator[Instruction]:
    if not policies.is_there(one, present):
        yield PutPolicy(one)
        return
    mine = [found for found in present.policies() if policies.is_same(one, found, present)]
    if not mine:
        yield PutPolicy(one)
    elif not (
        mine[0].is_enabled
        and mine[0].is_blocking
        and _holds(policies.settings(one, present), mine[0].settings)
    ):
        yield PutPolicy(one, mine[0].id)


def _grants(want: Wanted, present: Present) -> Iterator[Instruction]:
    for grant in want.grants:
        number, project = present.pipeline(grant.pipeline), present.project()
        if number is None:
            yield GrantPipeline(grant)
            continue
        who = present.application(grant.client_id)
        allowed = present.granted(BUILD_NAMESPACE, f"{project}/{number}", who)
        if allowed & grant.bits != grant.bits:
            yield GrantPipeline(grant)


def _proposing(want: Wanted, present: Present) -> Iterator[Instruction]:
    for one in want.proposing:
        repository = present.repository(one.repository)
        if repository is None:
            yield GrantProposing(one)
            continue
        token = f"repoV2/{present.project()}/{repository.id}"
        allowed = present.granted(GIT_NAMESPACE, token, present.build_service())
        if allowed & PROPOSING_BITS != PROPOSING_BITS:
            yield GrantProposing(one)
