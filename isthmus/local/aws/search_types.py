"""CloudFormation types of OpenSearch: Serverless, whose API ministack has, and Ingestion, which it lacks.

Pipelines of Ingestion are kept and answer for themselves by their own API; none runs, as no collection does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import opensearchserverless
from ministack.services.cloudformation import provisioners

from isthmus.executor.refusals import ApiError
from isthmus.local.aws import rest_json

Record = dict[str, Any]
Made = tuple[str, Record]
SERVICE = "osis"
_pipelines: Any = AccountRegionScopedDict()
_validate_rules = opensearchserverless._validate_rules


def install() -> None:
    rest_json.register(SERVICE, __name__)
    opensearchserverless._validate_rules = _validate_dashboards
    for name, (create, update, delete, replacing) in TYPES.items():
        provisioners._RESOURCE_HANDLERS[name] = {"create": create, "update": update, "delete": delete}
        provisioners._REPLACING_PROPERTIES[name] = replacing


def get_state() -> Record:
    return {"pipelines": _pipelines}


def load_persisted_state(data: Record) -> None:
    _pipelines.update(data.get("pipelines", {}))


def reset() -> None:
    _pipelines.clear()


# ---------------------------------------------------------------- Serverless


def _call(operation: str, data: Record) -> Record:
    """Make one call of OpenSearch Serverless; raises `ValueError` as CloudFormation says it."""
    try:
        _, _, body = opensearchserverless._HANDLERS[operation](data)
    except opensearchserverless._Invalid as error:
        raise ValueError(f"{error.message} (Service: OpenSearchServerless)") from None
    answer: Record = json.loads(body)
    return answer


def _validate_dashboards(rules: Any, allowed: tuple[str, ...], need_permission: bool) -> None:
    """ministack's own; but a dashboard is named by its collection.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-network.html
    """
    named = [rule | {"ResourceType": "collection"} if _is_of_dashboard(rule) else rule for rule in rules]
    _validate_rules(named if "dashboard" in allowed else rules, allowed, need_permission)


def _is_of_dashboard(rule: Any) -> bool:
    return isinstance(rule, dict) and rule.get("ResourceType") == "dashboard"


def _collection_create(_logical_id: str, properties: Record, _stack: str) -> Made:
    asked = provisioners._pascal_to_camel(properties)
    made = _call("CreateCollection", asked)["createCollectionDetail"]
    (found,) = _call("BatchGetCollection", {"ids": [made["id"]]})["collectionDetails"]
    attributes = {"Arn": found["arn"], "Id": found["id"], "CollectionEndpoint": found["collectionEndpoint"]}
    return found["id"], attributes | {"DashboardEndpoint": found["dashboardEndpoint"]}


def _collection_update(physical_id: str, _old: Record, new: Record, _stack: str) -> Made:
    _call("UpdateCollection", {"id": physical_id, "description": new.get("Description", "")})
    (found,) = _call("BatchGetCollection", {"ids": [physical_id]})["collectionDetails"]
    return physical_id, {"Arn": found["arn"], "CollectionEndpoint": found["collectionEndpoint"]}


def _collection_delete(physical_id: str, _properties: Record) -> None:
    _call("DeleteCollection", {"id": physical_id})


def _policies(kind: str) -> tuple[Any, Any, Any, tuple[str, ...]]:
    """The handlers of `Security` or `Access` policies."""
    detail = f"{kind.lower()}PolicyDetail"

    def create(_logical_id: str, properties: Record, _stack: str) -> Made:
        _call(f"Create{kind}Policy", provisioners._pascal_to_camel(properties))
        return f"{properties['Type']}|{properties['Name']}", {}

    def update(physical_id: str, _old: Record, new: Record, _stack: str) -> Made:
        asked = provisioners._pascal_to_camel(new)
        which = {key: asked[key] for key in ("type", "name")}
        version = _call(f"Get{kind}Policy", which)[detail]["policyVersion"]
        _call(f"Update{kind}Policy", asked | {"policyVersion": version})
        return physical_id, {}

    def delete(physical_id: str, _properties: Record) -> None:
        type_, _, name = physical_id.partition("|")
        _call(f"Delete{kind}Policy", {"type": type_, "name": name})

    return create, update, delete, ("Name", "Type")


# ---------------------------------------------------------------- Ingestion


def invoke(operation: str, params: Record, access_key: str) -> Record:
    """Make one call of Ingestion's API; raises `ApiError`."""
    rest_json.check(SERVICE, operation, params)
    arn = _arn(params.get("PipelineName", "*"))
    rest_json.require(access_key, f"{SERVICE}:{operation}", arn)
    if operation not in OPERATIONS:
        raise ApiError("ValidationException", f"The local OpenSearch Ingestion has no {operation}.")
    return OPERATIONS[operation](params)


