"""A role that the policy of a key, bucket or package group does not name, and what mends that.

What a role may do by its own policies must be let by what it is done to: always for a key, and across
accounts for all else; or AWS answers AccessDenied, far from here.
"""

from __future__ import annotations

from collections.abc import Iterator

from isthmus import names
from isthmus.config import WORKLOADS, AccountRole
from isthmus.doctor.finding import Finding, deploy, revert
from isthmus.doctor.policy import lets, listed
from isthmus.doctor.sight import Document, Role, Sight

POLICY_OF = {
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupPolicy",
}


def everybody(sight: Sight) -> Iterator[Role]:
    for account in WORKLOADS:
        yield from sight.roles(account).values()


def others(sight: Sight, account: AccountRole) -> Iterator[Role]:
    number = sight.number(account)
    return (role for role in everybody(sight) if role.arn.split(":")[4] != number)


def unnamed(sight: Sight, account: AccountRole, about: str, role: Role, action: str, kind: str) -> Finding:
    """A role that the policy of a resource does not name; what mends it goes by whether its stack does."""
    owner = role.arn.split(":")[4]
    says = f"its policy does not let role {role.name} of account {owner} {action}, and the role must"
    stack = names.stack(sight.platform, account)
    if kind == "AWS::SageMaker::ModelPackageGroup":
        stack = names.model_stack(sight.platform, account, about.rpartition(" ")[2])
    declared = _policies(sight.template(account, stack), kind, about)
    is_declared = any(lets(one, role.arn, action) for one in declared)
    remedy = revert(stack, sight.platform.region) if is_declared else deploy(account)
    return Finding("missing", about, says, remedy)


def _policies(template: Document, kind: str, about: str) -> list[Document]:
    """The policies of that kind in a template; of keys, that of the one key which is meant."""
    found = [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]
    if kind == "AWS::KMS::Key":
        purpose = about.rpartition("-")[2]
        found = [one for one in found if str(one.get("Description", "")).startswith(f"The {purpose} of")]
    return [one[POLICY_OF[kind]] for one in found if listed(one.get(POLICY_OF[kind]))]
