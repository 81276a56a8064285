"""What the bridge and jobs may do in the project, computed against what they may do there."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus import names
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
from isthmus.azure.present import BUILD_NAMESPACE, GIT_NAMESPACE, Present
from isthmus.azure.resources import Grant, JobRight, Wanted
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
    for (token, who), (allow, deny) in listed.items():
        bits = PASS if "/refs/heads/" in token and not token.endswith(MAIN) else BYPASS
        if allow & bits and who.lower() not in spared:
            says = f"{present.named(who)} may not bypass policies in {where}"
            yield Revoke(GIT_NAMESPACE, token, who, bits, "bypass policies", says, allow, deny)


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
        for (token, who), (allowed, denied_) in listed.items():
            if allowed & one.bits and who.lower() not in spared | {descriptor(group, present).lower()}:
                says = f"{present.named(who)} may not change pipeline {one.pipeline}"
                yield Revoke(
                    BUILD_NAMESPACE, token, who, one.bits, "change the pipeline", says, allowed, denied_
                )


def job_rights(want: Wanted, present: Present) -> Iterator[Instruction]:
    """What jobs may do, and no more: of a repository's branches they push those of one folder."""
    for one in want.job_rights:
        where = place(one, present)
        allow, deny = present.bits(*where, present.build_service()) if where else (0, 0)
        if allow & one.bits != one.bits or deny & one.denied != one.denied:
            yield GrantJobs(one)
        if where and one.folder:
            yield from _elsewhere(one, where, present)


def pushes(want: Wanted, present: Present) -> Iterator[Instruction]:
    """Of these, what lets jobs push other branches."""
    for one in job_rights(want, present):
        if not isinstance(one, GrantJobs) or one.right.denied:
            yield one


def _elsewhere(right: JobRight, where: tuple[str, str], present: Present) -> Iterator[Instruction]:
    jobs, (namespace, folder) = present.build_service(), where
    whole = present.git_token(present.repository(right.name))
    for token, (allow, deny) in present.entries(namespace, whole, jobs).items():
        if allow & right.bits and token != whole and not f"{token}/".startswith(f"{folder}/"):
            says = f"jobs may push no branch of {right.name} but those of {right.folder}/"
            yield Revoke(namespace, token, jobs, right.bits, "push", says, allow, deny)
