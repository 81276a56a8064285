"""CloudFormation types of an API that ministack lacks or forgets parts of: WAF in front, access logs."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import apigateway_v1, waf
from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
STAGE = re.compile(r"arn:aws:apigateway:[a-z0-9-]+::/restapis/([^/]+)/stages/([^/]+)")
STATE = "isthmus_logging"
# Where each web ACL logs to: its ARN → WAF's LoggingConfiguration.
_logging: Any = AccountRegionScopedDict()
_create_stage = provisioners._apigw_stage_create
_update_stage = provisioners._apigw_stage_update


def install(handlers: dict[str, Handler]) -> None:
    handlers["wafv2"] = _with_logging(handlers["wafv2"])
    provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::Stage"] |= {
        "create": _stage_create,
        "update": _stage_update,
    }
    get_state, load = waf.get_state, waf.load_persisted_state

    def load_all(data: dict[str, Any]) -> None:
        _logging.update(data.pop(STATE, {}))
        load(data)

    waf.get_state = lambda: get_state() | {STATE: _logging}
    waf.load_persisted_state = load_all


# ---------------------------------------------------------------- stages of REST APIs


def _stage_create(logical_id: str, properties: Properties, stack: str) -> Created:
    made: Created = _create_stage(logical_id, properties, stack)
    _keep_access_log(properties)
    return made


def _stage_update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    made: Created = _update_stage(physical_id, old, new, stack)
    _keep_access_log(new)
    return made


def _keep_access_log(properties: Properties) -> None:
    stage = apigateway_v1._stages_v1[properties["RestApiId"]][properties["StageName"]]
    stage["accessLogSettings"] = provisioners._pascal_to_camel(properties.get("AccessLogSetting") or {})


# ---------------------------------------------------------------- WAF


def _association_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    resource, acl = properties["ResourceArn"], properties["WebACLArn"]
    stage = STAGE.fullmatch(resource)
    if stage is None or stage[2] not in apigateway_v1._stages_v1.get(stage[1], {}):
        raise ValueError(f"AWS WAF couldn't find the resource that you want to protect: {resource}")
    _expect(waf._associate_web_acl({"ResourceArn": resource, "WebACLArn": acl}))
    return f"{resource}|{acl}", {}


def _association_delete(physical_id: str, _properties: Properties) -> None:
    waf._disassociate_web_acl({"ResourceArn": physical_id.split("|")[0]})


def _logging_create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    _expect(_put_logging({"LoggingConfiguration": properties}))
    return properties["ResourceArn"], {"ManagedByFirewallManager": False}


def _logging_delete(physical_id: str, _properties: Properties) -> None:
    _logging.pop(physical_id, None)


def _expect(answer: Answer) -> None:
    if answer[0] >= 400:
        raise ValueError(json.loads(answer[2])["message"])


def _with_logging(inner: Handler) -> Handler:
    """WAF's API, with the operations that say where a web ACL logs to."""
    operations = {
        "PutLoggingConfiguration": _put_logging,
        "GetLoggingConfiguration": _get_logging,
        "DeleteLoggingConfiguration": _remove_logging,
    }

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        operation = operations.get(headers.get("x-amz-target", "").rsplit(".", 1)[-1])
        if operation is None:
            return await inner(method, path, headers, body, query)
        return operation(json.loads(body or b"{}"))

    return handle


def _put_logging(request: dict[str, Any]) -> Answer:
    wanted = request["LoggingConfiguration"]
    _, unknown = waf._resolve_local_web_acl(wanted["ResourceArn"])
    if unknown is not None:
        refused: Answer = unknown
        return refused
    for destination in wanted["LogDestinationConfigs"]:
        if not re.search(r":(log-group|s3|firehose).*[:/]aws-waf-logs-", destination):
            message = "The log destination's name must start with aws-waf-logs-."
            return _answer({"__type": "WAFInvalidParameterException", "message": message}, 400)
    _logging[wanted["ResourceArn"]] = wanted
    return _answer({"LoggingConfiguration": wanted})


def _get_logging(request: dict[str, Any]) -> Answer:
    found = _logging.get(request["ResourceArn"])
    if found is None:
        message = "AWS WAF couldn't perform the operation because your resource doesn't exist."
        return _answer({"__type": "WAFNonexistentItemException", "message": message}, 400)
    return _answer({"LoggingConfiguration": found})


def _remove_logging(request: dict[str, Any]) -> Answer:
    _logging.pop(request["ResourceArn"], None)
    return _answer({})


def _answer(content: dict[str, Any], status: int = 200) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(content).encode()


TYPES: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "AWS::WAFv2::WebACLAssociation": (
        _association_create,
        _association_delete,
        ("ResourceArn", "WebACLArn"),
    ),
    "AWS::WAFv2::LoggingConfiguration": (_logging_create, _logging_delete, ("ResourceArn",)),
}
