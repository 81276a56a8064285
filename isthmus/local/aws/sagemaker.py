"""Puts our SageMaker (`isthmus.local.sagemaker`) into ministack: routing, state, and IAM.

Identity policies, the registry's resource policies and iam:PassRole are evaluated by ministack's evaluator;
this file says which action on which resource a request is.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import ministack.services
from ministack import app as ministack_app
from ministack.core import iam_actions, iam_evaluator, router
from ministack.core.responses import get_account_id, get_region

from isthmus.local.aws.settings import Settings

# The member of a request that names the resource, and how its ARN goes on. The first that is there counts.
RESOURCES = (
    ("ModelPackageName", "model-package"),
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
ROLES = ("RoleArn", "ExecutionRoleArn")


def install(settings: Settings) -> None:
    from isthmus.local.sagemaker import service

    service.configure(settings)
    sys.modules["ministack.services.sagemaker"] = service
    ministack.services.sagemaker = service  # type: ignore[attr-defined]
    ministack_app._loaded_modules["sagemaker"] = service
    ministack_app._state_map["sagemaker"] = "sagemaker"
    ministack_app.SERVICE_HANDLERS["sagemaker"] = _handle
    # Before S3, whose pattern takes every path.
    patterns = {"target_prefixes": ["SageMaker."], "path_patterns": [r"^/endpoints/[^/]+/invocations$"]}
    router.SERVICE_PATTERNS = {"sagemaker": patterns, **router.SERVICE_PATTERNS}
    iam_actions.SERVICE_TO_IAM_NAMESPACE["sagemaker"] = "sagemaker"
    iam_actions.extract_iam_action = _action_of(iam_actions.extract_iam_action)
    iam_actions.extract_resource_arn = _resource_of(iam_actions.extract_resource_arn)
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["sagemaker"] = ("sagemaker", "group_policy_for_arn")


async def _handle(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> tuple[int, dict[str, str], bytes]:
    from isthmus.local.sagemaker import service

    refusal = _may_pass_roles(headers, body, query)
    if refusal is not None:
        return refusal
    answer: tuple[int, dict[str, str], bytes] = await service.handle_request(
        method, path, headers, body, query
    )
    return answer


def _may_pass_roles(
    headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> tuple[int, dict[str, str], bytes] | None:
    if not headers.get("x-amz-target", "").startswith(("SageMaker.Create", "SageMaker.Update")):
        return None
    request = _json(body)
    for role in (request[name] for name in ROLES if isinstance(request.get(name), str)):
        denied = iam_evaluator.enforce(
            router.extract_access_key_id(headers, query),
            "iam:PassRole",
            "iam",
            get_region(),
            resource_arn=role,
            service_context={"iam:PassedToService": "sagemaker.amazonaws.com"},
        )
        if denied:
            who = getattr(denied, "principal_arn", "")
            message = f"User: {who} is not authorized to perform: iam:PassRole on resource: {role}"
            error = {"__type": "AccessDeniedException", "message": message}
            return 403, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(error).encode()
    return None


def _action_of(inner: Any) -> Any:
    def extract(service: str, method: str, path: str, *rest: Any) -> Any:
        if service == "sagemaker" and path.startswith("/endpoints/"):
            return "sagemaker:InvokeEndpoint"
        return inner(service, method, path, *rest)

    return extract


def _resource_of(inner: Any) -> Any:
    def extract(
        service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str, account: str
    ) -> Any:
        if service != "sagemaker":
            return inner(service, method, path, headers, body, query, region, account)
        if path.startswith("/endpoints/"):
            return _arn("endpoint", path.split("/")[2])
        return _named_resource(_json(body))

    return extract


def _named_resource(request: dict[str, Any]) -> str:
    for member, noun in RESOURCES:
        value = request.get(member)
        if isinstance(value, str) and value:
            return value if value.startswith("arn:") else _arn(noun, value)
    return "*"


def _arn(noun: str, name: str) -> str:
    # SageMaker's ARNs are in lower case, whatever the case of the name.
    return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{noun}/{name.lower()}"


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