handle_request = rest_json.handler(SERVICE, invoke)


def _arn(pipeline: str) -> str:
    return f"arn:aws:{SERVICE}:{get_region()}:{get_account_id()}:pipeline/{pipeline}"


def _create(params: Record) -> Record:
    name, now = params["PipelineName"], int(time.time())
    if name in _pipelines:
        raise ApiError("ResourceAlreadyExistsException", f"Pipeline {name} already exists.", 409)
    made = {"PipelineArn": _arn(name), "Status": "ACTIVE", "CreatedAt": now, "LastUpdatedAt": now}
    _pipelines[name] = params | made
    return {"Pipeline": _pipelines[name]}


def _get(params: Record) -> Record:
    name = params["PipelineName"]
    if name not in _pipelines:
        raise ApiError("ResourceNotFoundException", f"Pipeline {name} does not exist.", 404)
    return {"Pipeline": _pipelines[name]}


def _update(params: Record) -> Record:
    record: Record = _get(params)["Pipeline"]
    record.update(params | {"LastUpdatedAt": int(time.time())})
    return {"Pipeline": record}


def _delete(params: Record) -> Record:
    _get(params)
    del _pipelines[params["PipelineName"]]
    return {}


OPERATIONS: dict[str, Callable[[Record], Record]] = {
    "CreatePipeline": _create,
    "GetPipeline": _get,
    "UpdatePipeline": _update,
    "DeletePipeline": _delete,
    "ListPipelines": lambda _params: {"Pipelines": list(_pipelines.values())},
}


def _made(operation: str, params: Record) -> Record:
    try:
        return invoke(operation, params, get_account_id())
    except ApiError as error:
        raise ValueError(f"{error.message} (Service: Osis, Error Code: {error.code})") from None


def _pipeline_create(_logical_id: str, properties: Record, _stack: str) -> Made:
    made = _made("CreatePipeline", properties)["Pipeline"]
    return made["PipelineArn"], {"PipelineArn": made["PipelineArn"]}


def _pipeline_update(physical_id: str, _old: Record, new: Record, _stack: str) -> Made:
    known = rest_json.members(SERVICE, "UpdatePipeline")
    _made("UpdatePipeline", {key: value for key, value in new.items() if key in known})
    return physical_id, {"PipelineArn": physical_id}


def _pipeline_delete(physical_id: str, _properties: Record) -> None:
    name = physical_id.rpartition("/")[2]
    if name in _pipelines:
        _made("DeletePipeline", {"PipelineName": name})


TYPES: dict[str, tuple[Any, Any, Any, tuple[str, ...]]] = {
    "AWS::OpenSearchServerless::Collection": (
        _collection_create,
        _collection_update,
        _collection_delete,
        ("Name", "Type", "StandbyReplicas"),
    ),
    "AWS::OpenSearchServerless::SecurityPolicy": _policies("Security"),
    "AWS::OpenSearchServerless::AccessPolicy": _policies("Access"),
    "AWS::OSIS::Pipeline": (_pipeline_create, _pipeline_update, _pipeline_delete, ("PipelineName",)),
}
