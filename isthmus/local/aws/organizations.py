"""AWS Organizations around the platform's accounts, where ministack makes each account its own master.

Members know the organization that they are in; units and accounts are made as AWS makes them; and policies
that are attached to the root, a unit or an account hold for who acts there (see `guard_rails`).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, request_scope
from ministack.services import iam
from ministack.services import organizations as service

from isthmus.local.aws.settings import Settings

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
Payload = dict[str, Any]
Operation = Callable[[Payload], Answer]
FULL_ACCESS = service.FULL_ACCESS_POLICY_ID
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
# What a member account may ask of its organization.
OF_MEMBERS = ("DescribeOrganization", "LeaveOrganization")
_create_unit, _delete_unit = service._create_organizational_unit, service._delete_organizational_unit
_create_account, _attach_policy = service._create_account, service._attach_policy
CONTROL = "SERVICE_CONTROL_POLICY"
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
LONGEST, MOST = 5120, 5


def install(handlers: dict[str, Handler], settings: Settings) -> None:
    service._DISPATCH |= {
        "CreateAccount": create_account,
        "CreateOrganizationalUnit": create_unit,
        "DeleteOrganizationalUnit": delete_unit,
        "UpdateOrganizationalUnit": rename_unit,
        "LeaveOrganization": _leave,
        "CreatePolicy": _limited(service._create_policy),
        "UpdatePolicy": _limited(service._update_policy),
        "AttachPolicy": attach_policy,
    }
    handlers["organizations"] = _for_members(handlers["organizations"])
    if settings.organization:
        with request_scope(settings.accounts["management"], settings.region):
            _found(settings.organization, [a for a in settings.accounts.values() if a.isdigit()])


def call(operation: str, **payload: Any) -> Payload:
    """Call Organizations as the account; raises `ValueError` with its message."""
    status, _, body = service._DISPATCH[operation](payload)
    answer: Payload = json.loads(body or b"{}")
    if status >= 400:
        raise ValueError(answer.get("message") or answer.get("Message") or body.decode())
    return answer


# ---------------------------------------------------------------- who is where


def master_of(account: str) -> str | None:
    """The management account of the organization that an account is a member of; None for all others."""
    owners = (owner for owner, member in list(service._accounts._data) if member == account)
    return next((owner for owner in owners if owner != account), None)


def chain(account: str) -> Iterator[str]:
    """The account, its unit and so on up to the root; in the scope of its management account."""
    target: str | None = account
    while target:
        yield target
        record = service._accounts.get(target) or service._ous.get(target) or {}
        target = record.get("_ParentId")


def attached(target: str, kind: str) -> list[str]:
    """The contents of the policies of a kind that are attached there; in the same scope."""
    return [
        policy["_Content"]
        for policy_id, policy in service._policies.items()
        if policy["Type"] == kind and target in (service._attachments.get(policy_id) or [])
    ]


def _found(parent: str, accounts: list[str]) -> None:
    """Make the organization that was there before the platform, with the root or unit it stands under."""
    service._ensure_org()
    made = next(iter(service._roots))
    root = f"r-{parent.split('-')[1]}"
    service._roots[root] = service._roots.pop(made) | {"Id": root}
    for member in accounts:
        known = service._accounts.get(member) or service._accounts[get_account_id()]
        service._accounts[member] = known | {
            "Id": member,
            "Arn": known["Arn"].rsplit("/", 1)[0] + f"/{member}",
            "Email": f"{member}@accounts.example",
            "_ParentId": root,
        }
    service._attachments[FULL_ACCESS] = [root, *accounts]
    if parent != root:
        unit = {"Id": parent, "Arn": "", "Name": parent, "Path": f"/{parent}/", "_ParentId": root}
        service._ous[parent] = unit
        _attach_full_access(parent)


def _for_members(inner: Handler) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        master = master_of(get_account_id())
        operation = (headers.get("x-amz-target") or headers.get("X-Amz-Target") or "").split(".")[-1]
        if master is None or operation == "LeaveOrganization":
            return await inner(method, path, headers, body, query)
        if operation not in OF_MEMBERS:
            return _refused("AccessDeniedException", "You don't have permissions to access this resource.")
        with request_scope(master, get_region()):
            return await inner(method, path, headers, body, query)

    return handle


# ---------------------------------------------------------------- what is made, as AWS makes it


def create_unit(payload: Payload) -> Answer:
    service._ensure_org()
    parent, name = payload.get("ParentId", ""), payload.get("Name")
    if service._target(parent)[1] not in ("ROOT", "ORGANIZATIONAL_UNIT"):
        return _refused("ParentNotFoundException", f"You specified parent {parent} that doesn't exist.")
    if _named(parent, name):
        return _refused(
            "DuplicateOrganizationalUnitException", f"An OU with the name {name} exists under {parent}."
        )
    answer: Answer = _create_unit(payload)
    if answer[0] == 200:
        _attach_full_access(json.loads(answer[2])["OrganizationalUnit"]["Id"])
    return answer


def rename_unit(payload: Payload) -> Answer:
    unit = service._ous.get(payload.get("OrganizationalUnitId"))
    if unit is None:
        return _refused("OrganizationalUnitNotFoundException", "The OU doesn't exist.")
    if payload.get("Name") and payload["Name"] != unit["Name"]:
        if _named(unit["_ParentId"], payload["Name"]):
            return _refused("DuplicateOrganizationalUnitException", "An OU with that name exists there.")
        unit |= {"Name": payload["Name"]}
    body = {"OrganizationalUnit": service._public_ou(unit)}
    answer: Answer = service._json(200, body)
    return answer


def delete_unit(payload: Payload) -> Answer:
    unit = payload.get("OrganizationalUnitId")
    children = [*service._accounts.values(), *service._ous.values()]
    if any(child.get("_ParentId") == unit for child in children):
        return _refused("OrganizationalUnitNotEmptyException", "The specified OU is not empty.")
    for targets in service._attachments.values():
        if unit in targets:
            targets.remove(unit)
    answer: Answer = _delete_unit(payload)
    return answer


def create_account(payload: Payload) -> Answer:
    """Makes the role by which the management account gets into the new account, as AWS does."""
    service._ensure_org()
    if any(account["Email"] == payload.get("Email") for account in service._accounts.values()):
        status = {"Id": "car-refused", "State": "FAILED", "FailureReason": "EMAIL_ALREADY_EXISTS"}
        refused: Answer = service._json(200, {"CreateAccountStatus": status})
        return refused
    answer: Answer = _create_account(payload)
    if answer[0] == 200:
        account = json.loads(answer[2])["CreateAccountStatus"]["AccountId"]
        _make_access_role(account, payload.get("RoleName") or "OrganizationAccountAccessRole")
    return answer


def _limited(inner: Operation) -> Operation:
    """Refuse a service control policy that is too long."""

    def operation(payload: Payload) -> Answer:
        known = service._policies.get(payload.get("PolicyId")) or {}
        kind = payload.get("Type") or known.get("Type")
        if kind == CONTROL and len(payload.get("Content") or "") > LONGEST:
            return _refused("ConstraintViolationException", "You have exceeded the maximum policy size.")
        return inner(payload)

    return operation


def attach_policy(payload: Payload) -> Answer:
    """Refuses more service control policies than AWS takes for one root, unit or account."""
    service._ensure_org()
    policy = service._policies.get(payload.get("PolicyId")) or {}
    if policy.get("Type") == CONTROL and len(attached(payload.get("TargetId", ""), CONTROL)) >= MOST:
        return _refused(
            "ConstraintViolationException",
            "You have attached the maximum number of policies of this type to the target.",
        )
    answer: Answer = _attach_policy(payload)
    return answer


def _make_access_role(account: str, name: str) -> None:
    principal = {"AWS": f"arn:aws:iam::{get_account_id()}:root"}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    with request_scope(account, get_region()):
        iam._create_role({"RoleName": name, "AssumeRolePolicyDocument": document})
        iam._attach_role_policy({"RoleName": name, "PolicyArn": ADMINISTRATOR})


def _leave(_payload: Payload) -> Answer:
    account = get_account_id()
    master = master_of(account)
    if master is None:
        return _refused("MasterCannotLeaveOrganizationException", "The management account cannot leave.")
    with request_scope(master, get_region()):
        del service._accounts[account]
        for targets in service._attachments.values():
            if account in targets:
                targets.remove(account)
    answer: Answer = service._json(200, {})
    return answer


def _named(parent: str, name: object) -> bool:
    return any(unit["_ParentId"] == parent and unit["Name"] == name for unit in service._ous.values())


def _attach_full_access(target: str) -> None:
    service._attachments[FULL_ACCESS] = [*(service._attachments.get(FULL_ACCESS) or []), target]


def _refused(code: str, message: str) -> Answer:
    answer: Answer = error_response_json(code, message, 400)
    return answer
