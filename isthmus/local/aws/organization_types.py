"""CloudFormation's types of AWS Organizations and AWS Budgets, made by those services' own calls."""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import budgets
from ministack.services import organizations as service
from ministack.services.cloudformation import provisioners

from isthmus.local.aws.organizations import FULL_ACCESS, call

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]


def install() -> None:
    for name, (handlers, replacing, tags) in TYPES.items():
        provisioners._RESOURCE_HANDLERS[name] = handlers
        provisioners._REPLACING_PROPERTIES[name] = replacing
        provisioners._STACK_TAG_PROPERTY[name] = (tags, "list")


def _retag(resource: str, old: Properties, new: Properties) -> None:
    before, after = (one.get("Tags") or [] for one in (old, new))
    kept = {tag["Key"] for tag in after}
    if gone := [tag["Key"] for tag in before if tag["Key"] not in kept]:
        call("UntagResource", ResourceId=resource, TagKeys=gone)
    if after and after != before:
        call("TagResource", ResourceId=resource, Tags=after)


# ---------------------------------------------------------------- organizational units


def _create_unit(_logical_id: str, properties: Properties, _stack: str) -> Created:
    made = call("CreateOrganizationalUnit", **properties)["OrganizationalUnit"]
    return made["Id"], {key: made[key] for key in ("Id", "Arn", "Path")}


def _update_unit(unit: str, old: Properties, new: Properties, _stack: str) -> Created:
    found = call("UpdateOrganizationalUnit", OrganizationalUnitId=unit, Name=new["Name"])
    _retag(unit, old, new)
    return unit, {key: found["OrganizationalUnit"][key] for key in ("Id", "Arn", "Path")}


def _delete_unit(unit: str, _properties: Properties) -> None:
    if service._ous.get(unit):
        call("DeleteOrganizationalUnit", OrganizationalUnitId=unit)


# ---------------------------------------------------------------- accounts


def _create_account(_logical_id: str, properties: Properties, _stack: str) -> Created:
    request = {
        key: properties[key] for key in ("AccountName", "Email", "RoleName", "Tags") if key in properties
    }
    status = call("CreateAccount", **request)["CreateAccountStatus"]
    if status["State"] != "SUCCEEDED":
        raise ValueError(f"The account cannot be made: {status['FailureReason']}")
    _move(status["AccountId"], properties)
    return _account(status["AccountId"])


def _update_account(account: str, old: Properties, new: Properties, _stack: str) -> Created:
    for key in ("AccountName", "Email", "RoleName"):
        if old.get(key) != new.get(key):
            raise ValueError(f"{key} of an account cannot be changed.")
    _move(account, new)
    _retag(account, old, new)
    return _account(account)


def _delete_account(account: str, _properties: Properties) -> None:
    if (service._accounts.get(account) or {}).get("Status") == "ACTIVE":
        call("CloseAccount", AccountId=account)


def _move(account: str, properties: Properties) -> None:
    here = call("ListParents", ChildId=account)["Parents"][0]["Id"]
    wanted = next(iter(properties.get("ParentIds") or []), here)
    if wanted != here:
        call("MoveAccount", AccountId=account, SourceParentId=here, DestinationParentId=wanted)


def _account(account: str) -> Created:
    found = call("DescribeAccount", AccountId=account)["Account"]
    kept = ("Arn", "Status", "JoinedMethod", "JoinedTimestamp")
    return account, {"AccountId": account} | {key: str(found[key]) for key in kept}


# ---------------------------------------------------------------- policies


def _create_policy(_logical_id: str, properties: Properties, _stack: str) -> Created:
    made = call(
        "CreatePolicy",
        **_policy_request(properties),
        Type=properties["Type"],
        Tags=properties.get("Tags", []),
    )
    policy = made["Policy"]["PolicySummary"]["Id"]
    try:
        _target(policy, [], properties.get("TargetIds") or [])
    except ValueError:
        # ministack rolls back what was made, and a policy that is nowhere attached is not.
        _delete_policy(policy, {})
        raise
    return _policy(policy)


def _update_policy(policy: str, old: Properties, new: Properties, _stack: str) -> Created:
    call("UpdatePolicy", PolicyId=policy, **_policy_request(new))
    _target(policy, _targets(policy), new.get("TargetIds") or [])
    _retag(policy, old, new)
    return _policy(policy)


def _delete_policy(policy: str, _properties: Properties) -> None:
    if service._policies.get(policy):
        _target(policy, _targets(policy), [])
        call("DeletePolicy", PolicyId=policy)


def _policy_request(properties: Properties) -> Properties:
    content = properties["Content"]
    text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
    return {"Name": properties["Name"], "Description": properties.get("Description", ""), "Content": text}


def _targets(policy: str) -> list[str]:
    return [one["TargetId"] for one in call("ListTargetsForPolicy", PolicyId=policy)["Targets"]]


def _target(policy: str, before: list[str], after: list[str]) -> None:
    for target in after:
        if target not in before:
            call("AttachPolicy", PolicyId=policy, TargetId=target)
    for target in before:
        if target not in after:
            call("DetachPolicy", PolicyId=policy, TargetId=target)


def _policy(policy: str) -> Created:
    summary = call("DescribePolicy", PolicyId=policy)["Policy"]["PolicySummary"]
    return policy, {"Id": policy, "Arn": summary["Arn"], "AwsManaged": str(policy == FULL_ACCESS).lower()}


# ---------------------------------------------------------------- budgets


def _budget(operation: str, **payload: Any) -> None:
    status, _, body = budgets._DISPATCH[operation](payload | {"AccountId": get_account_id()})
    if status >= 400:
        answer = json.loads(body)
        raise ValueError(answer.get("message") or answer.get("Message") or body.decode())


def _create_budget(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties["Budget"].get("BudgetName") or f"{stack}-{logical_id}"
    _budget(
        "CreateBudget",
        Budget=_money(properties["Budget"] | {"BudgetName": name}),
        NotificationsWithSubscribers=[
            _threshold(one) for one in properties.get("NotificationsWithSubscribers") or []
        ],
        ResourceTags=properties.get("ResourceTags") or [],
    )
    return name, {"Id": name}


def _update_budget(name: str, _old: Properties, new: Properties, _stack: str) -> Created:
    _budget("UpdateBudget", NewBudget=_money(new["Budget"] | {"BudgetName": name}))
    return name, {"Id": name}


def _delete_budget(name: str, _properties: Properties) -> None:
    if name in budgets._budgets:
        _budget("DeleteBudget", BudgetName=name)


def _money(budget: Properties) -> Properties:
    """Amounts are text in the API and numbers in templates."""
    limit = budget.get("BudgetLimit")
    return budget | ({"BudgetLimit": limit | {"Amount": str(limit["Amount"])}} if limit else {})


def _threshold(told: Properties) -> Properties:
    notification = told["Notification"]
    return told | {"Notification": notification | {"Threshold": float(notification["Threshold"])}}


TYPES: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "AWS::Organizations::OrganizationalUnit": (
        {"create": _create_unit, "update": _update_unit, "delete": _delete_unit},
        ("ParentId",),
        "Tags",
    ),
    "AWS::Organizations::Account": (
        {"create": _create_account, "update": _update_account, "delete": _delete_account},
        (),
        "Tags",
    ),
    "AWS::Organizations::Policy": (
        {"create": _create_policy, "update": _update_policy, "delete": _delete_policy},
        ("Type",),
        "Tags",
    ),
    "AWS::Budgets::Budget": (
        {"create": _create_budget, "update": _update_budget, "delete": _delete_budget},
        ("NotificationsWithSubscribers",),
        "ResourceTags",
    ),
}
