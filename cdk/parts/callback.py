"""The bridge's HTTPS route: jobs in Azure DevOps that hold no agent say here which execution they wait for.

Whoever has a token of such a job may call; `bridge/callback.py` asks Azure DevOps whether it is one. The
route's function remembers the job and tells the bridge by the bus, and has no other way into anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.api_gateway import function_uri
from cdk.parts.bus import say_as
from cdk.parts.function import Function
from cdk.parts.grants import Statement, allow, sagemaker
from cdk.parts.http_api import HttpApi, http_api
from cdk.parts.keys import USE, Keys
from cdk.parts.logs import log_group
from cdk.parts.tables import table
from isthmus import names
from isthmus.config import Platform
from isthmus.resource_types import aws_ssm

# Azure DevOps waits twenty seconds for an answer.
SECONDS = 15
ROUTE = "POST /jobs"
# One request for each build; many more are none of ours.
RATE, BURST = 5, 10


def waiting_table(scope: Construct, platform: Platform, keys: Keys) -> str:
    """The table of the jobs that wait; returns its ARN."""
    stack, name = Stack.of(scope), names.waiting(platform)
    table(scope, "Waiting", name, key=keys.messages.arn)
    return f"arn:aws:dynamodb:{stack.region}:{stack.account}:table/{name}"


def read_executions(scope: Construct) -> Statement:
    """Ask how an execution fares; it has no tags that IAM could ask for."""
    return allow(
        ["sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"],
        sagemaker(Stack.of(scope), "pipeline/*/execution/*"),
    )


def callback(
    scope: Construct,
    platform: Platform,
    *,
    code: Path,
    environment: dict[str, str],
    keys: Keys,
    waiting: str,
    models: list[str],
) -> None:
    """The API, its function, and the parameter that says where it is; `models` are ARNs of parameters."""
    inside, name = Construct(scope, "Callback"), names.callback(platform)
    keys.messages.allow_roles(USE, name)
    function = Function(
        inside,
        "Function",
        name,
        platform,
        code=code,
        handler="bridge.callback.handle",
        description="Takes note of jobs in Azure DevOps that wait for an execution",
        seconds=SECONDS,
        environment=environment,
        statements=[
            read_executions(scope),
            allow("ssm:GetParameter", models),
            allow("dynamodb:PutItem", waiting),
            say_as(platform, names.CALLBACK_SOURCE),
        ],
        keys=keys,
    )
    log = log_group(inside, "AccessLog", platform, names.callback_log(platform), keys.logs)
    url = http_api(
        inside,
        HttpApi(
            name=name,
            description="For jobs in Azure DevOps that wait for SageMaker",
            route=ROUTE,
            function=function,
            seconds=SECONDS,
            access_log=log.attr_arn,
            rate=RATE,
            burst=BURST,
        ),
        _tokens_of_jobs(inside, function),
    )
    aws_ssm.CfnParameter(
        inside,
        "Url",
        name=names.callback_parameter(platform),
        description="Where jobs in Azure DevOps say which execution they wait for",
        type="String",
        value=url,
    )


def _tokens_of_jobs(scope: Construct, function: Function) -> dict[str, Any]:
    """The function itself asks Azure DevOps; each token once, for a job's is good for one question."""
    return {
        "name": "azure-devops",
        "authorizer_type": "REQUEST",
        "identity_source": ["$request.header.AuthToken"],
        "authorizer_uri": function_uri(scope, function),
        "authorizer_payload_format_version": "2.0",
        "enable_simple_responses": True,
        "authorizer_result_ttl_in_seconds": 0,
    }
