"""CloudWatch Observability Access Manager, which ministack lacks: sinks and links are kept and checked.

Nobody looks across accounts here: what a link would show stays where it is. Requests and answers are those of
botocore's model; a link needs a sink whose policy lets its account make one.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region, request_scope
from ministack.services.cloudformation import provisioners

from isthmus.executor.refusals import ApiError
from isthmus.local.aws import rest_json

Record = dict[str, Any]
SERVICE = "oam"
_sinks: Any = AccountRegionScopedDict()
_links: Any = AccountRegionScopedDict()


def install() -> None:
    rest_json.register(SERVICE, __name__)
    for kind, (create, update, delete, replacing) in TYPES.items():
        handlers = {"create": create, "update": update, "delete": delete}
        provisioners._RESOURCE_HANDLERS[f"AWS::Oam::{kind}"] = handlers
        provisioners._REPLACING_PROPERTIES[f"AWS::Oam::{kind}"] = replacing


def get_state() -> Record:
    return {"sinks": _sinks, "links": _links}


def load_persisted_state(data: Record) -> None:
    _sinks.update(data.get("sinks", {}))
    _links.update(data.get("links", {}))


def reset() -> None:
    _sinks.clear()
    _links.clear()


def invoke(operation: str, params: Record, access_key: str) -> Record:
    """Make one call of the API; raises `ApiError`."""
    rest_json.check(SERVICE, operation, params)
    arn = params.get("Identifier") or params.get("SinkIdentifier") or "*"
    rest_json.require(access_key, f"{SERVICE}:{operation}", arn)
    if operation not in OPERATIONS:
        raise ApiError("ValidationException", f"The local OAM has no {operation}.")
    return OPERATIONS[operation](params)


handle_request = rest_json.handler(SERVICE, invoke)


# ---------------------------------------------------------------- sinks and links


def _arn(kind: str, identity: str) -> str:
    return f"arn:aws:oam:{get_region()}:{get_account_id()}:{kind}/{identity}"


def create_sink(params: Record) -> Record:
    if len(_sinks):
        raise ApiError("ConflictException", "An account has one sink in a region.", 409)
    identity = str(uuid.uuid4())
    made = {"Arn": _arn("sink", identity), "Id": identity, "Name": params["Name"], "Tags": _tags(params)}
    _sinks[made["Arn"]] = made | {"Policy": ""}
    return made


def put_sink_policy(params: Record) -> Record:
    sink = _found(_sinks, params["SinkIdentifier"])
    sink["Policy"] = params["Policy"]
    return {"SinkArn": sink["Arn"], "SinkId": sink["Id"], "Policy": sink["Policy"]}


def get_sink_policy(params: Record) -> Record:
    sink = _found(_sinks, params["SinkIdentifier"])
    return {"SinkArn": sink["Arn"], "SinkId": sink["Id"], "Policy": sink["Policy"]}


def delete_sink(params: Record) -> Record:
    if list_attached_links({"SinkIdentifier": params["Identifier"]})["Items"]:
        raise ApiError("ConflictException", "Links still end at the sink.", 409)
    del _sinks[_found(_sinks, params["Identifier"])["Arn"]]
    return {}


def create_link(params: Record) -> Record:
    sink = params["SinkIdentifier"]
    _require_let_in(sink, params["ResourceTypes"])
    identity = str(uuid.uuid4())
    made = {
        "Arn": _arn("link", identity),
        "Id": identity,
        "Label": get_account_id(),
        "LabelTemplate": params["LabelTemplate"],
        "ResourceTypes": params["ResourceTypes"],
        "SinkArn": sink,
        "Tags": _tags(params),
    } | ({"LinkConfiguration": params["LinkConfiguration"]} if "LinkConfiguration" in params else {})
    _links[made["Arn"]] = made
    return made


def _require_let_in(sink: str, types: list[str]) -> None:
    """Raise `ApiError` unless the sink's policy lets the account link these types of resources."""
    parts = sink.split(":")
    owner, region = (parts[4], parts[3]) if len(parts) > 5 else (get_account_id(), get_region())
    with request_scope(owner, region):
        policy = _found(_sinks, sink)["Policy"]
    account = get_account_id()
    context = EvalContext(
        principal_arn=f"arn:aws:iam::{account}:root",
        principal_type="Root",
        principal_account=account,
        action="oam:CreateLink",
        resource_arn=sink,
        region=region,
        service_context={"oam:resourcetypes": types},
    )
    if not policy or evaluate_resource_policy(policy, context).decision != "Allow":
        raise ApiError("AccessDeniedException", "The sink's policy does not let this account in.", 403)


