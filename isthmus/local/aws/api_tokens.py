"""JWT authorizers of API Gateway: whose tokens are believed, by HTTP APIs and by REST APIs.

ministack verifies RS256 of whatever the header says, lets tokens without `exp` pass, fails on odd claims, and
knows no JWT authorizer of REST APIs at all. The rules here are AWS's:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-jwt-authorizer.html
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from ministack.services import apigateway, apigateway_v1
from ministack.services.cloudformation import provisioners

Claims = dict[str, Any]
RSA = ("RS256", "RS384", "RS512")
_make_v1 = apigateway_v1._create_authorizer
_authorize_v1 = apigateway_v1._authorize_request_v1


class Issuers:
    """The issuers whose keys can be fetched: issuer → JWKS URL."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._keys = {issuer: jwt.PyJWKClient(url, timeout=5) for issuer, url in urls.items()}

    async def claims(
        self, token: str, issuer: str, audiences: Sequence[str], algorithms: Sequence[str]
    ) -> Claims | None:
        """The token's claims, if the issuer signed it for one of the audiences and it is in time."""
        try:
            return await asyncio.to_thread(self._verify, token, issuer, audiences, algorithms)
        except jwt.PyJWTError:
            return None

    def _verify(self, token: str, issuer: str, audiences: Sequence[str], algorithms: Sequence[str]) -> Claims:
        if issuer not in self._keys:
            raise jwt.InvalidIssuerError(issuer)
        key = self._keys[issuer].get_signing_key_from_jwt(token)
        # `client_id` stands for an audience where the token has none (HTTP APIs, for Cognito).
        named = "aud" in jwt.decode(token, options={"verify_signature": False})
        claims: Claims = jwt.decode(
            token,
            key,
            algorithms=list(algorithms),
            issuer=issuer,
            audience=list(audiences),
            options={"require": ["exp", "iss"], "verify_aud": named},
        )
        if not named and claims.get("client_id") not in audiences:
            raise jwt.InvalidAudienceError("neither aud nor client_id")
        return claims


def install(urls: Mapping[str, str]) -> None:
    """Have the tokens of these issuers (issuer → JWKS URL) believed, and no other."""
    issuers = Issuers(urls)

    async def validate(
        route: dict[str, Any], authorizer: dict[str, Any], headers: dict[str, str], query: dict[str, Any]
    ) -> tuple[Claims | None, list[str] | None, Any]:
        config = authorizer.get("jwtConfiguration") or {}
        sources = authorizer.get("identitySource") or []
        token = apigateway._extract_token_from_identity_source(sources, headers, query)
        claims = token and await issuers.claims(
            token, config.get("issuer", ""), config.get("audience") or [], RSA
        )
        if not claims:
            return None, None, apigateway._jwt_unauthorized()
        scopes = scopes_of(claims)
        if not _suffices(scopes, route.get("authorizationScopes")):
            return None, None, apigateway._jwt_forbidden()
        return claims, scopes, None

    async def authorize(*arguments: Any) -> tuple[Any, dict[str, Any] | None]:
        api, stage, method, verb, path, _, headers = arguments[:7]
        if method.get("authorizationType") != "JWT":
            found: tuple[Any, dict[str, Any] | None] = await _authorize_v1(*arguments)
            return found
        error, context = await _authorize_rest(issuers, api, method, headers)
        # The API's own policy is asked too: where a private API may be called from.
        error = error or apigateway_v1._anonymous_policy_error(api, stage, verb, path, *arguments[-2:])
        return error, context

    apigateway._validate_jwt_authorizer = validate
    apigateway_v1._authorize_request_v1 = authorize
    apigateway_v1._create_authorizer = _create_v1
    provisioners._APIGW_AUTHORIZER_PROPERTIES += (("JwtConfiguration", "jwtConfiguration", None),)


def scopes_of(claims: Claims) -> list[str]:
    """The words of `scope` and `scp`, which some issuers write as a list."""
    said = [claims.get("scope") or [], claims.get("scp") or []]
    return sorted({word for one in said for word in (one.split() if isinstance(one, str) else map(str, one))})


def _suffices(scopes: list[str], wanted: list[str] | None) -> bool:
    return not wanted or bool(set(wanted) & set(scopes))


async def _authorize_rest(
    issuers: Issuers, api: str, method: dict[str, Any], headers: dict[str, str]
) -> tuple[Any, dict[str, Any] | None]:
    """REST APIs give the integration each claim as what it is in the token."""
    authorizer = apigateway_v1._authorizers_v1.get(api, {}).get(method.get("authorizerId"))
    if authorizer is None:
        return apigateway_v1._gw_error("AUTHORIZER_CONFIGURATION_ERROR", "Internal server error"), None
    config = provisioners._pascal_to_camel(authorizer["jwtConfiguration"])
    name = str(authorizer["identitySource"]).removeprefix("method.request.header.")
    given = re.sub(r"(?i)^bearer +", "", apigateway_v1._header_ci(headers, name))
    for one in config["issuers"] if given else []:
        claims = await issuers.claims(given, one["issuer"], one["audiences"], config["defaultAlgorithms"])
        if claims and not _suffices(scopes_of(claims), method.get("authorizationScopes")):
            return apigateway_v1._gw_error("ACCESS_DENIED", "Forbidden"), None
        if claims:
            return None, {"claims": claims}
    return apigateway_v1._gw_error("UNAUTHORIZED", "Unauthorized"), None


def _create_v1(api: str, data: dict[str, Any]) -> Any:
    """CreateAuthorizer, which does not forget what a JWT authorizer believes."""
    answer = _make_v1(api, data)
    if answer[0] < 400 and data.get("type") == "JWT":
        record = list(apigateway_v1._authorizers_v1[api].values())[-1]
        record["jwtConfiguration"] = data["jwtConfiguration"]
    return answer
