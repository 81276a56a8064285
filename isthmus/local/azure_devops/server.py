"""The server: signs callers in, finds the route, calls its handler, and words every answer as Azure does."""

from __future__ import annotations

import base64
import binascii
import inspect
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from isthmus.local.azure_devops import (
    access_lists,
    approvals,
    build_details,
    builds,
    changes,
    checks,
    commits,
    definitions,
    deployments,
    elsewhere,
    endpoints,
    entra,
    general_settings,
    identities,
    leases,
    locations,
    oidc,
    permissions,
    pipelines,
    plans,
    policies,
    pools,
    projects,
    pull_requests,
    pushes,
    repositories,
    retention,
    security_roles,
    smart_http,
    stages,
    statuses,
    teams,
    test_attachments,
    test_runs,
    threads,
    triggers,
    variable_groups,
)
from isthmus.local.azure_devops.access import admit, within
from isthmus.local.azure_devops.agents import RunAgents
from isthmus.local.azure_devops.call import Answer, Call
from isthmus.local.azure_devops.faults import Fault, not_found
from isthmus.local.azure_devops.gates import Gates
from isthmus.local.azure_devops.gitcli import GitError
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.pages import site
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.routing import Router
from isthmus.local.azure_devops.timeline import Ledger

log = logging.getLogger("isthmus.azure_devops")
AREAS = (
    locations,
    projects,
    teams,
    repositories,
    commits,
    changes,
    statuses,
    pushes,
    pull_requests,
    threads,
    policies,
    pipelines,
    builds,
    build_details,
    stages,
    definitions,
    general_settings,
    leases,
    retention,
    test_attachments,
    test_runs,
    deployments,
    checks,
    approvals,
    endpoints,
    permissions,
    pools,
    variable_groups,
    identities,
    access_lists,
    security_roles,
    oidc,
    plans,
    elsewhere,
)
# Handlers of these areas run git or compile YAML: in a thread, so that others need not wait for them.
SLOW = frozenset({"git", "pipelines", "policy", "projects", "build"})
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]
READS = ("GET", "HEAD", "OPTIONS")
# What a body or query of a shape that nobody expected ends in.
_MALFORMED = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError, GitError)
STUMBLED = "The request is malformed"
SIGN_IN = "<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head></html>"


def build(organization: Organization) -> Starlette:
    """Put the parts together."""
    organization.ledger = Ledger(organization)
    organization.gates = Gates(organization)
    organization.agents = RunAgents(organization)
    organization.ref_listeners += [pushes.record, pull_requests.on_push, triggers.on_push]
    organization.run_listeners += [pull_requests.on_run_ended, leases.on_run_ended]
    router = Router(resource for area in AREAS for resource in area.RESOURCES)
    api = Api(organization, router, site.Site(organization))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        organization.agents.stop()
        organization.store.close()

    routes = [*entra.routes(organization), Route("/{path:path}", api.answer, methods=METHODS)]
    return Starlette(routes=routes, lifespan=lifespan)


