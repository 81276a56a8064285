"""What all APIs of API Gateway share: a line in the log for each request, and a function that they run."""

from __future__ import annotations

import re

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.function import Function
from isthmus.resource_types import aws_lambda

# What each request leaves in the access log: no header, no token, no row.
LINE = {
    "request": "$context.requestId",
    "time": "$context.requestTime",
    "from": "$context.identity.sourceIp",
    "asked": "$context.httpMethod $context.path",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "refused": "$context.authorizer.error",
}


def function_uri(scope: Construct, function: Function) -> str:
    """How integrations and authorizers name a function."""
    region = Stack.of(scope).region
    return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function.arn}/invocations"


def let_in(scope: Construct, function: Function, api: str, route: str) -> None:
    """Let the API of that id run the function for a route, such as `POST /models/{model}`."""
    path = re.sub(r"\{.*?\}", "*", route.replace(" ", "", 1))
    _permit(scope, "LetIn", function, f"{api}/*/{path}")


def let_authorize(scope: Construct, function: Function, api: str, authorizer: str) -> None:
    """Let the API of that id ask the function who may call."""
    _permit(scope, "LetAuthorize", function, f"{api}/authorizers/{authorizer}")


def _permit(scope: Construct, id_: str, function: Function, source: str) -> None:
    stack = Stack.of(scope)
    permission = aws_lambda.CfnPermission(
        scope,
        id_,
        action="lambda:InvokeFunction",
        function_name=function.arn,
        principal="apigateway.amazonaws.com",
        source_arn=f"arn:aws:execute-api:{stack.region}:{stack.account}:{source}",
    )
    permission.node.add_dependency(function)
