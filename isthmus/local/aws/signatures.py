"""Whoever acts has signed with the secret of a key that this AWS gave; ministack takes some at their word.

It lets an account's id pass for the account's root whatever the signature, derives the keys of functions from
their names, and lets nobody list and make buckets. What a caller who is known may do is `authorization`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from ministack import app as ministack
from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.sigv4 import UNSIGNED_PAYLOAD, parse_header_signature
from ministack.services import lambda_svc, s3

from isthmus.local.aws import roles

LAMBDA = "lambda.amazonaws.com"
# A warm function keeps the keys that it was started with; in the cloud they are renewed.
FUNCTION_SECONDS = 7 * 86_400
BUCKET = "arn:aws:s3:::"
# A signature covers these whether it lists them or not: each is part of what is signed, or must fit the key.
COVERED = {"x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}

_is_root = iam_evaluator._is_root_key
# Set while a signature is looked at: a root's is to be verified as any other.
_verifying: ContextVar[bool] = ContextVar("isthmus_verifying", default=False)


def install() -> None:
    """Root's secret is ministack's own setting, AWS_SECRET_ACCESS_KEY."""
    iam_evaluator._is_root_key = lambda key: not _verifying.get() and _is_root(key)
    iam_evaluator.caller_verified = _verifying_all(iam_evaluator.caller_verified)
    pinned = _verifying_all(iam_evaluator.pin_signed_request)
    iam_evaluator.pin_signed_request = ministack.pin_signed_request = pinned
    iam_evaluator.authenticate = _refusing_unsigned(iam_evaluator.authenticate)
    iam_evaluator.enforce = _refusing_nobody(iam_evaluator.enforce)
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = _keys_of_function


def _refusing_unsigned(authenticate: Callable[..., Any]) -> Callable[..., Any]:
    """A request is as it was signed: ministack takes what its headers say of its body for its body's hash."""

    def authenticated(access_key_id: str, account_id: str) -> Any:
        request = iam_evaluator._signed_request.get()
        if request is not None and request.access_key_id == access_key_id and (why := _unsigned_in(request)):
            iam_evaluator._signed_request.set(None)
            return iam_evaluator.AuthError("SignatureDoesNotMatch", why)
        return authenticate(access_key_id, account_id)

    return authenticated


def _unsigned_in(request: Any) -> str:
    """What a request that is signed in its headers holds beside what it signed; empty for nothing."""
    headers = request.headers
    if not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
        return ""
    signature = parse_header_signature(headers)
    if isinstance(signature, tuple):
        return ""
    unsigned = {name for name in headers if name.startswith("x-amz-")} - COVERED
    if unsigned := unsigned - set(signature.signed_headers.split(";")):
        return (
            f"There were headers present in the request which were not signed: {', '.join(sorted(unsigned))}"
        )
    declared = headers.get("x-amz-content-sha256", "")
    if declared == UNSIGNED_PAYLOAD or declared.startswith("STREAMING-"):
        return "" if signature.service == "s3" else f"{declared} is for S3 alone"
    if declared and declared != hashlib.sha256(request.body).hexdigest():
        return "The provided 'x-amz-content-sha256' header does not match what was computed."
    return ""


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
