"""An HTTP API of API Gateway with one route to one function, behind an authorizer; throttled and logged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from constructs import Construct

from cdk.parts.api_gateway import LINE, let_authorize, let_in
from cdk.parts.function import Function
from isthmus.resource_types import aws_apigatewayv2


@dataclass(frozen=True)
class HttpApi:
    """`route` is such as `POST /models/{model}`, `access_log` a log group's ARN, `rate` requests a second."""

    name: str
    description: str
    route: str
    function: Function
    seconds: int
    access_log: str
    rate: int
    burst: int


def http_api(scope: Construct, what: HttpApi, authorizer: dict[str, Any]) -> str:
    """An API without CORS, whose callers the authorizer (its properties) knows; returns its URL."""
    made = aws_apigatewayv2.CfnApi(
        scope, "Http", name=what.name, protocol_type="HTTP", description=what.description
    )
    asked = aws_apigatewayv2.CfnAuthorizer(scope, "Authorizer", api_id=made.ref, **authorizer)
    is_jwt = authorizer["authorizer_type"] == "JWT"
    integration = aws_apigatewayv2.CfnIntegration(
        scope,
        "Integration",
        api_id=made.ref,
        integration_type="AWS_PROXY",
        integration_uri=what.function.arn,
        payload_format_version="2.0",
        timeout_in_millis=what.seconds * 1000,
    )
    aws_apigatewayv2.CfnRoute(
        scope,
        "Route",
        api_id=made.ref,
        route_key=what.route,
        authorization_type="JWT" if is_jwt else "CUSTOM",
        authorizer_id=asked.ref,
        target=f"integrations/{integration.ref}",
    )
    aws_apigatewayv2.CfnStage(
        scope,
        "Stage",
        api_id=made.ref,
        stage_name="$default",
        auto_deploy=True,
        access_log_settings={"destinationArn": what.access_log, "format": json.dumps(LINE)},
        default_route_settings={"throttlingRateLimit": what.rate, "throttlingBurstLimit": what.burst},
    )
    let_in(scope, what.function, made.ref, what.route)
    if not is_jwt:
        let_authorize(scope, what.function, made.ref, asked.ref)
    return made.attr_api_endpoint
