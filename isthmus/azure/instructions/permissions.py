"""Who may use, queue and change what: pipelines, the bridge, and jobs."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.azure.bits import BUILD_NAMESPACE, GIT_NAMESPACE, GIVEN
from isthmus.azure.differences import Difference
from isthmus.azure.instructions.instruction import Instruction, there
from isthmus.azure.present import Present
from isthmus.azure.resources import CALLED, Denial, Grant, JobRight, PipelineDenial, ResourceType


@dataclass(frozen=True)
class Authorize(Instruction):
    """Let pipelines use a resource, or (`revoke`, by number and name) no longer."""

    resource_type: ResourceType
    resource: str
    pipelines: tuple[str, ...] = ()
    revoke: tuple[tuple[int, str], ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def summary(self) -> str:
        where = f"{CALLED[self.resource_type]} {self.resource}"
        if self.revoke:
            return f"~ {where}: no longer usable by {', '.join(name for _, name in self.revoke)}"
        sign = "~" if self.differences else "+"
        return f"{sign} {where}: usable by {', '.join(self.pipelines)}"

    def carry_out(self, present: Present) -> None:
        key = there(present.resource(self.resource_type, self.resource), self.resource_type, self.resource)
        numbers = [there(present.pipeline(name), "pipeline", name) for name in self.pipelines]
        body = {
            "pipelines": [{"id": number, "authorized": True} for number in numbers]
            + [{"id": number, "authorized": False} for number, _ in self.revoke]
        }
        present.clients.get_pipeline_permissions_client().update_pipeline_permisions_for_resource(
            body, present.client.project, self.resource_type, key
        )


@dataclass(frozen=True)
class Close(Instruction):
    """Let no pipeline use a resource but those that were let to."""

    resource_type: ResourceType
    resource: str

    @property
    def summary(self) -> str:
        return f"~ {CALLED[self.resource_type]} {self.resource}: no longer usable by every pipeline"

    @property
    def differences(self) -> tuple[Difference, ...]:
        return (Difference("allPipelines.authorized", True, False),)

    def carry_out(self, present: Present) -> None:
        key = there(present.resource(self.resource_type, self.resource), self.resource_type, self.resource)
        # Microsoft's client sends no `pipelines: null`, so those that were let to stay so.
        present.clients.get_pipeline_permissions_client().update_pipeline_permisions_for_resource(
            {"allPipelines": {"authorized": False}}, present.client.project, self.resource_type, key
        )


@dataclass(frozen=True)
class GrantPipeline(Instruction):
    """Let the bridge see the runs of one pipeline, and queue or write to them where `grant` says so."""

    grant: Grant
    differences: tuple[Difference, ...] = ()

    @property
    def summary(self) -> str:
        sign = "~" if self.differences else "+"
        return f"{sign} the bridge may {self.grant.what} {self.grant.pipeline}"

    def carry_out(self, present: Present) -> None:
        number = there(present.pipeline(self.grant.pipeline), "pipeline", self.grant.pipeline)
        token = f"{present.project()}/{number}"
        _set(present, BUILD_NAMESPACE, token, present.application(self.grant.client_id), self.grant.bits)


@dataclass(frozen=True)
class Ungrant(Instruction):
    """Let the bridge do nothing where it needs nothing: a pipeline that is not its, or all of the project."""

    client_id: str
    token: str
    what: str
    bits: int

    @property
    def summary(self) -> str:
        return f"~ the bridge may do nothing with {self.what}"

    @property
    def differences(self) -> tuple[Difference, ...]:
        return (Difference("allow", self.bits, 0),)

    def carry_out(self, present: Present) -> None:
        _set(present, BUILD_NAMESPACE, self.token, present.application(self.client_id), 0)


PLACED = {"repository": "in", "pipeline": "of"}


def place(right: JobRight, present: Present) -> tuple[str, str] | None:
    """The security namespace and token that a right of jobs is about; None where that is not there."""
    if right.kind == "pipeline":
        number = present.pipeline(right.name)
        return (BUILD_NAMESPACE, f"{present.project()}/{number}") if number else None
    repository = present.repository(right.name)
    if repository is None:
        return None
    token = present.git_token(repository)
    return GIT_NAMESPACE, f"{token}/{branches(right.folder)}" if right.folder else token


def branches(name: str) -> str:
    """How the token of a repository goes on for a branch, or a folder of them: each letter in two bytes."""
    return "/".join(["refs", "heads", *(part.encode("utf-16-le").hex() for part in name.split("/"))])


@dataclass(frozen=True)
class DenyPipeline(Instruction):
    """Let nobody of a group change one pipeline; what else is said of the group there stays."""

    denial: PipelineDenial
    group: str
    differences: tuple[Difference, ...] = ()

    @property
    def summary(self) -> str:
        sign = "~" if self.differences else "+"
        return f"{sign} {self.group} may not change pipeline {self.denial.pipeline}"

    def carry_out(self, present: Present) -> None:
        number = there(present.pipeline(self.denial.pipeline), "pipeline", self.denial.pipeline)
        who = descriptor(self.group, present)
        token = f"{present.project()}/{number}"
        allow, deny = present.bits(BUILD_NAMESPACE, token, who)
        bits = self.denial.bits
        _set(present, BUILD_NAMESPACE, token, who, allow & ~bits, deny=deny | bits)


@dataclass(frozen=True)
class GrantJobs(Instruction):
    """Let jobs do that in a repository, or with a pipeline, and beside it what Azure DevOps gives them."""

    right: JobRight
    differences: tuple[Difference, ...] = ()

    @property
    def summary(self) -> str:
        sign = "~" if self.differences else "+"
        return f"{sign} jobs may {self.right.what} {PLACED[self.right.kind]} {self.right.name}"

    def carry_out(self, present: Present) -> None:
        namespace, token = there(place(self.right, present), self.right.kind, self.right.name)
        jobs, bits = present.build_service(), self.right.bits
        allow, deny = present.bits(namespace, token, jobs)
        kept = (deny | self.right.denied) & ~bits
        _set(present, namespace, token, jobs, allow & GIVEN[namespace] | bits, deny=kept)


@dataclass(frozen=True)
class RevokeJobs(Instruction):
    """Take from jobs what `GrantJobs` gave them."""

    right: JobRight

    @property
    def summary(self) -> str:
        return f"- jobs may {self.right.what} {PLACED[self.right.kind]} {self.right.name}"

    def carry_out(self, present: Present) -> None:
        namespace, token = there(place(self.right, present), self.right.kind, self.right.name)
        jobs = present.build_service()
        allow, deny = present.bits(namespace, token, jobs)
        _set(present, namespace, token, jobs, allow & ~self.right.bits, deny=deny & ~self.right.denied)


# Of the namespace Git Repositories: bypass policies when pushing; and when completing a pull request. Who may
# edit policies, or say who may what, comes past them too; on another branch than main its maker may.
PASS, RULE = 128 | 32768, 2048 | 8192
BYPASS = PASS | RULE


def denied(denial: Denial, present: Present) -> str:
    """The descriptor of whom a denial is about."""
    return descriptor(denial.group, present) if denial.group else present.build_service()


def descriptor(group: str, present: Present) -> str:
    found = there(next(iter(present.identities(group)), None), "group", group)
    return str(found.descriptor)


@dataclass(frozen=True)
class DenyBypass(Instruction):
    """Deny somebody to bypass branch policies, or (`lift`) say nothing of that again."""

    denial: Denial
    differences: tuple[Difference, ...] = ()
    lift: bool = False

    @property
    def summary(self) -> str:
        sign = "-" if self.lift else "~" if self.differences else "+"
        return f"{sign} {self.denial.whom} may not bypass policies in {self.denial.repository}"

    def carry_out(self, present: Present) -> None:
        repository = there(present.repository(self.denial.repository), "repository", self.denial.repository)
        token, who = present.git_token(repository), denied(self.denial, present)
        allow, deny = present.bits(GIT_NAMESPACE, token, who)
        kept = deny & ~BYPASS if self.lift else deny | BYPASS
        _set(present, GIT_NAMESPACE, token, who, allow & ~BYPASS, deny=kept)


@dataclass(frozen=True)
class Revoke(Instruction):
    """Take from somebody else the right to `what`, which are these bits; what they may do beside it stays."""

    namespace: str
    token: str
    descriptor: str
    bits: int
    what: str
    says: str

    @property
    def summary(self) -> str:
        return f"~ {self.says}"

    @property
    def differences(self) -> tuple[Difference, ...]:
        return (Difference(self.what, "allowed", "not allowed"),)

    def carry_out(self, present: Present) -> None:
        allow, deny = present.bits(self.namespace, self.token, self.descriptor)
        _set(present, self.namespace, self.token, self.descriptor, allow & ~self.bits, deny=deny)


def _set(present: Present, namespace: str, token: str, who: str, allow: int, *, deny: int = 0) -> None:
    """Say what one principal may do there, that and nothing else; others' entries stay."""
    entry = {"descriptor": who, "allow": allow, "deny": deny, "extendedInfo": {}}
    body = {"token": token, "merge": False, "accessControlEntries": [entry]}
    present.clients.get_security_client().set_access_control_entries(body, namespace)
