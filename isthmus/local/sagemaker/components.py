"""Inference components: models that share the instances of one endpoint, each with a process of its own.

Document: SageMaker's API reference, CreateInferenceComponent and what goes with it. Adapters, which need a
large model to adapt, and specifications by instance type are refused. Memory and processors are not counted:
this machine has those that it has. `component_updates` has how a component changes.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import NamedTuple

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import endpoints, listing, models, tags
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.hosts import Host
from isthmus.local.sagemaker.kinds import takes_components
from isthmus.local.sagemaker.serving import NotServing
from isthmus.local.sagemaker.state import Space, now

TABLE = "inference-components"


class Component(NamedTuple):
    """A component to be brought up, by what serves it."""

    call: Call
    record: Record
    host: Host

    def bring_up(self) -> None:
        """Start what serves it, in a thread; the record tells how it went."""
        threading.Thread(target=_create, args=self, daemon=True).start()


def create(call: Call) -> Record:
    name: str = call["InferenceComponentName"]
    arn = call.space.arn("inference-component", name)
    if name.lower() in call.space[TABLE]:
        raise invalid(f'Cannot create already existing inference component "{arn}".')
    endpoint = endpoints.find(call, call["EndpointName"])
    if endpoint["EndpointStatus"] != "InService":
        raise invalid(
            f'Cannot create an inference component on endpoint "{endpoint["EndpointArn"]}" in status '
            f"{endpoint['EndpointStatus']}."
        )
    variant = _variant(call, endpoint)
    copies = call.get("RuntimeConfig", {}).get("CopyCount", 1)
    specification = copy.deepcopy(call.get("Specification"))
    record = {
        "InferenceComponentName": name,
        "InferenceComponentArn": arn,
        "EndpointName": endpoint["EndpointName"],
        "EndpointArn": endpoint["EndpointArn"],
        "VariantName": variant,
        "RuntimeConfig": {"DesiredCopyCount": copies, "CurrentCopyCount": 0},
        "InferenceComponentStatus": "Creating",
        **call.signed(),
        "_plan": plan_of(call, name, endpoint, variant, specification, copies),
    }
    record["Specification"] = shown(record["_plan"])
    call.space[TABLE][name.lower()] = record
    tags.put(call.space, arn, call.get("Tags"))
    Component(call, record, _host(call, record)).bring_up()
    return {"InferenceComponentArn": arn}


def _variant(call: Call, endpoint: Record) -> str:
    """The variant that is to host it: the one that is named, else the only one there is."""
    planned = {one["VariantName"]: one for one in endpoint["_plan"]["Variants"]}
    name: str = call.get("VariantName") or next(iter(planned))
    if name not in planned:
        raise invalid(f"Variant {name} of endpoint {endpoint['EndpointName']} not found.")
    if "Image" in planned[name]:
        raise invalid(
            f"Variant {name} of endpoint {endpoint['EndpointName']} has a model: inference components "
            "are for variants without ModelName."
        )
    return name


def plan_of(
    call: Call, name: str, endpoint: Record, variant: str, specification: Record | None, copies: int
) -> Record:
    """All that starting the component's process needs, whatever is deleted afterwards."""
    if call.get("Specifications") or not specification:
        raise invalid("Specification must be given; Specifications are not supported by the local SageMaker.")
    if specification.get("BaseInferenceComponentName"):
        raise invalid("BaseInferenceComponentName is not supported by the local SageMaker.")
    if not specification.get("ComputeResourceRequirements"):
        raise invalid("ComputeResourceRequirements must be given for an inference component with a model.")
    return {
        "Specification": specification,
        "Variants": [
            {
                "VariantName": variant,
                "Component": name,
                "InitialInstanceCount": copies,
                **_serves(call, endpoint, specification),
                **specification.get("StartupParameters", {}),
            }
        ],
    }