class Api:
    """Everything below `/{organization}/`."""

    def __init__(self, organization: Organization, router: Router, pages: site.Site) -> None:
        self._organization = organization
        self._router = router
        self._pages = pages
        self._prefix = f"/{organization.settings.organization}".lower()

    async def answer(self, request: Request) -> Response:
        path = request.scope["path"]
        if request.method == "OPTIONS" and path.strip("/").lower() == "_apis":
            # Above all organizations, where clients look for what an organization has not.
            return _response([])
        if path.lower() != self._prefix and not path.lower().startswith(self._prefix + "/"):
            return _fault(not_found(f"There is no organization at {path}; it is at {self._prefix}."))
        inner = path[len(self._prefix) + 1 :]
        if site.is_asked_by(request, inner):
            return await self._pages.answer(request, inner)
        principal = self._signed_in(request.headers.get("authorization", ""))
        is_git = "_git/" in inner
        if principal is None:
            return _sign_in(request, is_git=is_git)
        try:
            if is_git:
                return await smart_http.serve(self._organization, principal, request, inner)
            return await self._api(request, principal, inner)
        except Fault as fault:
            return _fault(fault)

    async def _api(self, request: Request, principal: Principal, inner: str) -> Response:
        scope, found, rest = f"/{inner}".partition("/_apis")
        if not found or (rest and rest[0] != "/"):
            raise not_found(
                f"No HTTP resource was found that matches the request URI '{request.scope['path']}'."
            )
        if request.method == "OPTIONS":
            return _response(locations.options(self._router, rest.strip("/").lower()))
        route = self._router.find(rest)
        if route is None:
            raise not_found(
                f"No HTTP resource of this stand-in matches the request URI '{request.scope['path']}'.",
                "VssResourceNotFoundException",
            )
        area = rest.strip("/").partition("/")[0].lower()
        admit(principal, request.method, rest)
        handler = route.handlers.get(request.method)
        if handler is None:
            allowed = ", ".join(sorted(route.handlers))
            message = (
                f"The requested resource does not support http method '{request.method}'; {allowed} it does."
            )
            return _fault(Fault(405, "VssRequestMethodNotAllowedException", message), {"Allow": allowed})
        _require_version(request)
        named = {"project": scope.strip("/")} if scope.strip("/") else {}
        if "scopeIdentifier" in route.path or area == "distributedtask":
            named |= {"scopeIdentifier": scope.strip("/")}
        within(self._organization, principal, scope.strip("/"))
        call = Call(
            self._organization,
            principal,
            request.method,
            {**route.path, **named},
            {key.lower(): value for key, value in request.query_params.items()},
            await request.body(),
            request.headers.get("accept", ""),
            self._organization.url,
        )
        return _response(await _carry_out(handler, call, slow=area in SLOW))

    def _signed_in(self, header: str) -> Principal | None:
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "bearer":
            return self._organization.principals.by_token(value.strip())
        if scheme.lower() == "basic":
            try:
                _, _, token = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, ValueError):
                return None
            return self._organization.principals.by_token(token)
        return None


def _require_version(request: Request) -> None:
    """Whoever changes something says for which version of the API; who only reads may leave it out."""
    said = request.query_params.get("api-version") or "api-version=" in request.headers.get("accept", "")
    if request.method not in READS and not said:
        raise Fault(
            400,
            "VssVersionNotSpecifiedException",
            f'No api-version was supplied for the "{request.method}" request. The version must be supplied '
            'either as part of the Accept header (e.g. "application/json; api-version=1.0") or as a query '
            'parameter (e.g. "?api-version=1.0").',
        )


async def _carry_out(handler: Any, call: Call, *, slow: bool) -> Any:
    try:
        if slow:
            return await run_in_threadpool(handler, call)
        found = handler(call)
        return await found if inspect.isawaitable(found) else found
    except Fault:
        raise
    except _MALFORMED as error:
        # A body of a shape that no handler expected: the caller's mistake, and ours to word better.
        log.warning("%s %s: %r", call.method, call.path, error, exc_info=True)
        raise Fault(400, "VssPropertyValidationException", f"{STUMBLED}: {error!r}.") from None


def _response(answer: Any) -> Response:
    if isinstance(answer, list):
        answer = {"count": len(answer), "value": answer}
    if not isinstance(answer, Answer):
        answer = Answer(answer)
    headers = {"Content-Type": answer.content_type, **answer.headers}
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    if isinstance(answer.body, list):
        answer.body = {"count": len(answer.body), "value": answer.body}
    content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    return Response(content, answer.status, headers)


def _fault(fault: Fault, headers: dict[str, str] | None = None) -> Response:
    shown = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return Response(json.dumps(fault.body()), fault.status, shown)


def _sign_in(request: Request, *, is_git: bool) -> Response:
    """As in the cloud: 401 to git, to wrong credentials and to clients that cannot show a page; else one."""
    challenge = {"WWW-Authenticate": 'Bearer, Basic realm="http://127.0.0.1/"'}
    suppressed = request.headers.get("x-tfs-fedauthredirect", "").lower() == "suppress"
    if is_git:
        challenge = {"WWW-Authenticate": 'Basic realm="Azure DevOps"'}
        return PlainTextResponse("TF400813: Sign in with a token as the password.", 401, challenge)
    if suppressed or "authorization" in request.headers:
        message = "TF400813: The user '' is not authorized to access this resource."
        return _fault(Fault(401, "UnauthorizedRequestException", message), challenge)
    return HTMLResponse(SIGN_IN, 203)
