"""The endpoints' API as a REST API of API Gateway: with a firewall in front, or reached from a VPC only.

Its JWT authorizer is younger than the schemas that CDK and cfn-lint know:
https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-jwt-authorizer.html
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.api import PATH, ROUTE, SECONDS, Parts
from cdk.parts.api_gateway import LINE, function_uri, let_in
from cdk.parts.excuse import excuse
from cdk.parts.grants import Principal, allow, allow_principal, document, log_arn, make_role
from cdk.parts.keys import Key
from cdk.parts.logs import log_group
from cdk.parts.network import Network
from isthmus import names
from isthmus.resource_types import aws_apigateway, aws_logs

STAGE = "live"
API_GATEWAY: Principal = ({"Service": "apigateway.amazonaws.com"}, {})


def rest_api(scope: Construct, parts: Parts, logs: Key, network: Network | None) -> str:
    """An API with one method, reached from `network` only where one is given; returns its URL."""
    stack = Stack.of(scope)
    made = aws_apigateway.CfnRestApi(
        scope,
        "Rest",
        name=names.api(parts.platform),
        description="Predictions for callers with a token of Entra",
        endpoint_configuration={"types": ["PRIVATE" if network else "REGIONAL"]},
        policy=_from_vpc(network.vpc) if network else None,
    )
    method = _method(scope, parts, made)
    stage = _stage(scope, parts, made, method)
    stage.add_resource_dependency(_execution_log(scope, parts, made.ref, logs))
    stage.add_resource_dependency(_account(scope, parts))
    if parts.api.waf:
        from cdk.parts.firewall import firewall

        arn = f"arn:aws:apigateway:{stack.region}::/restapis/{made.ref}/stages/{stage.ref}"
        firewall(scope, parts.platform, parts.api, arn, logs)
    if network and parts.platform.network.mode == "managed":
        from cdk.parts.private_access import private_access

        private_access(scope, parts.platform, parts.stage, parts.api, network, made.ref)
    let_in(scope, parts.function, made.ref, ROUTE)
    return f"https://{made.ref}.execute-api.{stack.region}.amazonaws.com/{STAGE}"


def _from_vpc(vpc: str) -> dict[str, Any]:
    """Whoever has a token may call, from inside the VPC."""
    anyone: Principal = ({"AWS": "*"}, {"StringEquals": {"aws:SourceVpc": vpc}})
    return document(allow_principal(anyone, "execute-api:Invoke", "execute-api:/*"))


def _method(scope: Construct, parts: Parts, api: aws_apigateway.CfnRestApi) -> aws_apigateway.CfnMethod:
    parent = api.attr_root_resource_id
    for number, part in enumerate(PATH):
        parent = aws_apigateway.CfnResource(
            scope, f"Path{number}", rest_api_id=api.ref, parent_id=parent, path_part=part
        ).ref
    validator = aws_apigateway.CfnRequestValidator(
        scope, "Validator", rest_api_id=api.ref, validate_request_body=True, validate_request_parameters=True
    )
    return aws_apigateway.CfnMethod(
        scope,
        "Method",
        rest_api_id=api.ref,
        resource_id=parent,
        http_method="POST",
        authorization_type="JWT",
        authorizer_id=_authorizer(scope, parts, api.ref),
        request_validator_id=validator.ref,
        request_parameters={"method.request.header.Content-Type": True},
        integration={
            "type": "AWS_PROXY",
            "integrationHttpMethod": "POST",
            "uri": function_uri(scope, parts.function),
            "timeoutInMillis": SECONDS * 1000,
        },
    )


def _authorizer(scope: Construct, parts: Parts, api: str) -> str:
    azure = parts.platform.azure
    authorizer = aws_apigateway.CfnAuthorizer(
        scope,
        "Authorizer",
        rest_api_id=api,
        name="entra",
        type="JWT",
        identity_source="method.request.header.Authorization",
    )
    issuer = {"Issuer": azure.entra_issuer, "Audiences": [parts.api.audience]}
    believes = {"DefaultAlgorithms": ["RS256"], "Issuers": [issuer]}
    authorizer.add_property_override("JwtConfiguration", believes)
    reason = "a JWT authorizer of a REST API is younger than the schemas, and than the rule to take Cognito's"
    excuse(authorizer, reason, "CloudFormation-Validate::F3002", "E3002")
    excuse(scope, reason, "AwsSolutions-COG4")
    return authorizer.ref


def _stage(
    scope: Construct, parts: Parts, api: aws_apigateway.CfnRestApi, method: aws_apigateway.CfnMethod
) -> aws_apigateway.CfnStage:
    deployment = aws_apigateway.CfnDeployment(scope, f"Deployment{_digest(parts)}", rest_api_id=api.ref)
    deployment.add_resource_dependency(method)
    stage = aws_apigateway.CfnStage(
        scope,
        "Stage",
        rest_api_id=api.ref,
        deployment_id=deployment.ref,
        stage_name=STAGE,
        access_log_setting={"destinationArn": parts.access_log, "format": json.dumps(LINE)},
        tracing_enabled=True,
        method_settings=[
            {
                "httpMethod": "*",
                "resourcePath": "/*",
                "loggingLevel": "ERROR",
                # Rows and predictions are in no log.
                "dataTraceEnabled": False,
                "metricsEnabled": True,
                "throttlingRateLimit": parts.api.requests_per_second,
                "throttlingBurstLimit": parts.api.burst,
            }
        ],
    )
    excuse(
        stage,
        "predictions are never cached; behind is a function, which asks for no certificate; without a "
        "firewall the API is private",
        "CKV_AWS_120",
        "NIST.800.53.R5-APIGWCacheEnabledAndEncrypted",
        "NIST.800.53.R5-APIGWSSLEnabled",
        *(() if parts.api.waf else ("AwsSolutions-APIG3", "NIST.800.53.R5-APIGWAssociatedWithWAF")),
    )
    return stage


def _digest(parts: Parts) -> str:
    """Of all that a deployment is a picture of: where that changes, a new one is made."""
    content = [parts.api.model_dump_json(), parts.platform.azure.entra_issuer, Path(__file__).read_text()]
    return hashlib.sha256("\0".join(content).encode()).hexdigest()[:8]


def _execution_log(scope: Construct, parts: Parts, api: str, logs: Key) -> aws_logs.CfnLogGroup:
    """Where API Gateway says what went wrong; it would make the group itself, unencrypted and for ever."""
    return log_group(scope, "ExecutionLog", parts.platform, f"API-Gateway-Execution-Logs_{api}/{STAGE}", logs)


def _account(scope: Construct, parts: Parts) -> aws_apigateway.CfnAccount:
    """Let API Gateway write logs: a setting of the account and region, which it has once."""
    stack = Stack.of(scope)
    role = make_role(
        scope,
        "Logging",
        names.api_logging_role(parts.platform),
        trust=API_GATEWAY,
        description="API Gateway, for its logs",
        statements=[
            allow(
                [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:GetLogEvents",
                    "logs:FilterLogEvents",
                    "logs:PutLogEvents",
                ],
                [
                    log_arn(stack, "API-Gateway-Execution-Logs_*"),
                    f"{log_arn(stack, names.api_log(parts.platform))}:*",
                ],
            ),
            allow("logs:DescribeLogGroups", log_arn(stack, "*")),
        ],
    )
    return aws_apigateway.CfnAccount(scope, "Account", cloud_watch_role_arn=role.attr_arn)
