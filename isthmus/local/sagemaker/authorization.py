"""Which IAM actions, on which resources and under which condition keys, a call of SageMaker is.

As in AWS's service authorization reference. Several resources of one action are alternatives; several checks
must all pass. `cloud` evaluates the policies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from isthmus.local.sagemaker.arns import Arn, parse
from isthmus.local.sagemaker.cloud import Caller
from isthmus.local.sagemaker.wire import ApiError, Record

if TYPE_CHECKING:
    from isthmus.local.sagemaker.sagemaker import SageMaker

# What an operation's name ends with, the member that names it, and the kind its ARN has.
_NAMED = (
    ("ModelPackageName", "model-package"),
    ("ModelPackageArn", "model-package"),
    ("ModelPackageGroupName", "model-package-group"),
    ("PipelineExecutionArn", "pipeline"),
    ("PipelineName", "pipeline"),
    ("ProcessingJobName", "processing-job"),
    ("TrainingJobName", "training-job"),
    ("EndpointName", "endpoint"),
    ("EndpointConfigName", "endpoint-config"),
    ("ModelName", "model"),
    ("ResourceArn", ""),
)


class Check(NamedTuple):
    """One action that must be allowed on one of `resources`."""

    action: str
    resources: tuple[str, ...]
    context: dict[str, object]


def checks(operation: str, params: Record, account: str, region: str) -> Iterator[Check]:
    """What the caller of an operation must be allowed to do (iam:PassRole is asked where a role is given)."""

    def arn(kind: str, name: str) -> str:
        return name if name.startswith("arn:") else str(Arn(region, account, kind, name.lower()))

    context = _context(params)
    resources = tuple(_resources(operation, params, arn))
    yield Check(f"sagemaker:{operation}", resources or ("*",), context)
    if operation in ("CreateEndpoint", "UpdateEndpoint"):
        config = arn("endpoint-config", params.get("EndpointConfigName", ""))
        yield Check(f"sagemaker:{operation}", (config,), context)
    if operation.startswith("Create") and params.get("Tags"):
        yield Check("sagemaker:AddTags", resources or ("*",), context)


def _resources(operation: str, params: Record, arn: Callable[[str, str], str]) -> Iterator[str]:
    group = params.get("ModelPackageGroupName")
    if group and operation in ("CreateModelPackage", "ListModelPackages"):
        found = parse(arn("model-package-group", group))
        if found:
            yield str(found._replace(kind="model-package", name=f"{found.name}/*"))
    for member, kind in _NAMED:
        if isinstance(params.get(member), str):
            yield arn(kind, params[member])
            return


def _context(params: Record) -> dict[str, object]:
    context: dict[str, object] = {}
    if params.get("ModelApprovalStatus"):
        context["sagemaker:ModelApprovalStatus"] = params["ModelApprovalStatus"]
    cycle = params.get("ModelLifeCycle") or {}
    for member, key in (("Stage", "stage"), ("StageStatus", "stageStatus")):
        if member in cycle:
            context[f"sagemaker:ModelLifeCycle:{key}"] = cycle[member]
    for key, value in (params.get("CustomerMetadataProperties") or {}).items():
        context[f"sagemaker:CustomerMetadataProperties/{key}"] = value
    tags = params.get("Tags")
    if isinstance(tags, list):
        context |= {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags}
        context["aws:TagKeys"] = [tag["Key"] for tag in tags]
    elif params.get("TagKeys"):
        context["aws:TagKeys"] = params["TagKeys"]
    return context


def require(here: SageMaker, caller: Caller, operation: str, params: Record) -> None:
    """Raise AccessDeniedException unless the caller may make this call."""
    for check in checks(operation, params, caller.account, caller.region):
        refusal: ApiError | None = None
        for resource in check.resources:
            context = check.context | _resource_tags(here, resource)
            try:
                here.cloud.authorize(caller, check.action, resource, context, policy_of(here, resource))
                refusal = None
                break
            except ApiError as error:
                refusal = error
        if refusal is not None:
            raise refusal


def policy_of(here: SageMaker, resource: str) -> str | None:
    """The policy of the model package group that a resource is, or belongs to."""
    arn = parse(resource)
    if arn is None or arn.kind not in ("model-package", "model-package-group"):
        return None
    group = here.state.space(arn.account, arn.region)["groups"].get(arn.name.split("/")[0])
    policy: str | None = group.get("_policy") if group else None
    return policy


def _resource_tags(here: SageMaker, resource: str) -> dict[str, object]:
    arn = parse(resource)
    if arn is None:
        return {}
    tags = here.state.space(arn.account, arn.region)["tags"].get(resource, {})
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
