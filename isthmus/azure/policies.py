"""Branch policies as Azure DevOps keeps them: type, settings, and which of those that are there is ours."""

from __future__ import annotations

from typing import Any

from isthmus.azure.present import Present
from isthmus.azure.resources import (
    MAIN,
    BuildValidation,
    FileReviewers,
    MinimumReviewers,
    Policy,
    RequiredReviewers,
)
from isthmus.errors import NotFound

# Microsoft's ids of the types of policies.
TYPES = {
    BuildValidation: "0609b952-1397-4640-95ec-e00a01b2c241",
    MinimumReviewers: "fa4e907d-c16b-4a4c-9dfa-4906e5d171dd",
    RequiredReviewers: "fd2167ab-b0be-447a-8ec8-39368250530e",
    FileReviewers: "fd2167ab-b0be-447a-8ec8-39368250530e",
}
SAID = {
    BuildValidation.__name__: "its pipeline passes",
    MinimumReviewers.__name__: "somebody else agrees",
    RequiredReviewers.__name__: "one of these agrees",
    FileReviewers.__name__: "one of these agrees to another check",
}
# By which a policy of ours is known among a repository's.
MESSAGE = "Isthmus: one of these must agree."
FILE_MESSAGE = "Isthmus: it changes what checks pull requests, so one of these must agree."


def type_of(policy: Policy) -> str:
    return TYPES[type(policy)]


def name(policy: Policy) -> str:
    """What tells it from the project's others: a repository has one of each kind."""
    return f"{type(policy).__name__}.{policy.repository}"


def said(name: str) -> str:
    """What people call the policy of that name."""
    kind, _, repository = name.partition(".")
    return f"{repository} main: {SAID[kind]}"


def asks(policy: Policy) -> str:
    """What the policy asks of a pull request, in a few words."""
    if isinstance(policy, BuildValidation):
        return f"{policy.pipeline} passes"
    if isinstance(policy, RequiredReviewers):
        return f"one of {', '.join(policy.people)} agrees"
    if isinstance(policy, FileReviewers):
        return f"one of {', '.join(policy.people)} agrees where {policy.file} changes"
    return "somebody else agrees"


def settings(policy: Policy, present: Present) -> dict[str, Any]:
    """The settings; raises `NotFound` where repository, pipeline or people are not there.

    No file patterns mean whatever a request changes: one that touches none of them is not asked about.
    """
    repository = present.repository(policy.repository)
    if repository is None:
        raise _missing("repository", policy.repository)
    scope = {"scope": [{"repositoryId": repository.id, "refName": MAIN, "matchKind": "Exact"}]}
    if isinstance(policy, BuildValidation):
        return _validation(policy, present) | scope
    if isinstance(policy, RequiredReviewers):
        return _required(policy.people, MESSAGE, present) | scope
    if isinstance(policy, FileReviewers):
        files = {"filenamePatterns": [policy.file]}
        return _required(policy.people, FILE_MESSAGE, present) | files | scope
    return _minimum() | scope


def is_there(policy: Policy, present: Present) -> bool:
    """Whether what the policy names is there already, so that it can be compared."""
    pipeline = not isinstance(policy, BuildValidation) or present.pipeline(policy.pipeline)
    return present.repository(policy.repository) is not None and pipeline is not None


def is_same(policy: Policy, found: Any, present: Present) -> bool:
    """Whether a policy that was found is this one, with whatever settings."""
    repository = present.repository(policy.repository)
    on = {one.get("repositoryId") for one in found.settings.get("scope", [])}
    if found.type.id != type_of(policy) or repository is None or on != {repository.id}:
        return False
    if isinstance(policy, BuildValidation):
        return bool(found.settings.get("buildDefinitionId") == present.pipeline(policy.pipeline))
    message = FILE_MESSAGE if isinstance(policy, FileReviewers) else MESSAGE
    return isinstance(policy, MinimumReviewers) or found.settings.get("message") == message


def _validation(policy: BuildValidation, present: Present) -> dict[str, Any]:
    pipeline = present.pipeline(policy.pipeline)
    if pipeline is None:
        raise _missing("pipeline", policy.pipeline)
    return {
        "buildDefinitionId": pipeline,
        "displayName": policy.pipeline,
        "queueOnSourceUpdateOnly": True,
        "manualQueueOnly": False,
        "validDuration": 0,
        "filenamePatterns": [],
    }


def _minimum() -> dict[str, Any]:
    return {
        "minimumApproverCount": 1,
        "creatorVoteCounts": False,
        "allowDownvotes": False,
        "resetOnSourcePush": True,
        "blockLastPusherVote": True,
    }


def _required(people: tuple[str, ...], message: str, present: Present) -> dict[str, Any]:
    return {
        "requiredReviewerIds": [present.identity(name) for name in people],
        "minimumApproverCount": 1,
        "creatorVoteCounts": False,
        "addedFilesOnly": False,
        "filenamePatterns": [],
        "message": message,
    }


def _missing(kind: str, name: str) -> NotFound:
    return NotFound(f"there is no {kind} {name!r} in the project", todo="run apply again")
