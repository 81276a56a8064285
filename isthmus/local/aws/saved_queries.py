"""Saved queries of CloudWatch Logs Insights, which ministack lacks: kept, listed and deleted."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudwatch_logs
from ministack.services.cloudformation import provisioners

from isthmus.executor.refusals import ApiError
from isthmus.local.aws import rest_json

Record = dict[str, Any]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[rest_json.Answer]]
TYPE, STATE = "AWS::Logs::QueryDefinition", "isthmus_saved_queries"
_queries: Any = AccountRegionScopedDict()


def install(handlers: dict[str, Handler]) -> None:
    handlers["logs"] = _with_queries(handlers["logs"])
    provisioners._RESOURCE_HANDLERS[TYPE] = {"create": _create, "update": _update, "delete": _delete}
    get_state, load = cloudwatch_logs.get_state, cloudwatch_logs.load_persisted_state

    def load_all(data: Record) -> None:
        _queries.update(data.pop(STATE, {}))
        load(data)

    cloudwatch_logs.get_state = lambda: get_state() | {STATE: _queries}
    cloudwatch_logs.load_persisted_state = load_all


def _with_queries(inner: Handler) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> rest_json.Answer:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation not in OPERATIONS:
            return await inner(method, path, headers, body, query)
        try:
            return rest_json.answer(200, invoke(operation, json.loads(body or b"{}")))
        except ApiError as error:
            return rest_json.answer(error.status, {"__type": error.code, "message": error.message})

    return handle


def invoke(operation: str, params: Record) -> Record:
    """Make one call of the API, which IAM has let through; raises `ApiError`."""
    rest_json.check("logs", operation, params)
    return OPERATIONS[operation](params)


def _put(params: Record) -> Record:
    identity = params.get("queryDefinitionId")
    if identity and identity not in _queries:
        raise ApiError("ResourceNotFoundException", "The specified query definition does not exist.")
    identity = identity or str(uuid.uuid4())
    kept = {key: params[key] for key in ("name", "queryString", "logGroupNames") if key in params}
    _queries[identity] = kept | {"queryDefinitionId": identity, "lastModified": int(time.time() * 1000)}
    return {"queryDefinitionId": identity}


def _describe(params: Record) -> Record:
    prefix = params.get("queryDefinitionNamePrefix", "")
    found = [one for one in _queries.values() if one["name"].startswith(prefix)]
    return {"queryDefinitions": sorted(found, key=lambda one: one["name"])}


def _forget(params: Record) -> Record:
    return {"success": _queries.pop(params["queryDefinitionId"], None) is not None}


OPERATIONS: dict[str, Callable[[Record], Record]] = {
    "PutQueryDefinition": _put,
    "DescribeQueryDefinitions": _describe,
    "DeleteQueryDefinition": _forget,
}


# ---------------------------------------------------------------- CloudFormation


def _made(properties: Record, **more: str) -> tuple[str, Record]:
    try:
        identity = invoke("PutQueryDefinition", provisioners._pascal_to_camel(properties) | more)
    except ApiError as error:
        raise ValueError(f"{TYPE}: {error.message}") from None
    return identity["queryDefinitionId"], {"QueryDefinitionId": identity["queryDefinitionId"]}


def _create(_logical_id: str, properties: Record, _stack: str) -> tuple[str, Record]:
    return _made(properties)


def _update(physical_id: str, _old: Record, new: Record, _stack: str) -> tuple[str, Record]:
    return _made(new, queryDefinitionId=physical_id)


def _delete(physical_id: str, _properties: Record) -> None:
    _queries.pop(physical_id, None)
