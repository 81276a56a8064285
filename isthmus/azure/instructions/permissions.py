"""Who may use, queue and change what: pipelines, the bridge, and jobs."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.azure.differences import Difference
from isthmus.azure.instructions.instruction import Instruction, there
from isthmus.azure.present import BUILD_NAMESPACE, GIT_NAMESPACE, Present
from isthmus.azure.resources import CALLED, Grant, JobRight, ResourceType


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


@dataclass(frozen=True)
class GrantJobs(Instruction):
    """Let jobs do more in a repository than read it; what they may do beside that stays."""

    right: JobRight

    @property
    def summary(self) -> str:
        return f"+ jobs may {self.right.what} in {self.right.repository}"

    def carry_out(self, present: Present) -> None:
        name = self.right.repository
        repository = there(present.repository(name), "repository", name)
        token = f"repoV2/{present.project()}/{repository.id}"
        _set(present, GIT_NAMESPACE, token, present.build_service(), self.right.bits, merge=True)


@dataclass(frozen=True)
class RevokeJobs(Instruction):
    """Take from jobs what `GrantJobs` gave them."""

    right: JobRight

    @property
    def summary(self) -> str:
        return f"- jobs may {self.right.what} in {self.right.repository}"

    def carry_out(self, present: Present) -> None:
        name = self.right.repository
        repository = there(present.repository(name), "repository", name)
        token, jobs = f"repoV2/{present.project()}/{repository.id}", present.build_service()
        kept = present.granted(GIT_NAMESPACE, token, jobs) & ~self.right.bits
        _set(present, GIT_NAMESPACE, token, jobs, kept)


def _set(present: Present, namespace: str, token: str, who: str, allow: int, *, merge: bool = False) -> None:
    """Say what one principal may do there; others' entries stay. Without `merge`, that and nothing else."""
    entry = {"descriptor": who, "allow": allow, "deny": 0, "extendedInfo": {}}
    body = {"token": token, "merge": merge, "accessControlEntries": [entry]}
    present.clients.get_security_client().set_access_control_entries(body, namespace)
