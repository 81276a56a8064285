"""The endpoints' API in the templates: an HTTP API by default, a REST API with a firewall or in private."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from isthmus.config import Platform
from isthmus.infra.manifest import read_stacks
from isthmus.infra.synth import synthesize
from tests.cdk.conftest import CHECKOUT, FULL

AUDIENCE = "6d7f5c1e-2b0a-4f0e-8a55-0c9e3b7a4f33"
Template = dict[str, Any]


def prod(assembly: Path) -> Template:
    (found,) = [one.template for one in read_stacks(assembly) if one.name == "isthmus-prod"]
    template: Template = json.loads(found.read_text())
    return template


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("http")
    content = yaml.safe_load((CHECKOUT / "platform.yaml").read_text())
    api = {"audience": AUDIENCE, "requests_per_second": 20, "burst": 40}
    (folder / "platform.yaml").write_text(yaml.safe_dump(content | {"api": api}))
    return prod(synthesize(CHECKOUT / "app.py", folder / "out", platform=folder / "platform.yaml"))


@pytest.fixture(scope="module")
def rest(full: Path) -> Template:
    """With a firewall, and private."""
    return prod(full)


def of_type(template: Template, kind: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]


def one(template: Template, kind: str) -> dict[str, Any]:
    (found,) = of_type(template, kind)
    return found


def test_a_platform_that_asks_for_no_api_has_none(templates: dict[str, Template]) -> None:
    for stack, template in templates.items():
        kinds = {one["Type"] for one in template["Resources"].values()}
        # The automation account's is the bridge's: tests/cdk/test_callback.py
        asked_for = ("AWS::ApiGateway::", "AWS::WAFv2") + (
            ("AWS::ApiGateway",) if stack != "automation" else ()
        )
        assert not [kind for kind in kinds if kind.startswith(asked_for)]
        assert "ApiUrl" not in template.get("Outputs", {})


def test_an_http_api_takes_entras_tokens_for_this_api_and_no_other(
    http: Template, platform: Platform
) -> None:
    authorizer = one(http, "AWS::ApiGatewayV2::Authorizer")
    assert authorizer["JwtConfiguration"] == {
        "Issuer": f"https://login.microsoftonline.com/{platform.azure.tenant_id}/v2.0",
        "Audience": [AUDIENCE],
    }
    route = one(http, "AWS::ApiGatewayV2::Route")
    assert route["RouteKey"] == "POST /models/{model}/predictions"
    assert route["AuthorizationType"] == "JWT"
    assert "CorsConfiguration" not in one(http, "AWS::ApiGatewayV2::Api")


def test_a_stage_throttles_and_logs_neither_headers_nor_bodies(http: Template) -> None:
    stage = one(http, "AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 20, "ThrottlingBurstLimit": 40}
    line = json.loads(stage["AccessLogSettings"]["Format"])
    assert not [value for value in line.values() if "header" in value.lower() or "body" in value.lower()]
    group = stage["AccessLogSettings"]["DestinationArn"]["Fn::GetAtt"][0]
    properties = http["Resources"][group]["Properties"]
    assert properties["RetentionInDays"] == 365
    assert properties["KmsKeyId"]["Fn::GetAtt"]


@pytest.mark.parametrize("kind", ["http", "rest"])
def test_the_gateway_may_ask_the_platforms_endpoints_and_nothing_else(
    kind: str, http: Template, rest: Template
) -> None:
    template = {"http": http, "rest": rest}[kind]
    (policy,) = [
        one["PolicyDocument"]["Statement"]
        for one in of_type(template, "AWS::IAM::ManagedPolicy")
        if one["ManagedPolicyName"] == "isthmus-gateway"
    ]
    (invoke,) = [one for one in policy if "sagemaker:InvokeEndpoint" in one["Action"]]
    assert invoke["Condition"] == {"StringEquals": {"aws:ResourceTag/platform": "isthmus"}}
    others = {action for one in policy if one is not invoke for action in one["Action"]}
    assert others == {
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
    (function,) = [
        one for one in of_type(template, "AWS::Lambda::Function") if one["FunctionName"] == "isthmus-gateway"
    ]
    assert "VpcConfig" not in function
    # Two hundred models' names have no room there; the endpoints that they share are a few.
    assert set(function["Environment"]["Variables"]) == {"ROLE", "RESERVED_IDS", "SHARED_ENDPOINTS"}


@pytest.mark.parametrize("kind", ["http", "rest"])
def test_only_this_api_runs_the_function_and_for_its_one_route(
    kind: str, http: Template, rest: Template
) -> None:
    permission = one({"http": http, "rest": rest}[kind], "AWS::Lambda::Permission")
    assert permission["Principal"] == "apigateway.amazonaws.com"
    source = "".join(part for part in permission["SourceArn"]["Fn::Join"][1] if isinstance(part, str))
    assert source.endswith("/*/POST/models/*/predictions")


def test_a_rest_api_takes_the_same_tokens_by_its_own_jwt_authorizer(rest: Template) -> None:
    platform = yaml.safe_load(FULL.read_text())
    authorizer = one(rest, "AWS::ApiGateway::Authorizer")
    assert authorizer["Type"] == one(rest, "AWS::ApiGateway::Method")["AuthorizationType"] == "JWT"
    assert authorizer["JwtConfiguration"] == {
        "DefaultAlgorithms": ["RS256"],
        "Issuers": [
            {
                "Issuer": f"https://login.microsoftonline.com/{platform['azure']['tenant_id']}/v2.0",
                "Audiences": [platform["api"]["audience"]],
            }
        ],
    }


def test_a_private_api_is_reached_from_the_accounts_vpc_only(rest: Template) -> None:
    api = one(rest, "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"]["Types"] == ["PRIVATE"]
    (statement,) = api["Policy"]["Statement"]
    (vpc,) = [name for name, one in rest["Resources"].items() if one["Type"] == "AWS::EC2::VPC"]
    assert statement["Condition"]["StringEquals"]["aws:SourceVpc"]["Ref"] == vpc


def test_joined_networks_and_the_vpc_itself_reach_a_private_api_and_nothing_else_through_it(
    rest: Template,
) -> None:
    (way_in,) = [
        one for one in of_type(rest, "AWS::EC2::VPCEndpoint") if one["ServiceName"].endswith(".execute-api")
    ]
    (statement,) = way_in["PolicyDocument"]["Statement"]
    (api,) = [name for name, one in rest["Resources"].items() if one["Type"] == "AWS::ApiGateway::RestApi"]
    assert {"Ref": api} in statement["Resource"][0]["Fn::Join"][1]
    (group,) = [one["Fn::GetAtt"][0] for one in way_in["SecurityGroupIds"]]
    ingress = rest["Resources"][group]["Properties"]["SecurityGroupIngress"]
    assert {"172.20.0.0/16"} < {one["CidrIp"] for one in ingress}


def test_a_firewall_stands_before_the_stage_and_keeps_tokens_out_of_its_log(rest: Template) -> None:
    guard = one(rest, "AWS::WAFv2::WebACLAssociation")
    assert "/stages/" in json.dumps(guard["ResourceArn"])
    logging = one(rest, "AWS::WAFv2::LoggingConfiguration")
    assert logging["RedactedFields"] == [{"SingleHeader": {"Name": "authorization"}}]
    rules = {one["Name"] for one in one(rest, "AWS::WAFv2::WebACL")["Rules"]}
    assert {"AWSManagedRulesCommonRuleSet", "Limit"} <= rules


def test_a_rest_apis_log_holds_no_rows(rest: Template) -> None:
    (settings,) = one(rest, "AWS::ApiGateway::Stage")["MethodSettings"]
    assert (settings["DataTraceEnabled"], settings["LoggingLevel"]) == (False, "ERROR")
