"""Glue's interactive sessions, which ministack lacks: kept, listed, stopped, deleted; no Spark runs in them.

Everything else of Glue is ministack's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, error_response_json, json_response
from ministack.services import glue

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
Record = dict[str, Any]
_sessions: Any = AccountRegionScopedDict()


def install(handlers: dict[str, Handler]) -> None:
    glue._ALL_STATE["isthmus_sessions"] = _sessions
    handlers["glue"] = _with_sessions(handlers["glue"])


def _with_sessions(inner: Handler) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        operation = OPERATIONS.get(headers.get("x-amz-target", "").removeprefix("AWSGlue."))
        if operation is None:
            return await inner(method, path, headers, body, query)
        try:
            answer: Answer = json_response(operation(json.loads(body or b"{}")))
        except KeyError as missing:
            answer = error_response_json("EntityNotFoundException", f"No session {missing}", 400)
        except ValueError as wrong:
            answer = error_response_json("IllegalSessionStateException", str(wrong), 400)
        return answer

    return handle


def _create(params: Mapping[str, Any]) -> Record:
    kept = {key: value for key, value in params.items() if key not in ("Tags", "RequestOrigin")}
    session = {**kept, "Status": "READY", "CreatedOn": round(time.time(), 3)}
    _sessions[params["Id"]] = session
    return {"Session": session}


def _stop(params: Mapping[str, Any]) -> Record:
    session = _sessions[params["Id"]]
    if session["Status"] != "READY":
        raise ValueError(f"Session {params['Id']} is {session['Status']}")
    session.update({"Status": "STOPPED", "CompletedOn": round(time.time(), 3)})
    return {"Id": params["Id"]}


def _delete(params: Mapping[str, Any]) -> Record:
    if _sessions[params["Id"]]["Status"] == "READY":
        raise ValueError(f"Session {params['Id']} is READY")
    del _sessions[params["Id"]]
    return {"Id": params["Id"]}


def _list(_params: Mapping[str, Any]) -> Record:
    sessions = list(_sessions.values())
    return {"Ids": [one["Id"] for one in sessions], "Sessions": sessions}


OPERATIONS: dict[str, Callable[[Mapping[str, Any]], Record]] = {
    "CreateSession": _create,
    "GetSession": lambda params: {"Session": _sessions[params["Id"]]},
    "ListSessions": _list,
    "StopSession": _stop,
    "DeleteSession": _delete,
}
