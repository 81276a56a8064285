"""Bootstraps an account for deployments, as `cdk bootstrap` does; says which accounts are not bootstrapped.

What is made there is `toolkit`'s to say.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.errors import Refused
from isthmus.infra import change
from isthmus.infra.administrator import Client
from isthmus.infra.toolkit import STACK, Toolkit

if TYPE_CHECKING:
    from isthmus.infra.roles import Roles

GUARD_RAILS = ("S3_POLICY", "SERVICE_CONTROL_POLICY")


def bootstrap(client: Client, toolkit: Toolkit, say: change.Say) -> None:
    """Make or renew the account's bootstrap stack; one that is so already is left alone.

    It also turns on what AWS has switched off at first: in the automation account tokens that go out
    (sts:GetWebIdentityToken), by which the bridge signs in to Entra; in the management account the kinds of
    policies that guard rails are.
    """
    cfn = client("cloudformation")
    wanted = change.Change(
        stack=STACK,
        template=json.dumps(toolkit.template(), separators=(",", ":")),
        template_url=None,
        parameters={},
        tags={"platform": toolkit.platform, "account": toolkit.role},
        execution_role=None,
    )
    change.apply(cfn, wanted, say)
    cfn.update_termination_protection(StackName=STACK, EnableTerminationProtection=True)
    if toolkit.role == "automation":
        _let_tokens_out(client("iam"))
    elif toolkit.role == "management":
        _let_policies_hold(client("organizations"))


def _let_tokens_out(iam: Any) -> None:
    with contextlib.suppress(iam.exceptions.FeatureEnabledException):
        iam.enable_outbound_web_identity_federation()


def _let_policies_hold(organizations: Any) -> None:
    (root,) = organizations.list_roots()["Roots"]
    enabled = {one["Type"] for one in root["PolicyTypes"] if one["Status"] == "ENABLED"}
    for kind in GUARD_RAILS:
        if kind not in enabled:
            organizations.enable_policy_type(RootId=root["Id"], PolicyType=kind)


def require_ready(roles: Roles, platform: Platform, wanted: Sequence[AccountRole]) -> None:
    """Raise one `Refused` that names every account which cannot be deployed to as it is, and the remedy."""
    found = {role: _lacking(roles, Toolkit.of(platform, role)) for role in wanted}
    lacking = {role: why for role, why in found.items() if why}
    if lacking:
        raise Refused(
            "\n".join(
                f"account {getattr(platform.accounts, role)} ({role}) {why}" for role, why in lacking.items()
            ),
            todo=f"as an administrator of each: isthmus account bootstrap {' '.join(lacking)}",
        )


def _lacking(roles: Roles, toolkit: Toolkit) -> str:
    """Why nothing can be deployed to an account; empty where something can."""
    deploy = names.bootstrap_role(toolkit.account, toolkit.region, "deploy")
    try:
        session = roles.session(names.role_arn(toolkit.account, deploy))
    except Refused as refused:
        return f"is not bootstrapped, or does not trust you: {refused.what}"
    ssm = session.client("ssm", region_name=toolkit.region)
    try:
        found = ssm.get_parameter(Name=f"/cdk-bootstrap/{names.BOOTSTRAP}/boundary")["Parameter"]["Value"]
    except ssm.exceptions.ClientError:
        return "was bootstrapped by something else than Isthmus: it has no boundary for deployments"
    if found != toolkit.revision:
        return "was bootstrapped by another version of Isthmus, with another boundary for deployments"
    return ""