def list_attached_links(params: Record) -> Record:
    ends = params["SinkIdentifier"]
    every = [link for _, link in list(_links.all_items()) if link["SinkArn"] == ends]
    shown = ("Label", "ResourceTypes")
    return {"Items": [{"LinkArn": one["Arn"]} | {key: one[key] for key in shown} for one in every]}


def _found(kept: Any, arn: str) -> Record:
    record: Record | None = kept.get(arn)
    if record is None:
        raise ApiError("ResourceNotFoundException", f"There is no {arn}.", 404)
    return record


def _tags(params: Record) -> dict[str, str]:
    return dict(params.get("Tags") or {})


def _shown(record: Record, *members: str) -> Record:
    return {key: record[key] for key in members}


def _delete_link(params: Record) -> Record:
    del _links[_found(_links, params["Identifier"])["Arn"]]
    return {}


SINK = ("Arn", "Id", "Name", "Tags")
OPERATIONS: dict[str, Callable[[Record], Record]] = {
    "CreateSink": create_sink,
    "GetSink": lambda params: _shown(_found(_sinks, params["Identifier"]), *SINK),
    "ListSinks": lambda _params: {"Items": [_shown(one, *SINK[:3]) for one in _sinks.values()]},
    "PutSinkPolicy": put_sink_policy,
    "GetSinkPolicy": get_sink_policy,
    "DeleteSink": delete_sink,
    "CreateLink": create_link,
    "GetLink": lambda params: _found(_links, params["Identifier"]),
    "ListLinks": lambda _params: {
        "Items": [_shown(one, "Arn", "Id", "Label", "ResourceTypes", "SinkArn") for one in _links.values()]
    },
    "ListAttachedLinks": list_attached_links,
    "DeleteLink": _delete_link,
}


# ---------------------------------------------------------------- CloudFormation


def _made(operation: str, params: Record) -> Record:
    try:
        return invoke(operation, params, get_account_id())
    except ApiError as error:
        raise ValueError(f"{error.message} (Service: Oam, Error Code: {error.code})") from None


def _policy(properties: Record) -> str:
    policy = properties.get("Policy") or {}
    return policy if isinstance(policy, str) else json.dumps(policy)


def _sink_create(_logical_id: str, properties: Record, _stack: str) -> tuple[str, Record]:
    made = _made("CreateSink", {"Name": properties["Name"], "Tags": _tags(properties)})
    _made("PutSinkPolicy", {"SinkIdentifier": made["Arn"], "Policy": _policy(properties)})
    return made["Arn"], {"Arn": made["Arn"]}


def _sink_update(physical_id: str, _old: Record, new: Record, _stack: str) -> tuple[str, Record]:
    _made("PutSinkPolicy", {"SinkIdentifier": physical_id, "Policy": _policy(new)})
    return physical_id, {"Arn": physical_id}


def _sink_delete(physical_id: str, _properties: Record) -> None:
    if physical_id in _sinks:
        _made("DeleteSink", {"Identifier": physical_id})


def _link_create(_logical_id: str, properties: Record, _stack: str) -> tuple[str, Record]:
    made = _made("CreateLink", {**properties, "Tags": _tags(properties)})
    return made["Arn"], {"Arn": made["Arn"], "Label": made["Label"]}


def _link_update(physical_id: str, _old: Record, new: Record, _stack: str) -> tuple[str, Record]:
    changed = {key: new[key] for key in ("ResourceTypes", "LinkConfiguration") if key in new}
    _links[physical_id] = _found(_links, physical_id) | changed
    return physical_id, {"Arn": physical_id, "Label": get_account_id()}


def _link_delete(physical_id: str, _properties: Record) -> None:
    _links.pop(physical_id, None)


TYPES: dict[str, tuple[Any, Any, Any, tuple[str, ...]]] = {
    "Sink": (_sink_create, _sink_update, _sink_delete, ("Name",)),
    "Link": (_link_create, _link_update, _link_delete, ("LabelTemplate", "SinkIdentifier")),
}
