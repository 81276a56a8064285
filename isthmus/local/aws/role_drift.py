"""What CloudFormation compares of roles and managed policies, and ministack does not: what they allow.

Of a role's policies those that its template gives it: what is beside them it does not see.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-import-supported-resources.html
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import drift

Properties = dict[str, Any]
ROLE, POLICY = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"
_read_role, _compared = drift._DRIFT_READERS[ROLE]


def install() -> None:
    more = {"ManagedPolicyArns", "PermissionsBoundary", "Policies"}
    drift._DRIFT_READERS[ROLE] = _role, _compared | more
    drift._DRIFT_READERS[POLICY] = _policy, frozenset({"PolicyDocument"})


def _role(name: str, given: Properties) -> Properties | None:
    found: Properties | None = _read_role(name, given)
    if found is None:
        return None
    role = iam._roles[name]
    attached = [arn for arn in given.get("ManagedPolicyArns", []) if arn in role["AttachedPolicies"]]
    inline = [
        {"PolicyName": each, "PolicyDocument": json.loads(role["InlinePolicies"][each])}
        for each in (one["PolicyName"] for one in given.get("Policies", []))
        if each in role["InlinePolicies"]
    ]
    boundary = role.get("PermissionsBoundary")
    return found | {"ManagedPolicyArns": attached, "PermissionsBoundary": boundary, "Policies": inline}


def _policy(arn: str, _given: Properties) -> Properties | None:
    found = iam._policies.get(arn)
    if found is None:
        return None
    (current,) = (one for one in found["Versions"].values() if one["IsDefaultVersion"])
    return {"PolicyDocument": json.loads(current["Document"])}