def _serves(call: Call, endpoint: Record, specification: Record) -> Record:
    """The container, and whom it acts as: the model's role, or without a model the endpoint's."""
    container: Record = specification.get("Container", {})
    if ("ModelName" in specification) == bool(container):
        raise invalid("Specification must have exactly one of ModelName and Container.")
    config = endpoint["_plan"]
    if not container:
        model = models.find(call, specification["ModelName"])
        isolated = model["EnableNetworkIsolation"] or config.get("Isolated", False)
        return {**model["_container"], "Role": model["ExecutionRoleArn"], "Isolated": isolated}
    if not container.get("Image"):
        raise invalid("The container has no Image.")
    return {
        "Image": container["Image"],
        "ModelDataUrl": container.get("ArtifactUrl"),
        "Environment": container.get("Environment", {}),
        "Role": config["Role"],
        "Isolated": config.get("Isolated", False),
    }


def shown(plan: Record) -> Record:
    """A specification as DescribeInferenceComponent tells it."""
    specification: Record = copy.deepcopy(plan["Specification"])
    if container := specification.get("Container"):
        image = container.pop("Image")
        container["DeployedImage"] = {
            "SpecifiedImage": image,
            "ResolvedImage": image,
            "ResolutionTime": now(),
        }
    return specification


def _host(call: Call, record: Record) -> Host:
    host = Host(endpoints.fleet_of(call, record, record["_plan"]))
    call.here.hosts.by_arn[record["InferenceComponentArn"]] = host
    return host


def _create(call: Call, record: Record, host: Host) -> None:
    """The body of a thread: start its process, then InService or Failed."""
    reason = None
    try:
        if record["RuntimeConfig"]["DesiredCopyCount"]:
            host.live.start()
    except NotServing as error:
        reason = str(error)
    if host.deleted.is_set() or call.here.hosts.closing.is_set():
        host.live.stop()
        return
    with call.here.state.lock:
        settle(record, reason)
        record["InferenceComponentStatus"] = "Failed" if reason else "InService"
    call.here.state.changed()


def settle(record: Record, reason: str | None) -> None:
    """Write down how a change ended: `reason` is why it failed."""
    record.pop("FailureReason", None)
    runtime = record["RuntimeConfig"]
    if reason is None:
        runtime["CurrentCopyCount"] = runtime["DesiredCopyCount"]
    else:
        record["FailureReason"] = reason
    record.update(InferenceComponentStatus="InService", LastModifiedTime=now())


def find(call: Call, name: str) -> Record:
    record = call.space[TABLE].get(name.lower())
    if record is None:
        arn = call.space.arn("inference-component", name)
        raise invalid(f'Could not find inference component "{arn}".')
    return record


def describe(call: Call) -> Record:
    return find(call, call["InferenceComponentName"])


def list_(call: Call) -> Record:
    return listing.page(
        call,
        call.space[TABLE].values(),
        "InferenceComponents",
        name="InferenceComponentName",
        status="InferenceComponentStatus",
    )


def delete(call: Call) -> Record:
    record = find(call, call["InferenceComponentName"])
    del call.space[TABLE][record["InferenceComponentName"].lower()]
    tags.drop(call.space, record["InferenceComponentArn"])
    call.here.hosts.drop(record["InferenceComponentArn"])
    return {}


def behind(space: Space, endpoint: str) -> list[str]:
    """The names of the components of an endpoint."""
    each = space[TABLE].values()
    return [one["InferenceComponentName"] for one in each if one["EndpointName"].lower() == endpoint.lower()]


def delete_endpoint(call: Call) -> Record:
    """DeleteEndpoint, which SageMaker refuses while there are components of the endpoint."""
    record = endpoints.find(call, call["EndpointName"])
    if takes_components(record["_plan"]) and (names := behind(call.space, record["EndpointName"])):
        raise invalid(
            f'Cannot delete endpoint "{record["EndpointArn"]}": it has inference components: '
            f"{', '.join(names)}."
        )
    return endpoints.delete(call)


def returning(call: Call) -> Iterator[Component]:
    """What an earlier process served; an update that it had begun is forgotten."""
    for record in call.space[TABLE].values():
        if record["InferenceComponentStatus"] != "Failed":
            yield Component(call, record, _host(call, record))


OPERATIONS: dict[str, Operation] = {
    "CreateInferenceComponent": create,
    "DescribeInferenceComponent": describe,
    "ListInferenceComponents": list_,
    "DeleteInferenceComponent": delete,
    "DeleteEndpoint": delete_endpoint,
}
