"""API Gateway's data plane where ministack is laxer than AWS, or silent.

An API is reached by its id whoever calls, and not only from the account that a key names; a function is run
only where its own policy lets API Gateway in; an HTTP API's stage throttles; a stage with access logs has
them written. Tokens are the business of `api_tokens`.
"""

from __future__ import annotations

import functools
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import request_scope
from ministack.services import apigateway, apigateway_v1, cloudwatch_logs, lambda_svc
from ministack.services.cloudformation import provisioners

Answer = tuple[int, dict[str, Any], bytes]
Execute = Callable[..., Awaitable[Any]]
PRINCIPAL = "apigateway.amazonaws.com"
_create_api = provisioners._apigw_v2_api_create


def install(url: str) -> None:
    """`url` is where this AWS answers: an HTTP API's endpoint is a path below it, which any client finds."""
    for module, apis in ((apigateway, apigateway._apis), (apigateway_v1, apigateway_v1._rest_apis)):
        module.find_api_scope = functools.partial(_scope_of, apis)
    apigateway._invoke_lambda_proxy = _throttled(_if_let_in(apigateway._invoke_lambda_proxy, _refusal_v2))
    apigateway._invoke_request_authorizer_lambda = _asked_if_let(apigateway._invoke_request_authorizer_lambda)
    apigateway_v1._invoke_lambda_proxy_v1 = _if_let_in(apigateway_v1._invoke_lambda_proxy_v1, _refusal_v1)
    apigateway._handle_execute_in_scope = _logged(apigateway._handle_execute_in_scope, _stage_v2)
    apigateway_v1._handle_execute_in_scope = _logged(apigateway_v1._handle_execute_in_scope, _stage_v1)
    provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]["create"] = functools.partial(_reachable, url)


def _scope_of(apis: Any, api: str) -> tuple[str, str] | None:
    """The account and region of the API of that id, which is unique in the world."""
    return next(((account, region) for (account, region, one), _ in apis.all_items() if one == api), None)


def _reachable(url: str, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    api, attributes = _create_api(logical_id, properties, stack)
    endpoint = f"{url}/_aws/execute-api/{api}/$default"
    apigateway._apis[api]["apiEndpoint"] = endpoint
    return api, attributes | {"ApiEndpoint": endpoint}


# ---------------------------------------------------------------- functions


def _refusal_v2() -> Answer:
    return 500, {"Content-Type": "application/json"}, b'{"message":"Internal Server Error"}'


def _refusal_v1() -> Any:
    return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")


def _if_let_in(invoke: Execute, refusal: Callable[[], Any]) -> Execute:
    """Invoke the function if its policy allows that to API Gateway for this route; else AWS answers 500."""

    async def checked(integration: dict[str, Any], api: str, stage: str, *rest: Any, **scope: Any) -> Any:
        uri = integration.get("integrationUri") or integration.get("uri", "")
        route = _route(api, stage, rest)
        if not _lets_in(uri, route, scope["owner_account_id"], scope["owner_region"]):
            return refusal()
        return await invoke(integration, api, stage, *rest, **scope)

    return checked


def _asked_if_let(invoke: Execute) -> Execute:
    """Ask an HTTP API's authorizer if its policy allows that to API Gateway; else it has not answered."""

    async def checked(authorizer: dict[str, Any], event: dict[str, Any], account: str, region: str) -> Any:
        source = f"{event['requestContext']['apiId']}/authorizers/{authorizer['authorizerId']}"
        if not _lets_in(authorizer.get("authorizerUri", ""), source, account, region):
            return None
        return await invoke(authorizer, event, account, region)

    return checked


def _route(api: str, stage: str, rest: tuple[Any, ...]) -> str:
    """`api/stage/METHOD/path`, with the route's own path: its variables are not filled in."""
    if isinstance(rest[0], dict):
        _, resource, _, method = rest[:4]
        return f"{api}/{stage}/{method}{resource['path']}"
    key = rest[5] if len(rest) > 5 else "$default"
    return f"{api}/{stage}/{key.replace(' ', '', 1)}"


def _lets_in(uri: str, route: str, account: str, region: str) -> bool:
    function = apigateway._extract_lambda_ref_from_integration_uri(uri)
    with request_scope(account, region):
        policy = lambda_svc.function_policy_for_arn(function)
    context = EvalContext(
        principal_arn=PRINCIPAL,
        principal_type="Service",
        principal_account=account,
        action="lambda:InvokeFunction",
        resource_arn=function,
        region=region,
        service_context={
            "aws:sourcearn": f"arn:aws:execute-api:{region}:{account}:{route}",
            "aws:sourceaccount": account,
        },
    )
    return policy is not None and evaluate_resource_policy(policy[0], context, PRINCIPAL).decision == "Allow"


# ---------------------------------------------------------------- throttling of HTTP APIs


def _throttled(invoke: Execute) -> Execute:
    async def limited(integration: dict[str, Any], api: str, stage: str, *rest: Any, **scope: Any) -> Any:
        settings = (_stage_v2(api, stage) or {}).get("defaultRouteSettings") or {}
        settings = provisioners._pascal_to_camel(settings)
        limits = {"rateLimit": settings.get("throttlingRateLimit")}
        limits |= {"burstLimit": settings.get("throttlingBurstLimit")}
        if not apigateway_v1._take_token(("http", api, stage), limits):
            return 429, {"Content-Type": "application/json"}, b'{"message":"Too Many Requests"}'
        return await invoke(integration, api, stage, *rest, **scope)

    return limited


# ---------------------------------------------------------------- access logs


def _stage_v2(api: str, stage: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = apigateway._stages.get(api, {}).get(stage)
    return found


def _stage_v1(api: str, stage: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = apigateway_v1._stages_v1.get(api, {}).get(stage)
    return found


def _logged(execute: Execute, stage_of: Callable[[str, str], dict[str, Any] | None]) -> Execute:
    async def logged(*arguments: Any) -> Any:
        begun = time.time()
        answer = await execute(*arguments)
        api, stage = arguments[:2]
        settings = (stage_of(api, stage) or {}).get("accessLogSettings")
        if settings:
            _write(settings, _context(arguments, stage_of is _stage_v1, answer, begun))
        return answer

    return logged


def _context(arguments: tuple[Any, ...], is_rest: bool, answer: Answer, begun: float) -> dict[str, str]:
    """The `$context` variables that are known here."""
    api, stage = arguments[:2]
    method, path = (arguments[2], arguments[3]) if is_rest else (arguments[3], arguments[2])
    return {
        "requestId": str(uuid.uuid4()),
        "apiId": api,
        "stage": stage,
        "httpMethod": method,
        "path": path,
        "protocol": "HTTP/1.1",
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(begun)),
        "responseLatency": str(round((time.time() - begun) * 1000)),
        "responseLength": str(len(answer[2])),
        "status": str(answer[0]),
        "identity.sourceIp": "127.0.0.1",
    }


def _write(settings: Mapping[str, str], context: Mapping[str, str]) -> None:
    group = settings["destinationArn"].split(":log-group:", 1)[1].removesuffix(":*")
    record = cloudwatch_logs._log_groups.get(group)
    if record is None:
        return
    line = re.sub(r"\$context\.([\w.]+)", lambda found: context.get(found[1], "-"), settings["format"])
    stream = f"{context['apiId']}/{context['stage']}"
    if stream not in record["streams"]:
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    events = [{"timestamp": int(time.time() * 1000), "message": line}]
    cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": events})
