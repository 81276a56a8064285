"""Entra: signs applications in by federated credentials, for Azure DevOps or for APIs; publishes its keys.

An assertion is AWS's (the bridge) or Azure DevOps' (a job with a service connection). Tokens for Azure DevOps
are of version 1, tokens for an API of version 2, as Microsoft's are.
"""

from __future__ import annotations

import logging
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import jwt
import requests
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.principals import AZURE_DEVOPS
from isthmus.local.azure_devops.settings import Credential

log = logging.getLogger("isthmus.entra")
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECONDS = 3599


class Denied(Exception):
    """No token: Entra's code, OAuth's error, and a sentence."""

    def __init__(self, code: int, error: str, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.code, self.error, self.sentence, self.status = code, error, sentence, status


def routes(organization: Organization) -> list[Route]:
    entra = Entra(organization)
    return [
        Route("/entra/jwks", entra.jwks),
        Route("/entra/{tenant}/oauth2/v2.0/token", entra.token, methods=["POST"]),
        Route("/entra/{tenant}/discovery/v2.0/keys", entra.tenant_keys),
        Route("/entra/{tenant}/v2.0/.well-known/openid-configuration", entra.tenant_configuration),
        Route("/entra/.well-known/openid-configuration", entra.configuration),
    ]


class Entra:
    """The tenant's token endpoint."""

    def __init__(self, organization: Organization) -> None:
        self._organization = organization
        self._settings = organization.settings
        self._aws_keys: dict[str, jwt.PyJWK] = {}

    async def token(self, request: Request) -> JSONResponse:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        try:
            answer = await run_in_threadpool(self._exchange, request.path_params["tenant"], form)
        except Denied as denied:
            log.info("no token: %s", denied.sentence)
            return JSONResponse(_error(denied), denied.status, {"Cache-Control": "no-store"})
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def jwks(self, _request: Request) -> JSONResponse:
        """The keys that sign service connections' tokens."""
        return JSONResponse(self._organization.issuer_key.key_set)

    async def tenant_keys(self, _request: Request) -> JSONResponse:
        return JSONResponse(self._organization.entra_key.key_set)

    async def configuration(self, request: Request) -> JSONResponse:
        base = str(request.base_url).rstrip("/")
        return JSONResponse(_discovery(self._settings.issuer, f"{base}/entra/jwks"))

    async def tenant_configuration(self, request: Request) -> JSONResponse:
        base = f"{str(request.base_url).rstrip('/')}/entra/{request.path_params['tenant']}"
        return JSONResponse(_discovery(f"{base}/v2.0", f"{base}/discovery/v2.0/keys"))

    def _exchange(self, tenant: str, form: dict[str, str]) -> dict[str, Any]:
        if tenant.lower() != self._settings.tenant_id.lower():
            raise Denied(90002, "invalid_request", f"Tenant '{tenant}' not found.")
        client = form.get("client_id", "").lower()
        known = {key.lower(): one for key, one in self._settings.applications.items()}
        if client not in known:
            raise Denied(
                700016,
                "unauthorized_client",
                f"Application with identifier '{client}' was not found in the directory '{tenant}'.",
            )
        _check_form(form)
        resource = self._resource(form.get("scope", ""))
        self._verify(form["client_assertion"], known[client])
        return {
            "token_type": "Bearer",
            "expires_in": SECONDS,
            "ext_expires_in": SECONDS,
            "access_token": self._access_token(client, resource),
        }

    def _resource(self, scope: str) -> str:
        """The client id of the application that a token is asked for."""
        resource = scope.removeprefix("api://").removesuffix("/.default").lower()
        if not scope.endswith("/.default") or resource not in (AZURE_DEVOPS, *self._settings.apis):
            raise Denied(70011, "invalid_scope", f"The provided value for scope {scope} is not valid.")
        return resource

    def _access_token(self, client: str, resource: str) -> str:
        moment = int(time.time())
        principal = self._organization.principals.application(client)
        about = (
            self._for_azure_devops(client) if resource == AZURE_DEVOPS else self._for_api(client, resource)
        )
        return self._organization.entra_key.sign(
            {
                "aud": resource,
                "iat": moment,
                "nbf": moment,
                "exp": moment + SECONDS,
                "idtyp": "app",
                "oid": principal.id if principal else "",
                "tid": self._settings.tenant_id,
                "uti": uuid.uuid4().hex,
            }
            | about
        )

    def _for_azure_devops(self, client: str) -> dict[str, Any]:
        issuer = f"https://sts.windows.net/{self._settings.tenant_id}/"
        return {"iss": issuer, "appid": client, "appidacr": "2", "ver": "1.0"}

    def _for_api(self, client: str, resource: str) -> dict[str, Any]:
        """Whoever asks is given a token; its roles, if any, say what it is good for."""
        roles = self._settings.apis[resource].get(client, [])
        about = {
            "iss": self._settings.entra_issuer,
            "azp": client,
            "azpacr": "2",
            "sub": client,
            "ver": "2.0",
        }
        return about | ({"roles": roles} if roles else {})

    def _verify(self, assertion: str, credentials: tuple[Credential, ...]) -> None:
        """Check a token against the application's federated credentials."""
        try:
            header = jwt.get_unverified_header(assertion)
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError:
            raise Denied(50027, "invalid_request", "JWT token is invalid or malformed.") from None
        credential = _match(claims, credentials)
        key = self._key(credential.issuer, str(header.get("kid", "")))
        try:
            jwt.decode(
                assertion,
                key,
                algorithms=["RS256", "ES384"],
                audience=credential.audience,
                options={"require": ["exp", "iat", "iss", "sub", "aud"]},
                leeway=60,
            )
        except jwt.ExpiredSignatureError:
            raise Denied(700024, "invalid_client", _outside(claims), 401) from None
        except (jwt.ImmatureSignatureError, jwt.InvalidIssuedAtError):
            raise Denied(700024, "invalid_client", _outside(claims), 401) from None
        except jwt.PyJWTError as error:
            raise Denied(
                700027, "invalid_client", f"Client assertion failed signature validation: {error}.", 401
            ) from None

    def _key(self, issuer: str, kid: str) -> Any:
        """The key of that id; AWS's are asked for again when it is not known."""
        if issuer == self._settings.issuer:
            return self._organization.issuer_key.public
        if kid not in self._aws_keys:
            try:
                answer = requests.get(self._settings.aws_jwks_url, timeout=5)
                answer.raise_for_status()
                self._aws_keys = {str(one.key_id): one for one in jwt.PyJWKSet.from_dict(answer.json()).keys}
            except (requests.RequestException, ValueError, jwt.PyJWTError) as error:
                raise Denied(
                    50166, "invalid_request", f"The issuer's keys could not be read: {error}", 401
                ) from None
        if kid not in self._aws_keys:
            raise Denied(
                7000272,
                "invalid_client",
                f"The key was not found: no key of the issuer has the identifier '{kid}'.",
                401,
            )
        return self._aws_keys[kid]


def _check_form(form: dict[str, str]) -> None:
    if form.get("grant_type") != "client_credentials":
        raise Denied(70003, "unsupported_grant_type", "The app requested an unsupported grant type.")
    if form.get("client_assertion_type") != ASSERTION or not form.get("client_assertion"):
        raise Denied(
            7000218,
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion'.",
            401,
        )


def _match(claims: dict[str, Any], credentials: tuple[Credential, ...]) -> Credential:
    """The federated credential whose issuer, subject and audience are the token's, to the letter."""
    presented = {"issuer": claims.get("iss"), "subject": claims.get("sub"), "audience": claims.get("aud")}
    left = credentials
    for code, (what, value) in zip((700211, 700213, 700212), presented.items(), strict=True):
        # Only an audience may be several: https://www.rfc-editor.org/rfc/rfc7519#section-4.1
        values = value if isinstance(value, list) and what == "audience" else [value]
        left = tuple(one for one in left if getattr(one, what) in values)
        if not left:
            raise Denied(
                code,
                "invalid_client",
                f"No matching federated identity record found for presented assertion {what} '{value}'.",
                401,
            )
    return left[0]


def _outside(claims: dict[str, Any]) -> str:
    span = f"valid from {claims.get('iat')}, expiry {claims.get('exp')}, now {int(time.time())}"
    return f"Client assertion is not within its valid time range: {span}."


def _error(denied: Denied) -> dict[str, Any]:
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    ids = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}"
    return {
        "error": denied.error,
        "error_description": f"AADSTS{denied.code}: {denied.sentence} {ids}",
        "error_codes": [denied.code],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
    }


def _discovery(issuer: str, keys: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "jwks_uri": keys,
        "subject_types_supported": ["public"],
        "response_types_supported": ["id_token"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
