"""Endpoints: created, listed, deleted, brought back after a restart.

`updates` has how they change, `components` what inference components do on them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import events, listing, models, tags
from isthmus.local.sagemaker.asynchronous import Backlog
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.fleet import Fleet
from isthmus.local.sagemaker.hosts import Host
from isthmus.local.sagemaker.kinds import kind_of, takes_components
from isthmus.local.sagemaker.serving import NotServing
from isthmus.local.sagemaker.state import now

_VARIANT = (
    "InitialVariantWeight",
    "InitialInstanceCount",
    "InstanceType",
    "ServerlessConfig",
    "ContainerStartupHealthCheckTimeoutInSeconds",
    "ManagedInstanceScaling",
    "RoutingConfig",
)


def create(call: Call) -> Record:
    name: str = call["EndpointName"]
    arn = call.space.arn("endpoint", name)
    if name.lower() in call.space["endpoints"]:
        raise invalid(f"Cannot create already existing endpoint {arn!r}.")
    plan = plan_of(call, call["EndpointConfigName"])
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
    say(call, record)
    bring_up(call, record, _host(call, record))
    return {"EndpointArn": arn}


def plan_of(call: Call, config_name: str) -> Record:
    """All that starting the endpoint's processes needs, whatever is deleted afterwards."""
    config = models.find_config(call, config_name)
    plan = {
        "Config": config_name,
        "Variants": _variants(call, config_name, config["ProductionVariants"]),
        "Shadows": _variants(call, config_name, config.get("ShadowProductionVariants", [])),
        "Capture": config.get("DataCaptureConfig"),
    }
    if takes_components(config):
        plan |= {"Role": config["ExecutionRoleArn"], "Isolated": config.get("EnableNetworkIsolation", False)}
    return plan | {key: config[key] for key in ("AsyncInferenceConfig",) if key in config}


def _variants(call: Call, config_name: str, given: list[Record]) -> list[Record]:
    variants = []
    for variant in given:
        kept = {key: variant[key] for key in _VARIANT if key in variant}
        if "ModelName" not in variant:
            # Inference components come onto its instances.
            variants.append(kept | {"VariantName": variant["VariantName"], "Config": config_name})
            continue
        model = models.find(call, variant["ModelName"])
        identity = {
            "VariantName": variant["VariantName"],
            "Config": config_name,
            "Role": model["ExecutionRoleArn"],
            "Isolated": model["EnableNetworkIsolation"],
        }
        variants.append({**kept, **model["_container"], **identity})
    return variants


def fleet_of(call: Call, record: Record, plan: Record) -> Fleet:
    """What serves the plan of an endpoint, or of a component on one."""
    return Fleet(call.here, call.caller.account, call.caller.region, record["EndpointName"], plan)


def _host(call: Call, record: Record) -> Host:
    host = Host(fleet_of(call, record, record["_plan"]))
    call.here.hosts.by_arn[record["EndpointArn"]] = host
    if kind_of(record["_plan"]) == "async":
        host.backlog = Backlog(call.here, call.caller.account, call.caller.region, record, host)
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
            record.update(deployed(record["_plan"]))
            record.pop("FailureReason", None)
        else:
            record["FailureReason"] = reason
        record.update(EndpointStatus="Failed" if reason else "InService", LastModifiedTime=now())
        say(call, record)
    call.here.state.changed()
    if host.backlog is not None:
        host.backlog.work()


def deployed(plan: Record) -> Record:
    capture = plan.get("Capture")
    shown: Record = {
        "ProductionVariants": _shown(plan["Variants"]),
        "EndpointConfigName": plan["Config"],
    }
    if shadows := plan.get("Shadows"):
        shown["ShadowProductionVariants"] = _shown(shadows)
    if "AsyncInferenceConfig" in plan:
        shown["AsyncInferenceConfig"] = plan["AsyncInferenceConfig"]
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


def _shown(planned: list[Record]) -> list[Record]:
    variants: list[Record] = []
    for variant in planned:
        count, weight = variant.get("InitialInstanceCount", 1), variant.get("InitialVariantWeight", 1.0)
        serves = {
            "VariantName": variant["VariantName"],
            "CurrentWeight": weight,
            "DesiredWeight": weight,
        }
        if image := variant.get("Image"):
            deployed = {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now()}
            serves["DeployedImages"] = [deployed]
        for member in ("ManagedInstanceScaling", "RoutingConfig"):
            if member in variant:
                serves[member] = variant[member]
        if serverless := variant.get("ServerlessConfig"):
            count, serves = 0, serves | {"CurrentServerlessConfig": serverless}
        variants.append(serves | {"CurrentInstanceCount": count, "DesiredInstanceCount": count})
    return variants


def say(call: Call, record: Record) -> None:
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
    say(call, record)
    tags.drop(call.space, record["EndpointArn"])
    call.here.hosts.drop(record["EndpointArn"])
    return {}


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
}
