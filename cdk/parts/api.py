"""The endpoints' API: who has a token of Entra, and no AWS key, asks models for predictions.

`POST /models/{model}/predictions`. API Gateway's own JWT authorizer checks each token, and no code of ours;
the function behind it (`gateway/`) asks whether the caller has the role, and then the endpoint.

It is an HTTP API, the quicker and cheaper of API Gateway's products. That one has neither WAF nor private
endpoints (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-vs-rest.html), so with
`api.waf` or `api.private` it is a REST API, with the same authorizer, path and function. Neither product can
ask an endpoint without a function and tell a model's refusal from its failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from cdk.parts.function import Function
from cdk.parts.grants import allow, sagemaker
from cdk.parts.keys import USE, Keys
from cdk.parts.logs import log_group
from cdk.parts.network import Network
from cdk.parts.platform_tag import of_platform
from isthmus import names
from isthmus.config import Api, Platform, Stage

CODE = Path(__file__).parents[2] / "gateway"
# API Gateway waits no longer for a function.
SECONDS = 29
PATH = ("models", "{model}", "predictions")
ROUTE = f"POST /{'/'.join(PATH)}"


@dataclass(frozen=True)
class Parts:
    """What either kind of API is made of."""

    platform: Platform
    stage: Stage
    api: Api
    function: Function
    access_log: str


def endpoints_api(
    scope: Construct, platform: Platform, stage: Stage, api: Api, keys: Keys, network: Network | None
) -> None:
    """The account's API; its URL is the stack's output `ApiUrl`. A private one is called from the network."""
    inside = Construct(scope, "Api")
    access_log = log_group(inside, "AccessLog", platform, names.api_log(platform), keys.logs)
    parts = Parts(platform, stage, api, _function(inside, platform, api, keys), access_log.attr_arn)
    if api.waf or api.private:
        from cdk.parts.rest_api import rest_api

        url = rest_api(inside, parts, keys.logs, network if api.private else None)
    else:
        from cdk.parts.http_api import HttpApi, http_api

        made = HttpApi(
            name=names.api(platform),
            description="Predictions for callers with a token of Entra",
            route=ROUTE,
            function=parts.function,
            seconds=SECONDS,
            access_log=parts.access_log,
            rate=api.requests_per_second,
            burst=api.burst,
        )
        url = http_api(inside, made, _tokens_of_entra(platform, api))
    CfnOutput(Stack.of(scope), "ApiUrl", value=url, description="POST <this>/models/<model>/predictions")


def _tokens_of_entra(platform: Platform, api: Api) -> dict[str, Any]:
    return {
        "name": "entra",
        "authorizer_type": "JWT",
        "identity_source": ["$request.header.Authorization"],
        "jwt_configuration": {"issuer": platform.azure.entra_issuer, "audience": [api.audience]},
    }


def _function(scope: Construct, platform: Platform, api: Api, keys: Keys) -> Function:
    """The gateway: it may ask endpoints that are tagged as the platform's, and nothing else."""
    name = names.gateway(platform)
    keys.messages.allow_roles(USE, name)
    return Function(
        scope,
        "Gateway",
        name,
        platform,
        code=CODE,
        handler="gateway.handler.handle",
        description="Asks endpoints for callers of the API",
        seconds=SECONDS,
        environment={
            "ROLE": api.role,
            "RESERVED_IDS": names.GATE_PREFIX,
            "SHARED_ENDPOINTS": " ".join(
                names.shared_endpoint(one.name) for one in platform.shared_endpoints
            ),
        },
        statements=[
            allow(
                "sagemaker:InvokeEndpoint",
                sagemaker(Stack.of(scope), "endpoint/*", "inference-component/*"),
                of_platform(platform),
            )
        ],
        keys=keys,
    )
