"""Services of AWS's REST-JSON protocol that are ours alone: which operation a request is, by botocore."""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

import ministack.services
from ministack import app as ministack_app
from ministack.core import router
from ministack.core.responses import get_account_id, get_region

from isthmus.errors import Refused
from isthmus.executor import shapes
from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError
from isthmus.local.aws import roles

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, Any]], Awaitable[Answer]]


def register(service: str, module_name: str) -> None:
    """Let ministack find the service, whose module has `handle_request` and keeps its state as others do."""
    module, short = sys.modules[module_name], module_name.rpartition(".")[2]
    sys.modules[f"ministack.services.{short}"] = module
    setattr(ministack.services, short, module)
    ministack_app._loaded_modules[short] = module
    ministack_app._state_map[service] = short
    ministack_app.SERVICE_HANDLERS[service] = module.handle_request
    router.SERVICE_PATTERNS = {service: {}, **router.SERVICE_PATTERNS}


@functools.cache
def model(service: str) -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model(service)


def check(service: str, operation: str, params: Record) -> None:
    """Raise `ApiError` unless the operation may be asked for with these parameters."""
    shapes.check_shape(params, model(service).operation_model(operation).input_shape)


def require(access_key: str, action: str, arn: str, context: dict[str, str] | None = None) -> None:
    """Raise AccessDeniedException unless the caller may do `action` here on the resource."""
    try:
        roles.require(access_key, get_account_id(), get_region(), action, arn, context)
    except Refused as refusal:
        raise ApiError("AccessDeniedException", refusal.what, 403) from None


def members(service: str, operation: str) -> Mapping[str, Any]:
    """What a request of the operation may hold."""
    shape = model(service).operation_model(operation).input_shape
    return shape.members if shape else {}


def route(service: str, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The operation that a request is, and what its path names; None where it is none."""
    for name in model(service).operation_names:
        http = model(service).operation_model(name).http
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", http["requestUri"])
        # An ARN has a slash in it, and comes decoded.
        pattern = re.sub(r"(<[Rr]esourceArn>)\[\^/\]\+", r"\1.+", pattern)
        found = re.fullmatch(pattern, path)
        if http["method"] == method and found:
            return name, {key: unquote(value) for key, value in found.groupdict().items()}
    return None


def handler(service: str, invoke: Callable[[str, Record, str], Record]) -> Handler:
    """Answers requests of the API: finds the operation and its parameters, and lets `invoke` make the call.

    `invoke` takes operation, parameters and the caller's access key, and raises `ApiError`.
    """

    async def handle(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Answer:
        key = router.extract_access_key_id(dict(headers), dict(query)) or get_account_id()
        try:
            found = route(service, method, path)
            if found is None:
                raise ApiError("UnknownOperationException", f"{service} has no {method} {path}.", 404)
            operation, named = found
            known = members(service, operation)
            asked = {name: value for name, value in query.items() if name in known}
            return answer(200, invoke(operation, json.loads(body or b"{}") | named | asked, key))
        except ApiError as error:
            return answer(error.status, {"message": error.message}, error.code)

    return handle


def answer(status: int, body: Mapping[str, Any], error: str = "") -> Answer:
    headers = {"content-type": "application/json"} | ({"x-amzn-errortype": error} if error else {})
    return status, headers, json.dumps(body).encode()
