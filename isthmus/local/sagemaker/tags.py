"""Tags of any SageMaker resource, by its ARN."""

from __future__ import annotations

from isthmus.executor.record import Record
from isthmus.local.sagemaker.arns import parse
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import not_found
from isthmus.local.sagemaker.state import Space

_HOMES = {
    "model-package-group": "groups",
    "model-package": "packages",
    "pipeline": "pipelines",
    "processing-job": "processing-job",
    "training-job": "training-job",
    "transform-job": "transform-job",
    "model": "models",
    "endpoint-config": "configs",
    "endpoint": "endpoints",
    "inference-component": "inference-components",
    "domain": "domains",
    "user-profile": "user-profiles",
    "space": "studio-spaces",
    "app": "apps",
    "studio-lifecycle-config": "lifecycle-configs",
    "feature-group": "feature-groups",
    "mlflow-app": "mlflow-app",
    "mlflow-tracking-server": "mlflow-tracking-server",
    "data-quality-job-definition": "data-quality-job-definition",
    "model-quality-job-definition": "model-quality-job-definition",
    "monitoring-schedule": "monitoring-schedule",
}


def put(space: Space, arn: str, tags: list[Record] | None) -> None:
    """Give a new resource its tags."""
    if tags:
        space["tags"][arn] = {tag["Key"]: tag["Value"] for tag in tags}


def drop(space: Space, arn: str) -> None:
    space["tags"].pop(arn, None)


def known(space: Space, arn: str) -> dict[str, str]:
    """A resource's tags; a version uses those of its group (API reference of CreateModelPackage)."""
    found = parse(arn)
    if found and found.kind == "model-package" and "/" in found.name:
        arn = str(found._replace(kind="model-package-group", name=found.name.split("/")[0]))
    tags: dict[str, str] = space["tags"].get(arn, {})
    return tags


def of(space: Space, arn: str) -> list[Record]:
    return [{"Key": key, "Value": value} for key, value in known(space, arn).items()]


def add(call: Call) -> Record:
    arn = _existing(call)
    call.space["tags"].setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in call["Tags"]})
    return {"Tags": of(call.space, arn)}


def delete(call: Call) -> Record:
    arn = _existing(call)
    for key in call["TagKeys"]:
        call.space["tags"].get(arn, {}).pop(key, None)
    return {}


def list_(call: Call) -> Record:
    return {"Tags": of(call.space, _existing(call))}


def _existing(call: Call) -> str:
    arn: str = call["ResourceArn"].lower()
    found = parse(arn)
    if found and found.kind in _HOMES and found.account == call.caller.account:
        name = arn if found.kind == "model-package" else found.name
        if name in call.space[_HOMES[found.kind]]:
            return arn
    raise not_found(f"Resource {call['ResourceArn']} does not exist.")


OPERATIONS: dict[str, Operation] = {"AddTags": add, "DeleteTags": delete, "ListTags": list_}
