"""Web identity in both directions: a token that is wrong in any one way is refused."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

import boto3
import jwt
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from isthmus.local.aws import bootstrap
from tests.local.aws.documents import policy
from tests.local.conftest import ISSUER, PROD, Aws
from tests.local.forgeries import FORGERIES

AUDIENCE = "api://AzureADTokenExchange"
SUBJECT = "sc://contoso/weather/isthmus-prod"
HOST = ISSUER.removeprefix("https://")


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    iam = aws.client("iam", PROD)
    provider = iam.create_open_id_connect_provider(
        Url=ISSUER, ClientIDList=[AUDIENCE], ThumbprintList=["0" * 40]
    )
    condition = {"StringEquals": {f"{HOST}:sub": SUBJECT, f"{HOST}:aud": AUDIENCE}}
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
        "Condition": condition,
    }
    return iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=policy(statement))["Role"]["Arn"]


def assume(aws: Aws, role: str, token: str) -> dict:
    sts = boto3.client(
        "sts", endpoint_url=aws.url, region_name=aws.region, config=Config(signature_version=UNSIGNED)
    )
    return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="run-7", WebIdentityToken=token)


def test_the_right_token_gives_the_role(aws: Aws, role: str) -> None:
    answer = assume(aws, role, aws.azure.token(SUBJECT, AUDIENCE))
    assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/deploy/run-7")
    assert (answer["SubjectFromWebIdentityToken"], answer["Audience"]) == (SUBJECT, AUDIENCE)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sub": "sc://contoso/weather/isthmus-staging"}, "AccessDenied"),
        ({"sub": "sc://fabrikam/weather/isthmus-prod"}, "AccessDenied"),
        ({"sub": "sc://contoso/finance/isthmus-prod"}, "AccessDenied"),
        ({"sub": "sc://contoso/weather/isthmus-prod-2"}, "AccessDenied"),
        ({"sub": "sc://contoso/weather/*"}, "AccessDenied"),
        ({"sub": "SC://Contoso/Weather/Isthmus-Prod"}, "AccessDenied"),
        ({"sub": "p://contoso/weather/isthmus-prod"}, "AccessDenied"),
        ({"sub": f"{SUBJECT}/refs/heads/main"}, "AccessDenied"),
        ({"aud": "api://somebody-else"}, "InvalidIdentityToken"),
        ({"iss": "https://vstoken.dev.azure.com/another"}, "InvalidIdentityToken"),
        ({"exp": int(time.time()) - 1}, "ExpiredTokenException"),
        ({"exp": None}, "InvalidIdentityToken"),
        ({"nbf": int(time.time()) + 86_400}, "InvalidIdentityToken"),
        ({"iat": int(time.time()) + 86_400}, "InvalidIdentityToken"),
    ],
)
def test_a_token_wrong_in_one_claim_is_refused(aws: Aws, role: str, claims: dict, code: str) -> None:
    with pytest.raises(ClientError) as refusal:
        assume(aws, role, aws.azure.token(SUBJECT, AUDIENCE, **claims))
    assert refusal.value.response["Error"]["Code"] == code


def test_a_token_signed_by_another_key_is_refused(aws: Aws, role: str) -> None:
    with pytest.raises(ClientError, match="Signature verification failed"):
        assume(aws, role, aws.azure.forged(SUBJECT, AUDIENCE))


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_only_a_careless_reader_believes_is_refused(aws: Aws, role: str, forgery: str) -> None:
    genuine = aws.azure.token(SUBJECT, AUDIENCE)
    claims = jwt.decode(genuine, options={"verify_signature": False})
    forged = FORGERIES[forgery](aws.azure.key.public_key(), jwt.get_unverified_header(genuine)["kid"], claims)
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        assume(aws, role, forged)


# Each a way to send one request: how, with which headers; what stands in the URL and what in the body.
FORM, TARGET = (
    "application/x-www-form-urlencoded",
    "AWSSecurityTokenServiceV20110615.AssumeRoleWithWebIdentity",
)
ANOTHER = "Action=GetCallerIdentity&Version=2011-06-15"
WAYS = {
    "a form": lambda asked: ("POST", {}, {}, asked),
    "a query string": lambda asked: ("GET", {}, asked, ""),
    "JSON": lambda asked: (
        "POST",
        {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": TARGET},
        {},
        json.dumps(asked),
    ),
    "a query string beside another body": lambda asked: ("GET", {"Content-Type": FORM}, asked, ANOTHER),
    "a body beside another query string": lambda asked: (
        "POST",
        {"Content-Type": FORM},
        {"Action": "GetCallerIdentity"},
        asked,
    ),
    "a body of no form": lambda asked: ("POST", {"Content-Type": "text/plain"}, {}, urlencode(asked)),
    "two actions": lambda asked: ("POST", {"Content-Type": FORM}, {}, f"Action=&{urlencode(asked)}"),
}


@pytest.mark.parametrize("seconds", ["x", "1e3", "0", "-1", "899"])
def test_a_session_of_no_length_that_sts_knows_is_refused(aws: Aws, role: str, seconds: str) -> None:
    answer = send(aws, "a form", role, aws.azure.token(SUBJECT, AUDIENCE), DurationSeconds=seconds)
    assert answer.status_code == 400, answer.text
    assert "<Code>ValidationError</Code>" in answer.text


def test_a_role_has_one_path(aws: Aws, role: str) -> None:
    token = aws.azure.token(SUBJECT, AUDIENCE)
    answer = send(aws, "a form", role.replace(":role/", ":role/other/"), token)
    assert (answer.status_code, "<Code>AccessDenied</Code>" in answer.text) == (403, True), answer.text


def send(aws: Aws, way: str, role: str, token: str, **more: str) -> requests.Response:
    asked = more | {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": "run-7",
        "WebIdentityToken": token,
    }
    method, headers, query, body = WAYS[way](asked)
    # The host leads the request to STS where its body does not.
    host = {"Host": "sts.eu-west-1.amazonaws.com"}
    return requests.request(method, aws.url, params=query, data=body, headers=headers | host, timeout=60)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_sending_a_forged_token_gives_the_role(aws: Aws, role: str, way: str) -> None:
    answer = send(aws, way, role, aws.azure.forged(SUBJECT, AUDIENCE))
    assert answer.status_code in (400, 403)
    assert "AccessKeyId" not in answer.text


@pytest.mark.parametrize("way", ["a form", "a query string"])
def test_the_right_token_gives_the_role_both_ways_that_sts_speaks(aws: Aws, role: str, way: str) -> None:
    answer = send(aws, way, role, aws.azure.token(SUBJECT, AUDIENCE))
    assert f"<SubjectFromWebIdentityToken>{SUBJECT}</SubjectFromWebIdentityToken>" in answer.text


@pytest.fixture(scope="module")
def signing(aws: Aws) -> Any:
    """STS as a role of prod that may have tokens for Azure of five minutes, and no others."""
    iam = aws.client("iam", PROD)
    with pytest.raises(ClientError, match="OutboundWebIdentityFederationDisabled"):
        aws.client("sts", PROD).get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="RS256")
    iam.enable_outbound_web_identity_federation()
    assert iam.get_outbound_web_identity_federation_info()["IssuerIdentifier"] == aws.url
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{PROD}:root"}}
    role = iam.create_role(RoleName="bridge", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    grant = {
        "Effect": "Allow",
        "Action": "sts:GetWebIdentityToken",
        "Resource": "*",
        "Condition": {
            "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": AUDIENCE},
            "NumericLessThanEquals": {"sts:DurationSeconds": 300},
        },
    }
    iam.put_role_policy(RoleName="bridge", PolicyName="sign", PolicyDocument=policy(grant))
    laptop = bootstrap.laptop_user(aws.root, aws.region, PROD)
    person = {
        "AccessKeyId": laptop["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": laptop["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": None,
    }
    session = aws.client("sts", PROD, person).assume_role(RoleArn=role, RoleSessionName="test")
    return aws.client("sts", PROD, session["Credentials"])


def test_aws_signs_who_the_caller_is(aws: Aws, signing: Any) -> None:
    answer = signing.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="RS256", DurationSeconds=60)
    key = jwt.PyJWKClient(f"{aws.url}/_isthmus/jwks").get_signing_key_from_jwt(answer["WebIdentityToken"])
    claims = jwt.decode(answer["WebIdentityToken"], key.key, algorithms=["RS256"], audience=AUDIENCE)
    assert claims["sub"] == f"arn:aws:iam::{PROD}:role/bridge"
    assert claims["iss"] == aws.url
    assert claims["exp"] - claims["iat"] == 60
    assert claims["https://sts.amazonaws.com/"]["aws_account"] == PROD


@pytest.mark.parametrize("asked", [{"Audience": ["https://elsewhere"]}, {"DurationSeconds": 301}])
def test_aws_signs_only_what_the_role_may_have(signing: Any, asked: dict) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        signing.get_web_identity_token(**{"Audience": [AUDIENCE], "SigningAlgorithm": "RS256"} | asked)
