"""Whom CloudFormation acts as for a stack, and what becomes of stacks that a crash interrupted.

ministack ignores RoleARN and makes everything as the account. AWS acts as the role that the stack was given
last, or as whoever asked. `acting` says who that is while a stack changes; the role must be one that the
caller may pass and that trusts CloudFormation.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_evaluator, router
from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import cloudformation
from ministack.services.cloudformation.helpers import _error

from isthmus.errors import Refused
from isthmus.local.aws import roles
from isthmus.local.aws.authorization import one

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
SERVICE = "cloudformation.amazonaws.com"
# The role given to a change set, by the change set's id, and to a stack, by its name.
_roles: Any = AccountRegionScopedDict()


@dataclass(frozen=True)
class Acting:
    """Who asked for the change of a stack, and the role that CloudFormation was given for it."""

    access_key: str
    arn: str
    role: str | None

    def credentials(self) -> tuple[str, str]:
        """An access key that CloudFormation acts with, and its principal's ARN.

        Raises `Refused` where the role no longer trusts CloudFormation.
        """
        if self.role is None:
            return self.access_key, self.arn
        variables = roles.service_credentials(self.role, SERVICE, "AWSCloudFormation")
        return variables["AWS_ACCESS_KEY_ID"], roles.session_arn(self.role, "AWSCloudFormation")

    def require(self, action: str, resource: str, context: dict[str, str] | None = None) -> None:
        """Raise `Refused` unless CloudFormation may do this for the stack."""
        roles.require(self.credentials()[0], get_account_id(), get_region(), action, resource, context)


_acting: ContextVar[Acting | None] = ContextVar("isthmus_stack_acts_as", default=None)


def acting() -> Acting:
    """Who the stack that is being changed acts as; the account itself outside of a request."""
    return _acting.get() or Acting(get_account_id(), f"arn:aws:iam::{get_account_id()}:root", None)


def install(handlers: dict[str, Handler]) -> None:
    handlers["cloudformation"] = _as_principal(handlers["cloudformation"])
    cloudformation._PERSISTED_STORES = (
        *cloudformation._PERSISTED_STORES,
        (lambda: _roles, "isthmus_roles"),
    )
    load = cloudformation.load_persisted_state

    def load_and_settle(data: dict[str, Any]) -> None:
        load(data)
        _settle_interrupted()

    cloudformation.load_persisted_state = load_and_settle


def _as_principal(inner: Handler) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        params = {**query, **parse_qs(body.decode("utf-8", "replace"))}
        asked = _asked(headers, query, params)
        given = one(params, "RoleARN")
        try:
            if given:
                _require_passable(asked.access_key, given)
        except Refused as refusal:
            refused: Answer = _error("ValidationError", refusal.what)
            return refused
        with _while_acting(asked):
            answer = await inner(method, path, headers, body, query)
        if asked.role and answer[0] == 200:
            _remember(params, answer[2].decode(), asked.role)
        return answer

    return handle


@contextlib.contextmanager
def _while_acting(asked: Acting) -> Iterator[None]:
    """What the request starts in the background copies this context."""
    token = _acting.set(asked)
    try:
        yield
    finally:
        _acting.reset(token)


def _asked(headers: dict[str, str], query: dict[str, Any], params: dict[str, Any]) -> Acting:
    key = router.extract_access_key_id(headers, query) or get_account_id()
    stack, change = _name(one(params, "StackName")), one(params, "ChangeSetName")
    executed = _roles.get(f"change {stack} {_name(change)}") if change else None
    role = one(params, "RoleARN") or executed or _roles.get(f"stack {stack}")
    return Acting(key, iam_evaluator.caller_arn(), role)


def _require_passable(access_key: str, role: str) -> None:
    """Raise `Refused` unless the caller may pass the role, and the role trusts CloudFormation."""
    if not re.fullmatch(r"arn:aws:iam::\d{12}:role/\S+", role):
        raise Refused(f"Role {role} is invalid or cannot be assumed")
    roles.require(
        access_key, get_account_id(), get_region(), "iam:PassRole", role, {"iam:PassedToService": SERVICE}
    )
    try:
        roles.service_credentials(role, SERVICE, "AWSCloudFormation")
    except Refused:
        raise Refused(f"Role {role} is invalid or cannot be assumed") from None


def _remember(params: dict[str, Any], answer: str, role: str) -> None:
    action, stack = one(params, "Action"), _name(one(params, "StackName"))
    if action == "CreateChangeSet":
        _roles[f"change {stack} {_name(one(params, 'ChangeSetName'))}"] = role
    elif action in ("CreateStack", "UpdateStack", "ExecuteChangeSet"):
        _roles[f"stack {stack}"] = role


def _name(reference: str) -> str:
    """The name in a stack's or change set's ARN, or the name itself."""
    return reference.split("/")[1] if reference.startswith("arn:") else reference


def _settle_interrupted() -> None:
    """Let a stack that was changing when the process died be changed again.

    A creation has failed, and is deleted before the next. An update is between two templates: it stands as
    rolled back to none, so that the next change compares with what each resource is, and not with a template.
    """
    ends = {"CREATE": "CREATE_FAILED", "ROLLBACK": "ROLLBACK_FAILED", "DELETE": "DELETE_FAILED"}
    for stack in cloudformation._stacks._data.values():
        status = stack.get("StackStatus", "")
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            continue
        stack["StackStatus"] = ends.get(status.split("_")[0], "UPDATE_ROLLBACK_COMPLETE")
        if stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE":
            stack |= {"_template": {}, "_template_body": "{}"}
        stack["StackStatusReason"] = "The local AWS was stopped while this stack was changing."
