"""APIs with JWT authorizers, HTTP and REST: whose tokens are believed, and what else API Gateway sees to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization

from tests.local.aws.documents import make_role
from tests.local.conftest import ISSUER, PROD, REGION, Aws

AUDIENCE, ACL = "5b0c1a52-0000-4c7e-9d3a-2f1f6d6f6c11", "apis-acl"
LOGS = "/aws/vendedlogs/apis-test"
CODE = """
import json
def handle(event, context):
    return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"])}
"""
TYPES = "AWS::ApiGatewayV2"


def ref(name: str) -> dict:
    return {"Ref": name}


def att(name: str) -> dict:
    return {"Fn::GetAtt": name.split(".")}


ASKED = """
def handle(event, context):
    assert event["type"] == "REQUEST"
    return {"isAuthorized": event["headers"]["authtoken"] == "good"}
"""


def function(role: str) -> dict:
    return {
        name: {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": f"apis-{called}",
                "Runtime": "python3.14",
                "Handler": "index.handle",
                "Role": role,
                "Code": {"ZipFile": code},
            },
        }
        for name, called, code in (("Function", "echo", CODE), ("Asked", "asked", ASKED))
    }


def permission(route: str, function: str = "Function") -> dict:
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": att(f"{function}.Arn"),
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": f"arn:aws:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:{route}"},
        },
    }


HTTP = {
    "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": LOGS}},
    "Http": {"Type": f"{TYPES}::Api", "Properties": {"Name": "apis-http", "ProtocolType": "HTTP"}},
    "Stage": {
        "Type": f"{TYPES}::Stage",
        "Properties": {
            "ApiId": ref("Http"),
            "StageName": "$default",
            "AutoDeploy": True,
            "AccessLogSettings": {
                "DestinationArn": att("Log.Arn"),
                "Format": '{"status":"$context.status","path":"$context.path","who":"$context.nobody"}',
            },
        },
    },
    "Integration": {
        "Type": f"{TYPES}::Integration",
        "Properties": {
            "ApiId": ref("Http"),
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": att("Function.Arn"),
            "PayloadFormatVersion": "2.0",
        },
    },
    "Authorizer": {
        "Type": f"{TYPES}::Authorizer",
        "Properties": {
            "ApiId": ref("Http"),
            "Name": "entra",
            "AuthorizerType": "JWT",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Issuer": ISSUER, "Audience": [AUDIENCE]},
        },
    },
    "LetIn": permission("${Http}/*/POST/things/*"),
}
TARGET = {"Fn::Join": ["", ["integrations/", ref("Integration")]]}
for path, scopes in (("things/{id}", None), ("scoped", ["read", "write"]), ("closed", None)):
    HTTP["Route" + path[:6]] = {
        "Type": f"{TYPES}::Route",
        "Properties": {
            "ApiId": ref("Http"),
            "RouteKey": f"POST /{path}",
            "Target": TARGET,
            "AuthorizationType": "JWT",
            "AuthorizerId": ref("Authorizer"),
        }
        | ({"AuthorizationScopes": scopes} if scopes else {}),
    }
HTTP["LetInScoped"] = permission("${Http}/*/POST/scoped")

ASKING = {
    "AuthorizerType": "REQUEST",
    "AuthorizerUri": {
        "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
        "${Asked.Arn}/invocations"
    },
    "AuthorizerPayloadFormatVersion": "2.0",
    "EnableSimpleResponses": True,
    "AuthorizerResultTtlInSeconds": 0,
    "IdentitySource": ["$request.header.AuthToken"],
}
for name in ("asked", "unasked"):
    HTTP[f"Authorizer{name}"] = {
        "Type": f"{TYPES}::Authorizer",
        "Properties": {"ApiId": ref("Http"), "Name": name} | ASKING,
    }
    HTTP[f"Route{name}"] = {
        "Type": f"{TYPES}::Route",
        "Properties": {
            "ApiId": ref("Http"),
            "RouteKey": f"POST /{name}",
            "Target": TARGET,
            "AuthorizationType": "CUSTOM",
            "AuthorizerId": ref(f"Authorizer{name}"),
        },
    }
    HTTP[f"LetIn{name}"] = permission(f"${{Http}}/*/POST/{name}")
HTTP["LetAsk"] = permission("${Http}/authorizers/${Authorizerasked}", "Asked")

REST: dict[str, Any] = {
    "Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "apis-rest"}},
    "Things": {
        "Type": "AWS::ApiGateway::Resource",
        "Properties": {
            "RestApiId": ref("Rest"),
            "ParentId": att("Rest.RootResourceId"),
            "PathPart": "things",
        },
    },
    "RestAuthorizer": {
        "Type": "AWS::ApiGateway::Authorizer",
        "Properties": {
            "RestApiId": ref("Rest"),
            "Name": "entra",
            "Type": "JWT",
            "IdentitySource": "method.request.header.Authorization",
            "JwtConfiguration": {
                "DefaultAlgorithms": ["RS256"],
                "Issuers": [{"Issuer": ISSUER, "Audiences": [AUDIENCE]}],
            },
        },
    },
    "Method": {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": ref("Rest"),
            "ResourceId": ref("Things"),
            "HttpMethod": "POST",
            "AuthorizationType": "JWT",
            "AuthorizerId": ref("RestAuthorizer"),
            "Integration": {
                "Type": "AWS_PROXY",
                "IntegrationHttpMethod": "POST",
                "Uri": {
                    "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
                    "${Function.Arn}/invocations"
                },
            },
        },
    },
    "Deployment": {
        "Type": "AWS::ApiGateway::Deployment",
        "DependsOn": ["Method"],
        "Properties": {"RestApiId": ref("Rest")},
    },
    "RestStage": {
        "Type": "AWS::ApiGateway::Stage",
        "Properties": {
            "RestApiId": ref("Rest"),
            "DeploymentId": ref("Deployment"),
            "StageName": "live",
            "AccessLogSetting": {"DestinationArn": att("Log.Arn"), "Format": "rest $context.status"},
        },
    },
    "LetInRest": permission("${Rest}/*/POST/things"),
    "Acl": {
        "Type": "AWS::WAFv2::WebACL",
        "Properties": {
            "Name": ACL,
            "Scope": "REGIONAL",
            "DefaultAction": {"Allow": {}},
            "VisibilityConfig": {
                "SampledRequestsEnabled": False,
                "CloudWatchMetricsEnabled": True,
                "MetricName": ACL,
            },
        },
    },
    "Guard": {
        "Type": "AWS::WAFv2::WebACLAssociation",
        "DependsOn": ["RestStage"],
        "Properties": {
            "WebACLArn": att("Acl.Arn"),
            "ResourceArn": {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}::/restapis/${Rest}/stages/live"},
        },
    },
    "AclLog": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "aws-waf-logs-apis"}},
    "AclLogging": {
        "Type": "AWS::WAFv2::LoggingConfiguration",
        "Properties": {
            "ResourceArn": att("Acl.Arn"),
            "LogDestinationConfigs": [
                {"Fn::Sub": "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:${AclLog}"}
            ],
        },
    },
}


@dataclass
class Apis:
    """The two APIs of a stack in prod, called over HTTP by somebody without AWS keys."""

    aws: Aws
    http: str
    rest_id: str
    acl: str

    def url(self, kind: str, path: str = "") -> str:
        if kind == "http":
            return f"{self.http}/{path or 'things/7'}"
        return f"{self.aws.url}/_aws/execute-api/{self.rest_id}/live/things"

    def ask(self, kind: str, token: str | None, path: str = "") -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return requests.post(self.url(kind, path), data=b"{}", headers=headers, timeout=60)

    def token(self, **claims: object) -> str:
        return self.aws.azure.token("app", AUDIENCE, **claims)


def make(aws: Aws, name: str, resources: dict, outputs: dict) -> dict[str, str]:
    cloudformation = aws.client("cloudformation", PROD)
    template = {"Resources": resources, "Outputs": {key: {"Value": value} for key, value in outputs.items()}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


@pytest.fixture(scope="module")
def apis(aws: Aws) -> Apis:
    role = make_role(aws, PROD, "apis-echo", trusts="lambda.amazonaws.com")
    outputs = {"Url": att("Http.ApiEndpoint"), "Rest": ref("Rest"), "Acl": att("Acl.Arn")}
    made = make(aws, "apis", function(role) | HTTP | REST, outputs)
    return Apis(aws, made["Url"], made["Rest"], made["Acl"])


KINDS = pytest.mark.parametrize("kind", ["http", "rest"])


def test_an_http_api_tells_its_function_the_claims_as_text(apis: Apis) -> None:
    answer = apis.ask("http", apis.token(roles=["a", "b"], exp=int(time.time()) + 60))
    assert answer.status_code == 200
    claims = answer.json()["jwt"]["claims"]
    assert claims["roles"] == "[a b]"
    assert claims["sub"] == "app"


def asking(apis: Apis, path: str, **headers: str) -> int:
    return requests.post(f"{apis.http}/{path}", data=b"{}", headers=headers, timeout=60).status_code


def test_a_function_says_who_may_call_if_it_may_be_asked(apis: Apis) -> None:
    assert asking(apis, "asked", AuthToken="good") == 200
    assert asking(apis, "asked", AuthToken="bad") == 403
    # Without what identifies a caller, nobody is asked.
    assert asking(apis, "asked") == 401
    # This authorizer's function has no policy that lets API Gateway ask it.
    assert asking(apis, "unasked", AuthToken="good") == 500


def test_a_rest_api_tells_its_function_the_claims_as_they_are(apis: Apis) -> None:
    answer = apis.ask("rest", apis.token(roles=["a", "b"]))
    assert answer.status_code == 200
    assert answer.json()["claims"]["roles"] == ["a", "b"]


def _parts(token: str) -> tuple[str, str]:
    header, payload, _ = token.split(".")
    return header, payload


def _encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def unsigned(apis: Apis) -> str:
    return f"{_encoded({'alg': 'none', 'typ': 'JWT', 'kid': 'test'})}.{_parts(apis.token())[1]}."


def public_key_as_secret(apis: Apis) -> str:
    """The classic confusion: HMAC with the RSA key that everybody can read."""
    pem = apis.aws.azure.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{_encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'test'})}.{_parts(apis.token())[1]}"
    mac = hmac.new(pem, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def without(claim: str):
    def made(apis: Apis) -> str:
        claims = jwt.decode(apis.token(), options={"verify_signature": False})
        del claims[claim]
        return jwt.encode(claims, apis.aws.azure.key, "RS256", headers={"kid": "test"})

    return made


def altered(apis: Apis) -> str:
    header, payload, signature = apis.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{_encoded(claims | {'roles': ['admin']})}.{signature}"


BAD = {
    "nothing": lambda apis: "",
    "no token": lambda apis: "hello",
    "other audience": lambda apis: apis.aws.azure.token("app", "api://other"),
    "other issuer": lambda apis: apis.token(iss="https://login.example/evil/v2.0"),
    "issuer without its path": lambda apis: apis.token(iss=ISSUER.rsplit("/", 1)[0]),
    "expired": lambda apis: apis.token(exp=int(time.time()) - 1),
    "not yet valid": lambda apis: apis.token(nbf=int(time.time()) + 600),
    "issued in the future": lambda apis: apis.token(iat=int(time.time()) + 600),
    "expiry that is no number": lambda apis: apis.token(exp="later"),
    "signed by another key": lambda apis: apis.aws.azure.forged("app", AUDIENCE),
    "altered": altered,
    "alg none": unsigned,
    "HS256 with the public key": public_key_as_secret,
    "unknown key id": lambda apis: jwt.encode({}, apis.aws.azure.key, "RS256", headers={"kid": "other"}),
    "no expiry": without("exp"),
    "no issuer": without("iss"),
    "no audience": without("aud"),
    "claims that are a list": lambda apis: f"{_parts(apis.token())[0]}.{_encoded([1])}.AAAA",
}


@KINDS
@pytest.mark.parametrize("case", BAD)
def test_a_token_that_is_not_right_in_every_way_is_refused(apis: Apis, kind: str, case: str) -> None:
    answer = apis.ask(kind, BAD[case](apis))
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


@KINDS
def test_without_a_header_nobody_passes(apis: Apis, kind: str) -> None:
    assert apis.ask(kind, None).status_code == 401


def test_a_route_with_scopes_wants_one_of_them(apis: Apis) -> None:
    for claims, status in (({}, 403), ({"scp": "other"}, 403), ({"scope": "x read"}, 200)):
        assert apis.ask("http", apis.token(**claims), "scoped").status_code == status


def test_a_function_is_not_run_for_a_route_that_its_policy_does_not_name(apis: Apis) -> None:
    answer = apis.ask("http", apis.token(), "closed")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_a_rest_api_is_not_opened_by_a_key_of_its_account(apis: Apis) -> None:
    """JWT methods read no AWS signature: only a token counts."""
    answer = requests.post(
        apis.url("rest"), headers={"Authorization": "AWS4-HMAC-SHA256 Credential=x"}, timeout=30
    )
    assert answer.status_code == 401


def test_a_private_api_takes_no_call_from_outside_its_vpc_whatever_the_token(apis: Apis) -> None:
    inside = {"StringEquals": {"aws:SourceVpc": "vpc-0123456789abcdef0"}}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke"}
    policy = {"Statement": [statement | {"Resource": "execute-api:/*", "Condition": inside}]}
    rest = apis.aws.client("apigateway", PROD)
    change = {"op": "replace", "path": "/policy"}
    rest.update_rest_api(restApiId=apis.rest_id, patchOperations=[change | {"value": json.dumps(policy)}])
    refused, unknown = apis.ask("rest", apis.token()), apis.ask("rest", "hello")
    rest.update_rest_api(restApiId=apis.rest_id, patchOperations=[change | {"value": ""}])
    assert (refused.status_code, unknown.status_code) == (403, 401)
    assert apis.ask("rest", apis.token()).status_code == 200


def test_an_unknown_api_or_path_is_not_found(apis: Apis) -> None:
    token = apis.token()
    assert apis.ask("http", token, "nowhere").status_code == 404
    nobody = f"{apis.aws.url}/_aws/execute-api/00000000/live/things"
    assert requests.post(nobody, headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code == 404


def test_each_call_leaves_a_line_in_the_access_log(apis: Apis) -> None:
    apis.ask("http", apis.token(), "things/logged")
    apis.ask("rest", "wrong")
    events = apis.aws.client("logs", PROD).filter_log_events(logGroupName=LOGS)["events"]
    lines = [event["message"] for event in events]
    assert '{"status":"200","path":"/things/logged","who":"-"}' in lines
    assert "rest 401" in lines


def test_a_stage_throttles_and_recovers(apis: Apis) -> None:
    api = apis.http.split("/")[-2]
    stages = apis.aws.client("apigatewayv2", PROD)
    limits = {"ThrottlingRateLimit": 0.001, "ThrottlingBurstLimit": 2}
    stages.update_stage(ApiId=api, StageName="$default", DefaultRouteSettings=limits)
    token = apis.token()
    found = [apis.ask("http", token).status_code for _ in range(4)]
    stages.update_stage(
        ApiId=api,
        StageName="$default",
        DefaultRouteSettings={"ThrottlingRateLimit": 10_000, "ThrottlingBurstLimit": 5_000},
    )
    assert found == [200, 200, 429, 429]
    assert apis.ask("http", token).status_code == 200


def test_a_web_acl_stands_before_the_stage_and_logs(apis: Apis) -> None:
    waf = apis.aws.client("wafv2", PROD)
    stage = f"arn:aws:apigateway:{REGION}::/restapis/{apis.rest_id}/stages/live"
    assert waf.get_web_acl_for_resource(ResourceArn=stage)["WebACL"]["Name"] == ACL
    logging = waf.get_logging_configuration(ResourceArn=apis.acl)["LoggingConfiguration"]
    assert logging["LogDestinationConfigs"] == [f"arn:aws:logs:{REGION}:{PROD}:log-group:aws-waf-logs-apis"]


def test_waf_takes_no_http_api_as_aws_does_not(apis: Apis) -> None:
    api = apis.http.split("/")[-2]
    guard = {
        "Type": "AWS::WAFv2::WebACLAssociation",
        "Properties": {
            "WebACLArn": apis.acl,
            "ResourceArn": f"arn:aws:apigateway:{REGION}::/apis/{api}/stages/$default",
        },
    }
    cloudformation = apis.aws.client("cloudformation", PROD)
    cloudformation.create_stack(
        StackName="apis-wrong", TemplateBody=json.dumps({"Resources": {"Guard": guard}})
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (stack,) = cloudformation.describe_stacks(StackName="apis-wrong")["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


def test_deleting_the_stack_leaves_nothing(apis: Apis) -> None:
    """The last test of this file: it takes the stack away."""
    cloudformation = apis.aws.client("cloudformation", PROD)
    cloudformation.delete_stack(StackName="apis")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="apis", WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )
    assert apis.ask("http", apis.token()).status_code == 404
    waf = apis.aws.client("wafv2", PROD)
    assert ACL not in [one["Name"] for one in waf.list_web_acls(Scope="REGIONAL")["WebACLs"]]
    with pytest.raises(waf.exceptions.WAFNonexistentItemException):
        waf.get_logging_configuration(ResourceArn=apis.acl)
