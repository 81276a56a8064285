"""One change of one CloudFormation stack: from what stands there to what the template says.

Decides by the stack's state what is possible, goes through a change set, and says why when it fails.
Knows nothing of assemblies or accounts.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from isthmus.errors import Problem, Refused

# botocore builds its clients at run time; their shapes are in AWS's API reference.
CloudFormation = Any
Names = dict[str, str]
Found = TypeVar("Found")
Say = Callable[[str], None]
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
# A stack that never stood: CloudFormation lets it only be deleted.
STUCK = "UPDATE_ROLLBACK_FAILED"
NEVER_STOOD = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
POLL_FIRST, POLL_LONGEST = 0.1, 5.0


@dataclass(frozen=True)
class Change:
    """What a stack shall become."""

    stack: str
    template: str
    template_url: str | None
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    execution_role: str | None

    def request(self) -> dict[str, Any]:
        """What is the same in every call of CloudFormation about this change."""
        request: dict[str, Any] = {
            "StackName": self.stack,
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
            "Tags": [{"Key": k, "Value": v} for k, v in self.tags.items()],
            "Capabilities": list(CAPABILITIES),
        }
        if self.template_url:
            request["TemplateURL"] = self.template_url
        else:
            request["TemplateBody"] = self.template
        if self.execution_role:
            request["RoleARN"] = self.execution_role
        return request


def apply(cfn: CloudFormation, change: Change, say: Say) -> dict[str, str]:
    """Make the stack what `change` says, wait until it is, and return its outputs.

    A stack that already is so is left alone. Raises `Problem` with the first failed resource's reason.
    """
    there = _changeable(cfn, change.stack, say)
    if there is None or not _is_so(cfn, there, change):
        change_set = _change_set(cfn, change, exists=there is not None)
        if change_set:
            _execute(cfn, change_set, say)
    there = described(cfn, change.stack)
    return {o["OutputKey"]: o["OutputValue"] for o in (there or {}).get("Outputs", [])}


def exists(cfn: CloudFormation, stack: str) -> bool:
    return described(cfn, stack) is not None


def remove(cfn: CloudFormation, stack: str) -> None:
    """Delete the stack and wait until it is gone; raises `Problem` with what could not be deleted."""
    there = _settled(cfn, stack)
    if there is None:
        return
    cfn.delete_stack(StackName=stack)
    # By its id: a stack that is gone has no name.
    left = _settled(cfn, there["StackId"])
    if left is not None:
        raise _failure(cfn, there["StackId"], "could not be deleted")


def _changeable(cfn: CloudFormation, stack: str, say: Say) -> dict[str, Any] | None:
    """The stack when it exists and can be updated, None when it is to be created."""
    there = _settled(cfn, stack)
    if there is None or there["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None
    if there["StackStatus"] in NEVER_STOOD:
        say(f"{stack}: its creation had failed, so it is deleted first")
        remove(cfn, stack)
        return None
    if there["StackStatus"] == STUCK:
        say(f"{stack}: the rollback of an earlier change had failed, so it is continued first")
        return _unstuck(cfn, stack)
    return there


def _unstuck(cfn: CloudFormation, stack: str) -> dict[str, Any]:
    """The stack after its rollback went through; raises `Refused` where it does not."""
    from botocore.exceptions import ClientError

    with contextlib.suppress(ClientError):
        cfn.continue_update_rollback(StackName=stack)
    there = _settled(cfn, stack) or {"StackStatus": "nothing"}
    if there["StackStatus"] != STUCK:
        return there
    reason = _failure(cfn, stack, f"is stuck in {STUCK}")
    raise Refused(
        reason.what,
        where=there["StackId"],
        todo=f"mend what it names, or: aws cloudformation continue-update-rollback --stack-name {stack} "
        "--resources-to-skip ...",
    )


def _is_so(cfn: CloudFormation, there: dict[str, Any], change: Change) -> bool:
    """Whether template, parameters and tags are what stands already: most of the stacks, most of the time."""
    import json

    tags = {tag["Key"]: tag["Value"] for tag in there.get("Tags", [])}
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in there.get("Parameters", [])}
    if tags != change.tags or any(parameters.get(k) != v for k, v in change.parameters.items()):
        return False
    if not there["StackStatus"].endswith("_COMPLETE"):
        return False
    body = cfn.get_template(StackName=change.stack, TemplateStage="Original")["TemplateBody"]
    standing: object = json.loads(body) if isinstance(body, str) else body
    return bool(standing == json.loads(change.template))


def _change_set(cfn: CloudFormation, change: Change, *, exists: bool) -> Names | None:
    """The names of a change set that is ready to be executed; None when nothing would change."""
    # By both names and not by ARN: permissions are given on the stack.
    this = {"StackName": change.stack, "ChangeSetName": "isthmus-" + _token(change)}
    request = change.request() | this | {"ChangeSetType": "UPDATE" if exists else "CREATE"}
    try:
        cfn.create_change_set(**request)
    except cfn.exceptions.AlreadyExistsException:  # left by a deployment that was interrupted
        cfn.delete_change_set(**this)
        cfn.create_change_set(**request)
    found: dict[str, str] = poll(
        lambda: cfn.describe_change_set(**this),
        lambda one: one["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"),
    )
    if found["Status"] == "CREATE_COMPLETE":
        return this
    reason = found.get("StatusReason", "")
    cfn.delete_change_set(**this)
    if "didn't contain changes" in reason or "No updates are to be performed" in reason:
        return None
    raise Problem(f"stack {change.stack} cannot be changed so: {reason}")


def _execute(cfn: CloudFormation, change_set: Names, say: Say) -> None:
    stack = change_set["StackName"]
    say(f"{stack}: changing")
    cfn.execute_change_set(**change_set)
    there = _settled(cfn, stack)
    if there is None or there["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise _failure(cfn, stack, f"ended in {there['StackStatus'] if there else 'nothing'}")


def _failure(cfn: CloudFormation, stack: str, what: str) -> Problem:
    """The first resource that failed is the cause; those after it are 'cancelled', or its own rollback."""
    failed: list[Any] = []
    for page in cfn.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            if event["ResourceStatus"] in (
                "UPDATE_IN_PROGRESS",
                "CREATE_IN_PROGRESS",
                "DELETE_IN_PROGRESS",
            ) and (event["PhysicalResourceId"] == event["StackId"]):
                return _explained(stack, what, failed)
            if event["ResourceStatus"].endswith("_FAILED"):
                failed.append(event)
    return _explained(stack, what, failed)


def _explained(stack: str, what: str, failed: list[Any]) -> Problem:
    if not failed:
        return Problem(f"stack {stack} {what}")
    first = failed[-1]
    reason = first.get("ResourceStatusReason", "no reason was given")
    return Problem(
        f"stack {stack} {what}: {first['LogicalResourceId']} ({first['ResourceType']}): {reason}",
        where=first["StackId"],
    )


def _settled(cfn: CloudFormation, stack: str) -> dict[str, Any] | None:
    """The stack as soon as nothing moves in it; None when there is none."""
    return poll(
        lambda: described(cfn, stack),
        lambda there: (
            there is None
            or there["StackStatus"] == "REVIEW_IN_PROGRESS"
            or not there["StackStatus"].endswith("_IN_PROGRESS")
        ),
    )


def described(cfn: CloudFormation, stack: str) -> dict[str, Any] | None:
    """The stack as CloudFormation describes it; None where there is none."""
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = dict(cfn.describe_stacks(StackName=stack)["Stacks"][0])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def poll(ask: Callable[[], Found], done: Callable[[Found], bool]) -> Found:
    """Ask until it is done: often at first, because most changes are small, and then ever less."""
    pause = POLL_FIRST
    while not done(answer := ask()):
        time.sleep(pause)
        pause = min(pause * 1.5, POLL_LONGEST)
    return answer


def _token(change: Change) -> str:
    import hashlib

    seen = repr((change.template, sorted(change.parameters.items()), sorted(change.tags.items())))
    return hashlib.sha256(seen.encode()).hexdigest()[:32]
