"""What the bridge and jobs may do in the project, computed against what they may do there."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus import names
from isthmus.azure.bits import BUILD_NAMESPACE, CHANGE, GIT_NAMESPACE, GIVEN, called
from isthmus.azure.differences import Difference
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.instructions.permissions import (
    BYPASS,
    PASS,
    DenyBypass,
    DenyPipeline,
    GrantJobs,
    GrantPipeline,
    Revoke,
    Ungrant,
    branches,
    denied,
    descriptor,
    place,
)
from isthmus.azure.present import Present
from isthmus.azure.resources import Grant, Wanted
from isthmus.config import Platform

MAIN = f"/{branches('main')}"


def grants(platform: Platform, want: Wanted, present: Present) -> Iterator[Instruction]:
    """What the bridge may do: exactly that with these pipelines, and nothing with any other."""
    client, project = platform.azure.bridge_client_id, present.project()
    numbers = {grant: present.pipeline(grant.pipeline) for grant in want.grants}
    if project is None:
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


def bypasses(want: Wanted, present: Present) -> Iterator[Instruction]:
    """Nobody but administrators goes past the branch policies of a repository of the platform's."""
    project, spared = present.project(), _administrators(want, present)
    if project and any(present.repository(one.repository) for one in want.denials):
        at = f"repoV2/{project}"
        yield from _strangers(
            present.listed(GIT_NAMESPACE, at, recurse=False), spared, present, "every repository"
        )
    for repository in dict.fromkeys(one.repository for one in want.denials):
        mine = [one for one in want.denials if one.repository == repository]
        found = present.repository(repository)
        if found is None:
            yield from map(DenyBypass, mine)
            continue
        token = present.git_token(found)
        listed = present.listed(GIT_NAMESPACE, token)
        for one in mine:
            allow, deny = listed.pop((token, denied(one, present)), (0, 0))
            if allow & BYPASS:
                yield DenyBypass(one, (Difference("bypass policies", "allowed", "denied"),))
            elif deny & BYPASS != BYPASS:
                yield DenyBypass(one)
        yield from _strangers(listed, spared, present, repository)


def _administrators(want: Wanted, present: Present) -> set[str]:
    """The descriptors of who may mend what is locked: the project's administrators, and the collection's."""
    groups = (f"[{want.project}]\\Project Administrators", "Project Collection Administrators")
    return {one.descriptor.lower() for name in groups for one in present.identities(name)}


def _strangers(
    listed: dict[tuple[str, str], tuple[int, int]], spared: set[str], present: Present, where: str
) -> Iterator[Instruction]:
    for (token, who), (allow, _deny) in listed.items():
        bits = _passing(token)
        if allow & bits and who.lower() not in spared:
            says = f"{present.named(who)} may not bypass policies in {where}"
            yield Revoke(GIT_NAMESPACE, token, who, bits, "bypass policies", says)


def _passing(token: str) -> int:
    """The bits that come past the policies of main there: who made another branch may rule it."""
    return PASS if "/refs/heads/" in token and not token.endswith(MAIN) else BYPASS


def changes(platform: Platform, want: Wanted, present: Present) -> Iterator[Instruction]:
    """Nobody but administrators edits our pipelines: an edited one runs anything with our connections.

    Contributors are denied it; from whomever else it was allowed it is taken. What is allowed for the whole
    project is its administrators' to say, such as Build Administrators.
    """
    group, project = names.contributors(platform), present.project()
    spared = _administrators(want, present) if project else set()
    for one in want.pipeline_denials:
        number = present.pipeline(one.pipeline)
        if project is None or number is None:
            yield DenyPipeline(one, group)
            continue
        allow, deny = present.bits(BUILD_NAMESPACE, f"{project}/{number}", descriptor(group, present))
        if allow & one.bits or (deny and deny & one.bits != one.bits):
            yield DenyPipeline(one, group, (Difference("deny", deny, deny | one.bits),))
        elif not deny:
            yield DenyPipeline(one, group)
        listed = present.listed(BUILD_NAMESPACE, f"{project}/{number}", recurse=False)
        for (token, who), (allowed, _denied) in listed.items():
            if allowed & one.bits and who.lower() not in spared | {descriptor(group, present).lower()}:
                says = f"{present.named(who)} may not change pipeline {one.pipeline}"
                yield Revoke(BUILD_NAMESPACE, token, who, one.bits, "change the pipeline", says)


def job_rights(want: Wanted, present: Present) -> Iterator[Instruction]:
    """What jobs may do, and no more: in the project, in each repository and with each pipeline of ours."""
    held = dict(_held(want, present))
    asked = {one: place(one, present) for one in want.job_rights}
    folders = [where[1] for one, where in asked.items() if where and one.folder]
    for one, where in asked.items():
        _what, allow, deny = held.pop(where, ("", 0, 0)) if where else ("", 0, 0)
        over = _over(*where, allow & ~one.bits) if where else 0
        if over or allow & one.bits != one.bits or deny & one.denied != one.denied:
            yield GrantJobs(one, _taken(where[0], over) if where and over else ())
    for (namespace, token), (what, allow, _deny) in held.items():
        over = _over(namespace, token, allow)
        # What jobs push there they made, and who makes a branch may say who may what with it.
        if over and not token.startswith(tuple(f"{one}/" for one in folders)):
            (said,) = _taken(namespace, over)
            says = f"{what}: jobs may not {said.what}"
            yield Revoke(namespace, token, present.build_service(), over, said.what, says)


def excess(want: Wanted, present: Present) -> Iterator[Instruction]:
    """Of these, what jobs may do beyond what they need."""
    for one in job_rights(want, present):
        if not isinstance(one, GrantJobs) or one.differences or one.right.denied:
            yield one


def _held(want: Wanted, present: Present) -> Iterator[tuple[tuple[str, str], tuple[str, int, int]]]:
    """By namespace and token: what it is about, and what jobs are allowed and denied there."""
    project = present.project()
    repositories = {one.name: present.repository(one.name) for one in want.repositories}
    pipelines = {one.name: present.pipeline(one.name) for one in want.pipelines}
    if project is None or not any([*repositories.values(), *pipelines.values()]):
        return
    jobs = present.build_service()
    yield (
        (GIT_NAMESPACE, f"repoV2/{project}"),
        ("every repository", *present.bits(GIT_NAMESPACE, f"repoV2/{project}", jobs)),
    )
    for name, found in repositories.items():
        whole = present.git_token(found) if found else ""
        for token, bits in present.entries(GIT_NAMESPACE, whole, jobs).items() if found else ():
            what = f"repository {name}" if token == whole else f"a branch of {name}"
            yield (GIT_NAMESPACE, token), (what, *bits)
    about = {f"{project}/{number}": f"pipeline {name}" for name, number in pipelines.items()}
    about[project] = "every pipeline"
    for token, bits in present.entries(BUILD_NAMESPACE, project, jobs).items():
        if token in about:
            yield (BUILD_NAMESPACE, token), (about[token], *bits)


def _over(namespace: str, token: str, allow: int) -> int:
    """The bits beyond those that jobs have anyway, and those that `bypasses` and `changes` tell."""
    if namespace == GIT_NAMESPACE:
        return allow & ~GIVEN[namespace] & ~_passing(token)
    return allow & ~GIVEN[namespace] & ~(CHANGE if "/" in token else 0)


def _taken(namespace: str, bits: int) -> tuple[Difference, ...]:
    return (Difference(called(namespace, bits), "allowed", "not allowed"),)
