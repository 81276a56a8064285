"""Credentials of execution roles, as AWS services get them for what they run."""

from __future__ import annotations

import secrets
import time

from ministack.core.iam_evaluator import EvalContext, _conditions_met, _service_principal_matches
from ministack.services import iam, sts

from isthmus.errors import Refused


def service_credentials(role_arn: str, service: str, session: str, seconds: int = 3600) -> dict[str, str]:
    """A session of `role_arn` for `service` (sagemaker.amazonaws.com), as environment variables.

    Raises `Refused`, worded as SageMaker does, where the role does not exist or does not trust the service.
    """
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    if role is None or not _trusts(role.get("AssumeRolePolicyDocument"), role_arn, account, service):
        raise Refused(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{service}' to assume the role."
        )
    key, secret, token = (
        "ASIA" + secrets.token_hex(8).upper(),
        secrets.token_urlsafe(30),
        secrets.token_urlsafe(48),
    )
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
            "UserId": f"{name}:{session}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": time.time() + seconds,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        },
    )
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def _trusts(policy: object, role_arn: str, account: str, service: str) -> bool:
    import json

    document = json.loads(policy) if isinstance(policy, str) else policy
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    context = EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region="",
        service_context={"aws:sourceaccount": account},
    )
    return any(
        statement.get("Effect") == "Allow"
        and _service_principal_matches(statement.get("Principal"), service)
        and _conditions_met(statement.get("Condition", {}), context)
        for statement in ([statements] if isinstance(statements, dict) else statements)
    )
