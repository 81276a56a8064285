"""Endpoints: created, updated blue/green, rolled back, brought back after a restart."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import events, listing, models, rollout, tags
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.serving import Fleet, NotServing
from isthmus.local.sagemaker.state import now

ALARM_LOOK_SECONDS = 1.0
_VARIANT = ("InitialVariantWeight", "InitialInstanceCount", "ContainerStartupHealthCheckTimeoutInSeconds")


@dataclass
class Host:
    """What serves an endpoint now: `live`, and during an update `green` with a share of the requests."""

    live: Fleet
    green: Fleet | None = None
    share: float = 0.0
    deleted: threading.Event = field(default_factory=threading.Event)

    def fleet(self) -> Fleet:
        green = self.green
        if green is not None and random.random() < self.share:  # noqa: S311
            return green
        return self.live


@dataclass
class Hosts:
    """The endpoints that are served by this process, by ARN."""

    by_arn: dict[str, Host] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)

    def stop_all(self) -> None:
        """Stop every endpoint's processes at once, and wait for them; nothing of it is recorded."""
        self.closing.set()
        fleets = [fleet for host in self.by_arn.values() for fleet in (host.live, host.green) if fleet]
        threads = [threading.Thread(target=fleet.stop) for fleet in fleets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.by_arn.clear()


def create(call: Call) -> Record:
    name: str = call["EndpointName"]
    arn = call.space.arn("endpoint", name)
    if name.lower() in call.space["endpoints"]:
        raise invalid(f"Cannot create already existing endpoint {arn!r}.")
    plan = _plan(call, call["EndpointConfigName"])
    record = {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": call["EndpointConfigName"],
        "EndpointStatus": "Creating",
        **call.signed(),
        "_plan": plan,
    }
    if "DeploymentConfig" in call.params:
        record["LastDeploymentConfig"] = call["DeploymentConfig"]
    call.space["endpoints"][name.lower()] = record
    tags.put(call.space, arn, call.get("Tags"))
    _say(call, record)
    bring_up(call, record, _host(call, record))
    return {"EndpointArn": arn}


def _plan(call: Call, config_name: str) -> Record:
    """All that starting the endpoint's processes needs, whatever is deleted afterwards."""
    config = models.find_config(call, config_name)
    variants = []
    for variant in config["ProductionVariants"]:
        model = models.find(call, variant["ModelName"])
        kept = {key: variant[key] for key in _VARIANT if key in variant}
        identity = {
            "VariantName": variant["VariantName"],
            "Role": model["ExecutionRoleArn"],
            "Isolated": model["EnableNetworkIsolation"],
        }
        variants.append({**kept, **model["_container"], **identity})
    return {"Config": config_name, "Variants": variants, "Capture": config.get("DataCaptureConfig")}


def _fleet(call: Call, record: Record, plan: Record) -> Fleet:
    return Fleet(call.here, call.caller.account, call.caller.region, record["EndpointName"], plan)


def _host(call: Call, record: Record) -> Host:
    host = Host(_fleet(call, record, record["_plan"]))
    call.here.hosts.by_arn[record["EndpointArn"]] = host
    return host


def bring_up(call: Call, record: Record, host: Host) -> None:
    """Start what serves an endpoint, in a thread; the record tells how it went."""
    threading.Thread(target=_create, args=(call, record, host), daemon=True).start()


def _create(call: Call, record: Record, host: Host) -> None:
    """The body of a thread: start the fleet, then InService or Failed."""
    reason = None
    try:
        host.live.start()
    except NotServing as error:
        reason = str(error)
    if host.deleted.is_set() or call.here.hosts.closing.is_set():
        host.live.stop()
        return
    with call.here.state.lock:
        if reason is None:
            record.update(_deployed(record["_plan"]))
            record.pop("FailureReason", None)
        else:
            record["FailureReason"] = reason
        record.update(EndpointStatus="Failed" if reason else "InService", LastModifiedTime=now())
        _say(call, record)
    call.here.state.changed()


def _deployed(plan: Record) -> Record:
    variants = []
    for variant in plan["Variants"]:
        count, weight = variant.get("InitialInstanceCount", 1), variant.get("InitialVariantWeight", 1.0)
        image = {
            "SpecifiedImage": variant["Image"],
            "ResolvedImage": variant["Image"],
            "ResolutionTime": now(),
        }
        variants.append(
            {
                "VariantName": variant["VariantName"],
                "DeployedImages": [image],
                "CurrentWeight": weight,
                "DesiredWeight": weight,
                "CurrentInstanceCount": count,
                "DesiredInstanceCount": count,
            }
        )
    capture = plan.get("Capture")
    shown: Record = {"ProductionVariants": variants, "EndpointConfigName": plan["Config"]}
    if capture:
        enabled = capture.get("EnableCapture", True)
        shown["DataCaptureConfig"] = {
            "EnableCapture": enabled,
            "CaptureStatus": "Started" if enabled else "Stopped",
            "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
            "DestinationS3Uri": capture["DestinationS3Uri"],
            "KmsKeyId": capture.get("KmsKeyId", ""),
        }
    return shown


def _say(call: Call, record: Record) -> None:
    given = tags.of(call.space, record["EndpointArn"])
    events.endpoint_changed(call.here.cloud, call.space, record, given)


def find(call: Call, name: str) -> Record:
    record = call.space["endpoints"].get(name.lower())
    if record is None:
        raise invalid(f'Could not find endpoint "{call.space.arn("endpoint", name)}".')
    return record


def describe(call: Call) -> Record:
    return find(call, call["EndpointName"])


def list_(call: Call) -> Record:
    records = call.space["endpoints"].values()
    return listing.page(call, records, "Endpoints", name="EndpointName", status="EndpointStatus")


def delete(call: Call) -> Record:
    record = find(call, call["EndpointName"])
    del call.space["endpoints"][record["EndpointName"].lower()]
    record.update(EndpointStatus="Deleting", LastModifiedTime=now())
    _say(call, record)
    tags.drop(call.space, record["EndpointArn"])
    host = call.here.hosts.by_arn.pop(record["EndpointArn"], None)
    if host is not None:
        host.deleted.set()
        for fleet in (host.live, host.green):
            if fleet is not None:
                threading.Thread(target=fleet.retire, daemon=True).start()
    return {}


# ---- update: the old fleet serves until the new one is healthy and has proved itself


def update(call: Call) -> Record:
    record = find(call, call["EndpointName"])
    if record["EndpointStatus"] != "InService":
        status = record["EndpointStatus"]
        raise invalid(f'Cannot update endpoint "{record["EndpointArn"]}" in status {status}.')
    plan = _plan(call, call["EndpointConfigName"])
    config = call.get("DeploymentConfig")
    if config is None and call.get("RetainDeploymentConfig"):
        config = record.get("LastDeploymentConfig")
    host = call.here.hosts.by_arn[record["EndpointArn"]]
    record.update(
        EndpointStatus="Updating", LastModifiedTime=now(), LastModifiedBy=call.caller.user_context()
    )
    record["PendingDeploymentSummary"] = _pending(plan, "Creating")
    _say(call, record)
    threading.Thread(target=_update, args=(call, record, host, plan, config), daemon=True).start()
    return {"EndpointArn": record["EndpointArn"]}


def _pending(plan: Record, status: str) -> Record:
    moment = now()
    variants = [
        {"VariantName": one["VariantName"], "VariantStatus": [{"Status": status, "StartTime": moment}]}
        for one in plan["Variants"]
    ]
    return {"EndpointConfigName": plan["Config"], "ProductionVariants": variants, "StartTime": moment}


def _update(call: Call, record: Record, host: Host, plan: Record, config: Record | None) -> None:
    """The body of a thread: start the new fleet, shift the traffic, and keep the new or the old."""
    green = _fleet(call, record, plan)
    reason = None
    try:
        host.green, host.share = green, 0.0
        _announce(call, record, plan, "Creating")
        green.start()
        _shift(call, record, host, plan, config)
    except NotServing as error:
        reason = str(error)
    if host.deleted.is_set() or call.here.hosts.closing.is_set():
        green.stop()
        return
    loser = host.live if reason is None else green
    with call.here.state.lock:
        if reason is None:
            host.live = green
            record.update(_deployed(plan), _plan=plan)
            record.pop("FailureReason", None)
            if config is not None:
                record["LastDeploymentConfig"] = config
        else:
            record["FailureReason"] = reason
        host.green, host.share = None, 0.0
        record.pop("PendingDeploymentSummary", None)
        record.update(EndpointStatus="InService", LastModifiedTime=now())
        _say(call, record)
    call.here.state.changed()
    loser.retire()


def _shift(call: Call, record: Record, host: Host, plan: Record, config: Record | None) -> None:
    """Give the new fleet more and more of the traffic; raises `NotServing` when an alarm goes off."""
    instances = sum(one.get("InitialInstanceCount", 1) for one in plan["Variants"])
    for share, seconds in rollout.stages(config, instances):
        host.share = share
        _announce(call, record, plan, "ActivatingTraffic")
        _announce(call, record, plan, "Baking")
        _bake(call, host, config, seconds)


def _bake(call: Call, host: Host, config: Record | None, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        for name in rollout.alarms(config):
            if call.here.cloud.alarm_state(call.caller.account, call.caller.region, name) == "ALARM":
                raise NotServing(f"One or more configured alarm(s) are in ALARM state: {name}. Rolled back.")
        left = deadline - time.monotonic()
        if left <= 0 or host.deleted.wait(min(left, ALARM_LOOK_SECONDS)):
            return


def _announce(call: Call, record: Record, plan: Record, status: str) -> None:
    with call.here.state.lock:
        if "PendingDeploymentSummary" in record:
            record["PendingDeploymentSummary"] = _pending(plan, status)
        names = {one["VariantName"]: status for one in plan["Variants"]}
        events.deployment_changed(call.here.cloud, call.space, record, plan["Config"], names)


def returning(call: Call) -> Iterator[tuple[Record, Host]]:
    """What an earlier process served, to be brought up again; an update that it had begun is forgotten."""
    for record in call.space["endpoints"].values():
        if record["EndpointStatus"] in ("InService", "Creating", "Updating"):
            if record["EndpointStatus"] == "Updating":
                record["FailureReason"] = "The local SageMaker was stopped during the update."
                record.pop("PendingDeploymentSummary", None)
                record["EndpointStatus"] = "InService"
            yield record, _host(call, record)


OPERATIONS: dict[str, Operation] = {
    "CreateEndpoint": create,
    "DescribeEndpoint": describe,
    "ListEndpoints": list_,
    "UpdateEndpoint": update,
    "DeleteEndpoint": delete,
}
