"""Agent pools and queues: the one pool whose agents run every job here, and each project's queue into it."""

from __future__ import annotations

from isthmus.local.azure_devops.call import Call
from isthmus.local.azure_devops.faults import Fault
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document

NAME, NUMBER = "Azure Pipelines", 1


def pools(call: Call) -> list[Document]:
    wanted = call.query.get("poolname", "").lower()
    return [_pool(call.organization)] if wanted in ("", NAME.lower()) else []


def pool(call: Call) -> Document:
    _require(call, "poolId", "TaskAgentPoolNotFoundException", "Agent pool")
    return _pool(call.organization)


def agents(call: Call) -> list[Document]:
    """As many as jobs run at a time."""
    pool(call)
    return [
        {
            "id": number,
            "name": f"Local Agent {number}",
            "version": "4.0.0",
            "osDescription": "this machine",
            "enabled": True,
            "status": "online",
        }
        for number in range(1, call.organization.settings.parallel_jobs + 1)
    ]


def queues(call: Call) -> list[Document]:
    wanted = call.query.get("queuename", "").lower()
    return [_queue(call)] if wanted in ("", NAME.lower()) else []


def queue(call: Call) -> Document:
    _require(call, "queueId", "TaskAgentQueueNotFoundException", "Agent queue")
    return _queue(call)


def _require(call: Call, parameter: str, kind: str, noun: str) -> None:
    if call.id(parameter) != NUMBER:
        raise Fault(404, kind, f"{noun} {call.path[parameter]} was not found.")


def _queue(call: Call) -> Document:
    """A TaskAgentQueue."""
    reference = {key: _pool(call.organization)[key] for key in ("id", "name", "isHosted", "poolType", "size")}
    return {"id": NUMBER, "projectId": call.project["id"], "name": NAME, "pool": reference}


def _pool(organization: Organization) -> Document:
    """A TaskAgentPool."""
    return {
        "id": NUMBER,
        "name": NAME,
        "isHosted": True,
        "poolType": "automation",
        "size": organization.settings.parallel_jobs,
        "isLegacy": False,
        "autoProvision": True,
        "autoUpdate": True,
        "options": "none",
        "scope": organization.settings.organization_id,
    }


_POOL = "_apis/distributedtask/pools/{poolId}"
RESOURCES = [
    Resource(
        "a8c47e17-4d56-4a56-92bb-de7ea7dc65be",
        "distributedtask",
        "pools",
        _POOL,
        collection={"GET": pools},
        item={"GET": pool},
    ),
    Resource(
        "e298ef32-5878-4cab-993c-043836571f42",
        "distributedtask",
        "agents",
        _POOL + "/agents",
        collection={"GET": agents},
    ),
    Resource(
        "900fa995-c559-4923-aae7-f8424fe4fbea",
        "distributedtask",
        "queues",
        "{project}/_apis/distributedtask/queues/{queueId}",
        collection={"GET": queues},
        item={"GET": queue},
    ),
]
