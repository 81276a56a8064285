"""Models and endpoint configurations: what an endpoint is made of."""

from __future__ import annotations

import copy

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import groups, kinds, listing, networking, packages, tags
from isthmus.local.sagemaker.call import Call, Operation


def create(call: Call) -> Record:
    name: str = call["ModelName"]
    arn = call.space.arn("model", name)
    if name.lower() in call.space["models"]:
        raise invalid(f"Cannot create already existing model {arn!r}.")
    if "ExecutionRoleArn" not in call.params:
        raise invalid("ExecutionRoleArn must be given.")
    call.pass_role(call["ExecutionRoleArn"])
    if call.get("VpcConfig"):
        role = call.here.cloud.assume(call["ExecutionRoleArn"], call.caller.region, "SageMaker")
        networking.require(call, role, call["VpcConfig"])
    given = call.get("PrimaryContainer") or (call.get("Containers") or [None])[0]
    if given is None or len(call.get("Containers") or []) > 1:
        raise invalid("Exactly one container must be given: PrimaryContainer, or one of Containers.")
    call.space["models"][name.lower()] = {
        "ModelName": name,
        "ModelArn": arn,
        "EnableNetworkIsolation": call.get("EnableNetworkIsolation", False),
        **copy.deepcopy(call.given("PrimaryContainer", "Containers", "ExecutionRoleArn", "VpcConfig")),
        **call.signed(),
        "_container": _resolved(call, given),
    }
    tags.put(call.space, arn, call.get("Tags"))
    return {"ModelArn": arn}


def _resolved(call: Call, given: Record) -> Record:
    """Image, model data and environment: given, or those of the model package that is named."""
    environment = dict(given.get("Environment", {}))
    source = given
    if "ModelPackageName" in given:
        source = _packaged(call, given["ModelPackageName"])
        environment = source.get("Environment", {}) | environment
    url = source.get("ModelDataUrl")
    url = url or source.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
    if not source.get("Image"):
        raise invalid("The container has no Image.")
    return {"Image": source["Image"], "ModelDataUrl": url, "Environment": environment}


def _packaged(call: Call, name: str) -> Record:
    """The container of a model package; another account's only as far as its group's policy goes."""
    space, package = packages.find(call, name)
    group = package.get("ModelPackageGroupName")
    owner = groups.find(call, space.arn("model-package-group", group))[1] if group else {}
    if space.account != call.caller.account:
        call.here.cloud.authorize(
            call.caller, "sagemaker:CreateModel", package["ModelPackageArn"], None, owner.get("_policy")
        )
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    if len(containers) != 1:
        raise invalid(f"ModelPackage {package['ModelPackageArn']} has {len(containers)} containers, not one.")
    container: Record = containers[0]
    return container


def find(call: Call, name: str) -> Record:
    record = call.space["models"].get(name.lower())
    if record is None:
        raise invalid(f'Could not find model "{call.space.arn("model", name)}".')
    return record


def describe(call: Call) -> Record:
    return find(call, call["ModelName"])


def list_(call: Call) -> Record:
    return listing.page(call, call.space["models"].values(), "Models", name="ModelName")


def delete(call: Call) -> Record:
    record = find(call, call["ModelName"])
    del call.space["models"][record["ModelName"].lower()]
    tags.drop(call.space, record["ModelArn"])
    return {}


# ---- endpoint configurations


def create_config(call: Call) -> Record:
    name: str = call["EndpointConfigName"]
    arn = call.space.arn("endpoint-config", name)
    if name.lower() in call.space["configs"]:
        raise invalid(f"Cannot create already existing endpoint configuration {arn!r}.")
    variants = [*call["ProductionVariants"], *call.get("ShadowProductionVariants", [])]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        raise invalid("Production variant names must be unique.")
    kinds.require(call)
    for variant in variants:
        _complete(call, variant)
    if call.get("ExplainerConfig"):
        raise invalid("ExplainerConfig is not supported by the local SageMaker.")
    given = call.given(
        "ProductionVariants",
        "ShadowProductionVariants",
        "DataCaptureConfig",
        "AsyncInferenceConfig",
        "KmsKeyId",
        "ExecutionRoleArn",
        "EnableNetworkIsolation",
        "VpcConfig",
    )
    if role := call.get("ExecutionRoleArn"):
        call.pass_role(role)
    call.space["configs"][name.lower()] = {
        "EndpointConfigName": name,
        "EndpointConfigArn": arn,
        **copy.deepcopy(given),
        **call.signed(),
    }
    tags.put(call.space, arn, call.get("Tags"))
    return {"EndpointConfigArn": arn}


def _complete(call: Call, variant: Record) -> None:
    """Check a variant, and fill in what SageMaker takes for granted."""
    serverless = "ServerlessConfig" in variant
    if not (serverless or "InstanceType" in variant):
        raise invalid(
            f"Production variant {variant['VariantName']} has neither InstanceType nor ServerlessConfig: "
            "only those run here."
        )
    if "ModelName" in variant:
        kinds.require_model(variant, find(call, variant["ModelName"]))
    variant.setdefault("InitialVariantWeight", 1.0)
    if not serverless:
        variant.setdefault("InitialInstanceCount", 1)


def find_config(call: Call, name: str) -> Record:
    record = call.space["configs"].get(name.lower())
    if record is None:
        arn = call.space.arn("endpoint-config", name)
        raise invalid(f'Could not find endpoint configuration "{arn}".')
    return record


def describe_config(call: Call) -> Record:
    return find_config(call, call["EndpointConfigName"])


def list_configs(call: Call) -> Record:
    return listing.page(call, call.space["configs"].values(), "EndpointConfigs", name="EndpointConfigName")


def delete_config(call: Call) -> Record:
    record = find_config(call, call["EndpointConfigName"])
    del call.space["configs"][record["EndpointConfigName"].lower()]
    tags.drop(call.space, record["EndpointConfigArn"])
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateModel": create,
    "DescribeModel": describe,
    "ListModels": list_,
    "DeleteModel": delete,
    "CreateEndpointConfig": create_config,
    "DescribeEndpointConfig": describe_config,
    "ListEndpointConfigs": list_configs,
    "DeleteEndpointConfig": delete_config,
}
