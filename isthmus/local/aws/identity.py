"""Web identity in both directions, with real signatures.

In: `sts:AssumeRoleWithWebIdentity` believes a token only if an OIDC provider of the role's account names its
issuer and audience, the issuer's published key signed it, and it has not expired; the trust policy's
conditions on `<issuer>:sub` and `<issuer>:aud` are then ministack's to evaluate.
Out: `sts:GetWebIdentityToken` signs with a key of this installation, published at `/_isthmus/jwks`.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from ministack.core import iam_evaluator
from ministack.services import iam, sts

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
STS = "https://sts.amazonaws.com/doc/2011-06-15/"


class Signer:
    """The key with which this installation signs tokens; made once, kept in its state."""

    def __init__(self, file: Path, issuer: str) -> None:
        if not file.exists():
            _write_key(file)
        self._key = file.read_bytes()
        self.issuer = issuer
        public = serialization.load_pem_private_key(self._key, None).public_key()
        self.jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(public)) | {
            "kid": "isthmus-local-aws",
            "use": "sig",
            "alg": "RS256",
        }

    def jwks(self) -> bytes:
        return json.dumps({"keys": [self.jwk]}).encode()

    def sign(self, subject: str, audience: list[str], seconds: int) -> tuple[str, int]:
        """A token for `subject` and when it expires (seconds since 1970)."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": audience[0] if len(audience) == 1 else audience,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, self._key, "RS256", headers={"kid": self.jwk["kid"]}), now + seconds


def _write_key(file: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.touch(mode=0o600)
    file.write_bytes(pem)


def install(handlers: dict[str, Handler], issuers: dict[str, str], signer: Signer) -> None:
    """Check incoming tokens against `issuers` (issuer → JWKS URL) and sign outgoing ones."""
    keys = {issuer: jwt.PyJWKClient(url, cache_keys=True) for issuer, url in issuers.items()}
    trust_denied = sts._web_identity_trust_denied

    def verified_trust_denied(role_arn: str, params: dict[str, Any], use_json: bool) -> Answer | None:
        try:
            _verify(_one(params, "WebIdentityToken"), role_arn, keys)
        except jwt.ExpiredSignatureError:
            return _error("ExpiredTokenException", "Token must be redeemed before its expiration", 400)
        except (jwt.PyJWTError, ValueError) as refusal:
            return _error("InvalidIdentityToken", str(refusal), 400)
        denied: Answer | None = trust_denied(role_arn, params, use_json)
        return denied

    sts._web_identity_trust_denied = verified_trust_denied
    handlers["sts"] = _signing(handlers["sts"], signer)


def _verify(token: str, role_arn: str, keys: dict[str, jwt.PyJWKClient]) -> None:
    claims = jwt.decode(token, options={"verify_signature": False})
    issuer = str(claims.get("iss", ""))
    account, host = role_arn.split(":")[4], issuer.removeprefix("https://")
    provider = iam._oidc_providers.get_scoped(account, None, f"arn:aws:iam::{account}:oidc-provider/{host}")
    if provider is None or issuer not in keys:
        raise ValueError("No OpenIDConnect provider found in your account for " + issuer)
    audiences = provider.get("ClientIDList") or provider.get("client_ids") or []
    jwt.decode(
        token,
        keys[issuer].get_signing_key_from_jwt(token).key,
        algorithms=["RS256"],
        audience=audiences,
        issuer=issuer,
        options={"require": ["exp", "iss", "sub", "aud"]},
    )


def _signing(inner: Handler, signer: Signer) -> Handler:
    """STS with `GetWebIdentityToken` signed, and the real subject and audience in web identity answers."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        status, answer_headers, answer = await inner(method, path, headers, body, query)
        if status != 200:
            return status, answer_headers, answer
        params = {**query, **parse_qs(body.decode())}
        if _one(params, "Action") == "GetWebIdentityToken":
            answer = _signed(params, signer)
        elif _one(params, "Action") == "AssumeRoleWithWebIdentity":
            answer = _truthful(answer, _one(params, "WebIdentityToken"))
        return status, answer_headers, answer

    return handle


def _signed(params: dict[str, Any], signer: Signer) -> bytes:
    audience = [_one(params, key) for key in sorted(params) if key.startswith("Audience")]
    seconds = int(_one(params, "DurationSeconds") or 300)
    token, expires = signer.sign(_subject(iam_evaluator.caller_arn()), audience, seconds)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
    return (
        f'<GetWebIdentityTokenResponse xmlns="{STS}"><GetWebIdentityTokenResult>'
        f"<WebIdentityToken>{token}</WebIdentityToken><Expiration>{at}</Expiration>"
        "</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
    ).encode()


def _subject(caller: str) -> str:
    """The subject of a token is the role, not its session (AWS: 'sub: the ARN of the IAM principal')."""
    if ":assumed-role/" not in caller:
        return caller
    account, role = caller.split(":")[4], caller.split("/")[1]
    return f"arn:aws:iam::{account}:role/{role}"


def _truthful(answer: bytes, token: str) -> bytes:
    claims = jwt.decode(token, options={"verify_signature": False})
    provider = claims["iss"].removeprefix("https://")
    return (
        answer.replace(b">test-subject<", f">{claims['sub']}<".encode())
        .replace(b"<Audience>sts.amazonaws.com<", f"<Audience>{claims['aud']}<".encode())
        .replace(b"<Provider>sts.amazonaws.com<", f"<Provider>{provider}<".encode())
    )


def _one(params: dict[str, Any], name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _error(code: str, message: str, status: int) -> Answer:
    body = (
        f'<ErrorResponse xmlns="{STS}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{message}</Message></Error></ErrorResponse>"
    )
    return status, {"Content-Type": "text/xml"}, body.encode()
