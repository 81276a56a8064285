"""Whoever acts has signed with the secret of a key that this AWS gave; ministack takes some at their word.

It lets an account's id pass for the account's root whatever the signature, derives the keys of functions from
their names, and lets nobody list and make buckets. What a caller who is known may do is `authorization`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from ministack import app as ministack
from ministack.core import iam_evaluator, lambda_runtime
from ministack.services import lambda_svc, s3

from isthmus.local.aws import roles

LAMBDA = "lambda.amazonaws.com"
# A warm function keeps the keys that it was started with; in the cloud they are renewed.
FUNCTION_SECONDS = 7 * 86_400
BUCKET = "arn:aws:s3:::"

_is_root = iam_evaluator._is_root_key
# Set while a signature is looked at: a root's is to be verified as any other.
_verifying: ContextVar[bool] = ContextVar("isthmus_verifying", default=False)


def install() -> None:
    """Root's secret is ministack's own setting, AWS_SECRET_ACCESS_KEY."""
    iam_evaluator._is_root_key = lambda key: not _verifying.get() and _is_root(key)
    iam_evaluator.caller_verified = _verifying_all(iam_evaluator.caller_verified)
    pinned = _verifying_all(iam_evaluator.pin_signed_request)
    iam_evaluator.pin_signed_request = ministack.pin_signed_request = pinned
    iam_evaluator.enforce = _refusing_nobody(iam_evaluator.enforce)
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = _keys_of_function


def _refusing_nobody(enforce: Callable[..., Any]) -> Callable[..., Any]:
    """Nobody may ask S3 about anything but a bucket that there is, whose policy then decides."""

    def enforced(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        if service == "s3" and not access_key_id and not _is_of_bucket(resource_arn):
            return iam_evaluator.AuthError("AccessDenied", "Access Denied")
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    return enforced


def _is_of_bucket(resource: str) -> bool:
    bucket = resource.removeprefix(BUCKET).partition("/")[0]
    return resource.startswith(BUCKET) and s3._bucket_owner_account(bucket) is not None


def _verifying_all(check: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*arguments: Any, **named: Any) -> Any:
        before = _verifying.set(True)
        try:
            return check(*arguments, **named)
        finally:
            _verifying.reset(before)

    return checked


def _keys_of_function(config: Mapping[str, Any]) -> dict[str, str]:
    return roles.service_credentials(config["Role"], LAMBDA, config["FunctionName"][:64], FUNCTION_SECONDS)
