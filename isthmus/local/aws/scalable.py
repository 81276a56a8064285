"""What Application Auto Scaling scales of SageMaker's: a variant's instances, a component's copies."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region

from isthmus.executor.refusals import ApiError

Record = dict[str, Any]
INSTANCES = "sagemaker:variant:DesiredInstanceCount"
COPIES = "sagemaker:inference-component:DesiredCopyCount"
logger = logging.getLogger("isthmus.scaling")


@dataclass(frozen=True)
class Scalable:
    """How many there should be of it now, and whether that may be none.

    `predefined` is what a policy calls `metric`, how much each of them is asked; `request` makes of a number
    the request of `operation`, which sets it.
    """

    resource: str
    count: int
    to_none: bool
    predefined: str
    metric: str
    dimensions: Mapping[str, str]
    operation: str
    request: Callable[[int], Record]

    @property
    def arn(self) -> str:
        """Whose permissions say who may scale it."""
        kind, name = self.resource.split("/")[:2]
        return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{kind}/{name}"

    def require_tracked(self, policy: Record) -> None:
        """Raise where a policy asks for a predefined metric that is another's."""
        config = policy.get("TargetTrackingScalingPolicyConfiguration", {})
        named = config.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType", self.predefined)
        if named != self.predefined:
            raise ApiError("ValidationException", f"{named} is not a metric of {self.resource} here.")

    def asked(self) -> Record:
        """The predefined metric, as an alarm has it."""
        return {
            "Namespace": "AWS/SageMaker",
            "MetricName": self.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions.items()],
            "Statistic": "Sum",
        }

    def scale(self, count: int) -> None:
        """Off this thread: SageMaker's lock may be held by one that waits for AWS."""

        def change(account: str, region: str) -> None:
            from ministack.core.responses import request_scope

            with request_scope(account, region):
                try:
                    _sagemaker(self.operation, **self.request(count))
                except ApiError as error:
                    logger.warning("%s was not scaled to %d: %s", self.resource, count, error.message)

        threading.Thread(target=change, args=(get_account_id(), get_region()), daemon=True).start()


def find(resource: str, dimension: str) -> Scalable:
    """Raises `ApiError` where there is none of the name, or its dimension is another."""
    match resource.split("/"):
        case ["endpoint", endpoint, "variant", variant] if dimension == INSTANCES:
            return _variant(resource, endpoint, variant)
        case ["inference-component", component] if dimension == COPIES:
            return _component(resource, component)
    raise ApiError("ValidationException", f"{resource} has no scalable dimension {dimension} here.")


def _variant(resource: str, endpoint: str, name: str) -> Scalable:
    """Only an endpoint with a queue may have no instances."""
    found = _sagemaker("DescribeEndpoint", EndpointName=endpoint)
    variants = {one["VariantName"]: one for one in found.get("ProductionVariants", [])}
    if name not in variants:
        raise ApiError("ValidationException", f"No variant exists for resource ID: {resource}")

    def request(count: int) -> Record:
        wanted = {"VariantName": name, "DesiredInstanceCount": count}
        return {"EndpointName": endpoint, "DesiredWeightsAndCapacities": [wanted]}

    return Scalable(
        resource,
        variants[name]["DesiredInstanceCount"],
        "AsyncInferenceConfig" in found,
        "SageMakerVariantInvocationsPerInstance",
        "InvocationsPerInstance",
        {"EndpointName": endpoint, "VariantName": name},
        "UpdateEndpointWeightsAndCapacities",
        request,
    )


def _component(resource: str, name: str) -> Scalable:
    try:
        found = _sagemaker("DescribeInferenceComponent", InferenceComponentName=name)
    except ApiError as error:
        raise ApiError("ValidationException", error.message) from None
    return Scalable(
        resource,
        found["RuntimeConfig"]["DesiredCopyCount"],
        True,
        "SageMakerInferenceComponentInvocationsPerCopy",
        "InvocationsPerCopy",
        {"InferenceComponentName": name},
        "UpdateInferenceComponentRuntimeConfig",
        lambda count: {"InferenceComponentName": name, "DesiredRuntimeConfig": {"CopyCount": count}},
    )


def _sagemaker(operation: str, **request: Any) -> Record:
    """A call as the service-linked role, which may do this and no more."""
    from isthmus.local.sagemaker import service
    from isthmus.local.sagemaker.cloud import Caller

    account = get_account_id()
    caller = Caller(account, get_region(), f"arn:aws:iam::{account}:root", account)
    answer: Record = service.here().invoke(operation, request, caller)
    return answer
