"""The endpoints' API as an HTTP API of API Gateway: what it is unless a firewall or privacy is asked for."""

from __future__ import annotations

import json

from constructs import Construct

from cdk.parts.api import LINE, PATH, SECONDS, Parts, let_in
from isthmus import names
from isthmus.resource_types import aws_apigatewayv2


def http_api(scope: Construct, parts: Parts) -> str:
    """An API without CORS, with one route; returns its URL."""
    azure, api = parts.platform.azure, parts.api
    made = aws_apigatewayv2.CfnApi(
        scope,
        "Http",
        name=names.api(parts.platform),
        protocol_type="HTTP",
        description="Predictions for callers with a token of Entra",
    )
    authorizer = aws_apigatewayv2.CfnAuthorizer(
        scope,
        "Authorizer",
        api_id=made.ref,
        name="entra",
        authorizer_type="JWT",
        identity_source=["$request.header.Authorization"],
        jwt_configuration={"issuer": azure.entra_issuer, "audience": [api.audience]},
    )
    integration = aws_apigatewayv2.CfnIntegration(
        scope,
        "Integration",
        api_id=made.ref,
        integration_type="AWS_PROXY",
        integration_uri=parts.function.arn,
        payload_format_version="2.0",
        timeout_in_millis=SECONDS * 1000,
    )
    aws_apigatewayv2.CfnRoute(
        scope,
        "Route",
        api_id=made.ref,
        route_key=f"POST /{'/'.join(PATH)}",
        authorization_type="JWT",
        authorizer_id=authorizer.ref,
        target=f"integrations/{integration.ref}",
    )
    aws_apigatewayv2.CfnStage(
        scope,
        "Stage",
        api_id=made.ref,
        stage_name="$default",
        auto_deploy=True,
        access_log_settings={"destinationArn": parts.access_log, "format": json.dumps(LINE)},
        default_route_settings={
            "throttlingRateLimit": api.requests_per_second,
            "throttlingBurstLimit": api.burst,
        },
    )
    let_in(scope, parts, made.ref)
    return made.attr_api_endpoint
