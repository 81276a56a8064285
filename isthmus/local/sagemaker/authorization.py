"""Which IAM actions, on which resources and under which condition keys, a call of SageMaker is.

As in AWS's service authorization reference. Several resources of one action are alternatives; several checks
must all pass. `cloud` evaluates the policies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import condition_keys, tags
from isthmus.local.sagemaker.arns import Arn, parse
from isthmus.local.sagemaker.cloud import Caller

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
    ("TransformJobName", "transform-job"),
    ("InferenceComponentName", "inference-component"),
    ("EndpointName", "endpoint"),
    ("EndpointConfigName", "endpoint-config"),
    ("ModelName", "model"),
    ("StudioLifecycleConfigName", "studio-lifecycle-config"),
    ("FeatureGroupName", "feature-group"),
    ("TrackingServerName", "mlflow-tracking-server"),
    ("MonitoringScheduleName", "monitoring-schedule"),
    ("Arn", ""),
    ("ResourceArn", ""),
)
# What an operation's name ends with, and the ARN's end by members of the request; `*` where AWS draws an id.
_COMPOSED = {
    "CreateDomain": "domain/*",
    "CreateMlflowApp": "mlflow-app/*",
    "DataQualityJobDefinition": "data-quality-job-definition/{JobDefinitionName}",
    "ModelQualityJobDefinition": "model-quality-job-definition/{JobDefinitionName}",
    "Domain": "domain/{DomainId}",
    "UserProfile": "user-profile/{DomainId}/{UserProfileName}",
    "PresignedDomainUrl": "user-profile/{DomainId}/{UserProfileName}",
    "Space": "space/{DomainId}/{SpaceName}",
    "App": "app/{DomainId}/{Owner}/{AppType}/{AppName}",
}


class Check(NamedTuple):
    """One action that must be allowed on one of `resources`."""

    action: str
    resources: tuple[str, ...]
    context: dict[str, object]


def checks(operation: str, params: Record, account: str, region: str) -> Iterator[Check]:
    """What the caller of an operation must be allowed to do (iam:PassRole is asked where a role is given)."""

    def arn(kind: str, name: str) -> str:
        return name if name.startswith("arn:") else str(Arn(region, account, kind, name.lower()))

    context = condition_keys.of_request(operation, params)
    resources = tuple(_resources(operation, params, arn))
    yield Check(f"sagemaker:{operation}", resources or ("*",), context)
    if operation in ("CreateEndpoint", "UpdateEndpoint"):
        config = arn("endpoint-config", params.get("EndpointConfigName", ""))
        yield Check(f"sagemaker:{operation}", (config,), context)
    if operation.startswith("Create") and params.get("Tags"):
        tagging = {"sagemaker:TaggingAction": operation}
        yield Check("sagemaker:AddTags", resources or ("*",), context | tagging)


def _resources(operation: str, params: Record, arn: Callable[[str, str], str]) -> Iterator[str]:
    group = params.get("ModelPackageGroupName")
    if group and operation in ("CreateModelPackage", "ListModelPackages"):
        found = parse(arn("model-package-group", group))
        if found:
            yield str(found._replace(kind="model-package", name=f"{found.name}/*"))
    if composed := _composed(operation, params):
        kind, _, name = composed.partition("/")
        yield arn(kind, name)
        return
    if operation == "ListMonitoringExecutions":
        # Of whichever schedule: AWS asks it on all.
        return
    for member, kind in _NAMED:
        if isinstance(params.get(member), str):
            yield arn(kind, params[member])
            return


def _composed(operation: str, params: Record) -> str | None:
    """The end of the ARN of what has no single name."""
    pattern = _COMPOSED.get(operation) or next(
        (one for noun, one in _COMPOSED.items() if re.fullmatch(f"[A-Z][a-z]+{noun}", operation)), None
    )
    if pattern is None:
        return None
    return pattern.format_map({"Owner": params.get("SpaceName") or params.get("UserProfileName"), **params})


def require(here: SageMaker, caller: Caller, operation: str, params: Record) -> None:
    """Raise AccessDeniedException unless the caller may make this call."""
    space = here.state.space(caller.account, caller.region)
    studio = condition_keys.of_studio(space, operation, params, caller)
    for check in checks(operation, params, caller.account, caller.region):
        refusal: ApiError | None = None
        for resource in check.resources:
            try:
                require_one(here, caller, check.action, resource, check.context | studio)
                refusal = None
                break
            except ApiError as error:
                refusal = error
        if refusal is not None:
            raise refusal


def require_one(
    here: SageMaker,
    caller: Caller,
    action: str,
    resource: str,
    context: Mapping[str, object] | None = None,
) -> None:
    """Raise AccessDeniedException unless the caller may do this on exactly this resource."""
    known = {**(context or {}), **_resource_tags(here, resource)}
    here.cloud.authorize(caller, action, resource, known, policy_of(here, resource))


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
    found = tags.known(here.state.space(arn.account, arn.region), resource)
    return {f"aws:ResourceTag/{key}": value for key, value in found.items()}
