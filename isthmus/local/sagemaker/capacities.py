"""UpdateEndpointWeightsAndCapacities: how many instances a variant has, to none where it is asynchronous.

One process stands for all of a variant's instances: the first starts it, and the last stops it.
"""

from __future__ import annotations

import threading

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import endpoints
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.hosts import Host
from isthmus.local.sagemaker.kinds import kind_of
from isthmus.local.sagemaker.serving import NotServing
from isthmus.local.sagemaker.state import now


def update(call: Call) -> Record:
    record = endpoints.find(call, call["EndpointName"])
    if record["EndpointStatus"] != "InService":
        status = record["EndpointStatus"]
        raise invalid(f'Cannot update endpoint "{record["EndpointArn"]}" in status {status}.')
    host = call.here.hosts.by_arn[record["EndpointArn"]]
    for wanted in call["DesiredWeightsAndCapacities"]:
        _want(record, host, wanted)
    record.update(EndpointStatus="Updating", LastModifiedTime=now())
    threading.Thread(target=_settle, args=(call, record, host), daemon=True).start()
    return {"EndpointArn": record["EndpointArn"]}


def _want(record: Record, host: Host, wanted: Record) -> None:
    """Check one variant's wish and write it down."""
    shown = {one["VariantName"]: one for one in record["ProductionVariants"]}
    name = wanted["VariantName"]
    if name not in shown:
        raise invalid(f"Variant {name} of endpoint {record['EndpointName']} not found.")
    count = wanted.get("DesiredInstanceCount")
    if count == 0 and kind_of(record["_plan"]) != "async":
        raise invalid("DesiredInstanceCount must be at least 1 for an endpoint that is not asynchronous.")
    if count is not None:
        shown[name]["DesiredInstanceCount"] = count
    if "DesiredWeight" in wanted:
        shown[name]["DesiredWeight"] = shown[name]["CurrentWeight"] = wanted["DesiredWeight"]
    for plan in [one for one in record["_plan"]["Variants"] if one["VariantName"] == name]:
        # To none it scales again: brought back after a restart, it begins with one.
        plan["InitialInstanceCount"] = max(1, shown[name]["DesiredInstanceCount"])
        plan["InitialVariantWeight"] = shown[name].get("DesiredWeight", 1.0)
        if name in host.live.servers:
            host.live.servers[name].plan["InitialVariantWeight"] = plan["InitialVariantWeight"]


def _settle(call: Call, record: Record, host: Host) -> None:
    """The body of a thread: start or stop the process where the first instance comes or the last goes."""
    variants = record["ProductionVariants"]
    before = sum(one["CurrentInstanceCount"] for one in variants)
    after = sum(one["DesiredInstanceCount"] for one in variants)
    reason = None
    try:
        if before and not after:
            host.live.retire()
        elif after and not before:
            fresh = endpoints.fleet_of(call, record, record["_plan"])
            fresh.start()
            host.live = fresh
    except NotServing as error:
        reason = str(error)
    with call.here.state.lock:
        for one in variants:
            one["CurrentInstanceCount"] = one["DesiredInstanceCount"] if reason is None else before
        record.update(EndpointStatus="InService", LastModifiedTime=now())
        record.pop("FailureReason", None)
        if reason is not None:
            record["FailureReason"] = reason
        endpoints.say(call, record)
    call.here.state.changed()
    if host.backlog is not None:
        host.backlog.work()


OPERATIONS: dict[str, Operation] = {"UpdateEndpointWeightsAndCapacities": update}
