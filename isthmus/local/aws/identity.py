"""Web identity in both directions, with real signatures.

In: `sts:AssumeRoleWithWebIdentity` believes a token only if an OIDC provider of the role's account names its
issuer and audience, the issuer's published key signed it, and it has not expired; this is asked where
ministack evaluates the trust policy, so no way of sending a request leads past it. The policy's conditions on
`<issuer>:sub` and `<issuer>:aud` are then ministack's to evaluate.
Out: `sts:GetWebIdentityToken` signs who the caller is (see `tokens`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import jwt
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam, sts

from isthmus.local.aws import federation, session_policies
from isthmus.local.aws.authorization import audiences, one, role_of
from isthmus.local.aws.tokens import Signer

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
Claims = dict[str, Any]
STS = "https://sts.amazonaws.com/doc/2011-06-15/"
_trust_denied = sts._web_identity_trust_denied
# Filled with the claims that were believed while a request was answered, for the answer to repeat.
_believed: ContextVar[list[Claims]] = ContextVar("isthmus_believed_claims")


class TokenRefused(Exception):
    """A web identity token that STS does not believe; `code` is STS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Issuers:
    """The issuers whose keys can be fetched: issuer URL → JWKS URL."""

    def __init__(self, urls: dict[str, str]) -> None:
        self._keys = {issuer: jwt.PyJWKClient(url, timeout=5) for issuer, url in urls.items()}

    def verify(self, token: str, role_arn: str) -> Claims:
        """The token's claims, if the role's account may believe it; else raises `TokenRefused`. Blocks."""
        try:
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
            audiences = _audiences_of_provider(role_arn, issuer)
            if audiences is None or issuer not in self._keys:
                raise TokenRefused(
                    "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}"
                )
            claims: Claims = jwt.decode(
                token,
                self._keys[issuer].get_signing_key_from_jwt(token).key,
                algorithms=["RS256"],
                audience=audiences,
                issuer=issuer,
                options={"require": ["exp", "iat", "iss", "sub", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefused(
                "ExpiredTokenException", "Token must be redeemed before its expiration"
            ) from None
        except jwt.InvalidAudienceError:
            raise TokenRefused("InvalidIdentityToken", "Incorrect token audience") from None
        except jwt.PyJWKClientConnectionError as error:
            raise TokenRefused(
                "IDPCommunicationError", f"The issuer's keys could not be fetched: {error}"
            ) from None
        except jwt.PyJWTError as error:
            raise TokenRefused("InvalidIdentityToken", str(error)) from None
        return claims


def _audiences_of_provider(role_arn: str, issuer: str) -> list[str] | None:
    """The client ids of the account's provider for the issuer; None where it has no such provider."""
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    arn = f"arn:aws:iam::{account}:oidc-provider/{issuer.removeprefix('https://').rstrip('/')}"
    provider = iam._oidc_providers.get_scoped(account, None, arn)
    return None if provider is None else list(provider.get("ClientIDList") or [])


# Of a session by a web identity, in seconds.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
SHORTEST = 900


def install(handlers: dict[str, Handler], issuers: dict[str, str], signer: Signer) -> None:
    """Check incoming tokens against `issuers` and sign outgoing ones with `signer`."""
    sts._web_identity_trust_denied = _denied_by(Issuers(issuers))
    handlers["sts"] = _with_web_identity(handlers["sts"], signer)


def _denied_by(issuers: Issuers) -> Callable[[str, dict[str, Any], bool], Answer | None]:
    """ministack's evaluation of the trust policy, for tokens that `issuers` verify; any other is refused."""

    def denied(role_arn: str, params: dict[str, Any], use_json: bool) -> Answer | None:
        try:
            claims = issuers.verify(one(params, "WebIdentityToken"), role_arn)
        except TokenRefused as refusal:
            return error(refusal.code, str(refusal))
        _believed.get().append(claims)
        answer: Answer | None = _trust_denied(role_arn, params, use_json)
        return answer or _misasked(role_arn, params) or session_policies.refused(role_arn, params)

    return denied


def _misasked(role_arn: str, params: dict[str, Any]) -> Answer | None:
    """The refusal of a session shorter than STS knows or longer than the role allows, or by another path."""
    asked = one(params, "DurationSeconds") or "3600"
    if not (asked.isascii() and asked.isdecimal() and len(asked) < 10 and int(asked) >= SHORTEST):
        return error(
            "ValidationError",
            f"Value '{asked}' at 'durationSeconds' failed to satisfy constraint: "
            f"Member must have value greater than or equal to {SHORTEST}",
        )
    role = iam._roles.get_scoped(role_arn.split(":")[4], None, role_arn.rsplit("/", 1)[-1]) or {}
    if role.get("Arn", role_arn) != role_arn:
        return error("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    if int(asked) <= role.get("MaxSessionDuration", 3600):
        return None
    return error(
        "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    )


def _with_web_identity(inner: Handler, signer: Signer) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        params = {**query, **parse_qs(body.decode("utf-8", "replace"))}
        action = one(params, "Action")
        if action == "GetWebIdentityToken" and not federation.enabled():
            return federation.disabled()
        believed: list[Claims] = []
        _believed.set(believed)
        # In a thread: verifying a token may wait for its issuer's keys.
        answering = _complete(inner(method, path, headers, body, query))
        status, answer_headers, answer = await asyncio.to_thread(asyncio.run, answering)
        if status == 200 and believed:
            answer = _truthful(answer, believed[0])
        elif status == 200 and action == "GetWebIdentityToken":
            return _signed(params, signer)
        return status, answer_headers, answer

    return handle


async def _complete(answering: Awaitable[Answer]) -> Answer:
    return await answering


def _signed(params: dict[str, Any], signer: Signer) -> Answer:
    if one(params, "SigningAlgorithm") != "RS256":
        return error("ValidationError", "The local AWS signs with RS256 only.")
    caller = iam_evaluator.caller_arn()
    about = {"aws_account": get_account_id(), "principal_id": caller, "request_tags": _tags(params)}
    seconds = int(one(params, "DurationSeconds") or 300)
    # The subject of a token is the role, not its session (AWS: 'sub: the ARN of the IAM principal').
    token, expires = signer.sign(role_of(caller), audiences(params), seconds, about)
    body = (
        f'<GetWebIdentityTokenResponse xmlns="{STS}"><GetWebIdentityTokenResult>'
        f"<WebIdentityToken>{token}</WebIdentityToken><Expiration>{expires}</Expiration>"
        "</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
    )
    return 200, {"Content-Type": "text/xml"}, body.encode()


def _tags(params: dict[str, Any]) -> dict[str, str]:
    keys = [re.fullmatch(r"Tags\.member\.(\d+)\.Key", name) for name in params]
    return {
        one(params, found[0]): one(params, f"Tags.member.{found[1]}.Value")
        for found in keys
        if found is not None
    }


def _truthful(answer: bytes, claims: Claims) -> bytes:
    """ministack's answer with the token's subject, audience and provider instead of its examples."""
    audience = claims["aud"] if isinstance(claims["aud"], str) else claims["aud"][0]
    said = {
        "SubjectFromWebIdentityToken": claims["sub"],
        "Audience": audience,
        "Provider": claims["iss"].removeprefix("https://"),
    }
    text = answer.decode()
    for element, value in said.items():
        text = re.sub(
            f"<{element}>[^<]*</{element}>",
            lambda _, element=element, value=value: f"<{element}>{escape(value)}</{element}>",  # type: ignore[misc]
            text,
        )
    return text.encode()


def error(code: str, message: str, status: int = 400, namespace: str = STS) -> Answer:
    body = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error></ErrorResponse>"
    )
    return status, {"Content-Type": "text/xml"}, body.encode()
