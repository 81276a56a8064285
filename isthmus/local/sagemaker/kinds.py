"""The kinds of endpoints, by their configuration, and what SageMaker refuses of each and between them.

Realtime has instances; serverless has none; asynchronous has instances and an AsyncInferenceConfig.
Documents: SageMaker's developer guide, "Serverless Inference", feature exclusions; UpdateEndpoint's refusals.
"""

from __future__ import annotations

from typing import Literal

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker.call import Call

Kind = Literal["realtime", "serverless", "async"]
_INSTANCES = ("InstanceType", "InitialInstanceCount", "VolumeSizeInGB", "ManagedInstanceScaling")


def kind_of(config: Record) -> Kind:
    """The kind of an endpoint configuration, or of what an endpoint has been deployed from."""
    if config.get("AsyncInferenceConfig"):
        return "async"
    variants = config.get("ProductionVariants") or config.get("Variants") or []
    return "serverless" if any("ServerlessConfig" in one for one in variants) else "realtime"


def takes_components(config: Record) -> bool:
    """Whether inference components come onto it, as it has no model of its own; `config` as in `kind_of`."""
    if "ProductionVariants" in config:
        return any("ModelName" not in one for one in config["ProductionVariants"])
    return any("Image" not in one for one in config.get("Variants", []))


def require(call: Call) -> None:
    """Raise a ValidationException for what SageMaker does not have of the kind that is asked for."""
    kind = kind_of(call.params)
    if takes_components(call.params):
        _require_components(call, kind)
        return
    if kind == "realtime":
        _require_shadow(call)
        return
    if len(call["ProductionVariants"]) > 1 or call.get("ShadowProductionVariants"):
        raise invalid(f"{kind.capitalize()} endpoints have exactly one production variant.")
    if kind == "serverless":
        if call.get("AsyncInferenceConfig"):
            raise invalid("AsyncInferenceConfig is not supported for serverless endpoints.")
        _require_serverless(call, call["ProductionVariants"][0])


def _require_components(call: Call, kind: Kind) -> None:
    """Of variants without a model; that they capture, AWS's documents do not say."""
    if kind != "realtime":
        raise invalid(f"Production variants of {kind} endpoints must have a ModelName.")
    if any("ModelName" in one for one in call["ProductionVariants"]):
        raise invalid("Either all production variants have a ModelName or none has: it is for components.")
    if not call.get("ExecutionRoleArn"):
        raise invalid("ExecutionRoleArn must be given where production variants have no ModelName.")
    for member in ("ShadowProductionVariants", "DataCaptureConfig"):
        if call.get(member):
            raise invalid(f"{member} is not supported by the local SageMaker beside inference components.")


def _require_shadow(call: Call) -> None:
    """CreateEndpointConfig, ShadowProductionVariants: with it, one variant of each."""
    shadows = call.get("ShadowProductionVariants")
    if shadows and (len(shadows) > 1 or len(call["ProductionVariants"]) > 1):
        raise invalid("With ShadowProductionVariants there is one of them, and one production variant.")


def _require_serverless(call: Call, variant: Record) -> None:
    for member in ("DataCaptureConfig", "ExplainerConfig", "VpcConfig", "EnableNetworkIsolation"):
        if call.get(member):
            raise invalid(f"{member} is not supported for serverless endpoints.")
    for member in _INSTANCES:
        if member in variant:
            raise invalid(f"{member} and ServerlessConfig cannot both be given.")
    asked = variant["ServerlessConfig"]
    if asked.get("ProvisionedConcurrency", 0) > asked["MaxConcurrency"]:
        raise invalid("ProvisionedConcurrency must be less than or equal to MaxConcurrency.")
    if asked["MemorySizeInMB"] % 1024:
        raise invalid("MemorySizeInMB must be a multiple of 1024.")


def require_model(variant: Record, model: Record) -> None:
    """Raise a ValidationException where a serverless variant's model needs what serverless has not."""
    if "ServerlessConfig" not in variant:
        return
    if model.get("VpcConfig"):
        raise invalid("VpcConfig is not supported for models of serverless endpoints.")
    if model.get("EnableNetworkIsolation"):
        raise invalid("Network isolation is not supported for models of serverless endpoints.")


def require_change(name: str, old: Record, new: Record) -> None:
    """Raise a ValidationException where UpdateEndpoint does not make one kind of the other."""
    if takes_components(old) != takes_components(new):
        raise invalid(f"Endpoint {name} cannot be changed between models and inference components.")
    before, after = kind_of(old), kind_of(new)
    if before == after or (before, after) == ("serverless", "realtime"):
        return
    if before == "async":
        raise invalid(f"The AsyncInferenceConfig parameter cannot be removed from this endpoint {name}.")
    if after == "async":
        raise invalid(f"The AsyncInferenceConfig parameter cannot be added to this endpoint {name}.")
    raise invalid(f"Endpoint {name} has instances: it cannot be updated to a serverless endpoint.")
