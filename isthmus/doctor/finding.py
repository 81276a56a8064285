"""What a check finds: that all is well, what is missing or doubtful, or why it could not look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isthmus.config import AccountRole

Status = Literal["ok", "warning", "missing", "could not look"]


@dataclass(frozen=True)
class Finding:
    """`about` is what was looked at; `remedy` the command that mends it, empty where none is needed."""

    status: Status
    about: str
    says: str
    remedy: str = ""


def deploy(account: AccountRole) -> str:
    """The command that brings an account's stacks to what platform.yaml says."""
    return f"isthmus infra synth && isthmus infra deploy --account {account}"


def revert(stack: str, region: str) -> str:
    """The command that takes back what was changed past a stack: a deployment would find nothing to do.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html
    """
    which = f"--stack-name {stack} --change-set-name revert-drift --region {region}"
    ask = "--use-previous-template --deployment-mode REVERT_DRIFT --capabilities CAPABILITY_NAMED_IAM"
    return (
        f"aws cloudformation create-change-set {which} {ask} && "
        f"aws cloudformation wait change-set-create-complete {which} && "
        f"aws cloudformation execute-change-set {which}"
    )
