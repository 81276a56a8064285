"""Who enters a deploy role: a token of one connection, from either of its issuers, and no token beside it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from isthmus import names
from isthmus.config import Platform, read_platform
from isthmus.infra.manifest import find_stack
from tests.cdk.conftest import FULL, MODEL, full
from tests.infra.conftest import Cloud
from tests.local.conftest import ENTRA, ISSUER, PROD

__all__ = ["full"]

COPY = "copy-of-deploy"
DENIED = "AccessDenied|InvalidIdentityToken|ExpiredToken"
AZURE_DEVOPS = f"sc://contoso/weather/isthmus-{MODEL}-deploy-prod"


@pytest.fixture(scope="module")
def described() -> Platform:
    return read_platform(FULL)


@pytest.fixture(scope="module")
def entra(described: Platform) -> str:
    """The subject of the same connection in Entra's tokens."""
    return described.azure.entra_subjects[names.deploy_connection(described, MODEL, "prod")]


@pytest.fixture(scope="module")
def role(cloud: Cloud, full: Path, described: Platform) -> str:
    """A role with the deploy role's trust, as the platform that knows both issuers has it in prod."""
    iam = cloud.aws.client("iam", PROD)
    for provider in resources(full, names.stack(described, "prod"), "AWS::IAM::OIDCProvider"):
        if provider["Url"] == ENTRA:
            iam.create_open_id_connect_provider(Url=ENTRA, ClientIDList=provider["ClientIdList"])
    (trust,) = (
        one["AssumeRolePolicyDocument"]
        for one in resources(full, names.model_stack(described, "prod", MODEL), "AWS::IAM::Role")
        if one["RoleName"] == names.deploy_role(described, MODEL)
    )
    iam.create_role(RoleName=COPY, AssumeRolePolicyDocument=json.dumps(trust))
    return COPY


def resources(assembly: Path, stack: str, kind: str) -> list[dict[str, Any]]:
    template = json.loads(find_stack(assembly, stack).template.read_text())
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]


def enter(cloud: Cloud, role: str, subject: str, audience: str, **claims: object) -> dict[str, str]:
    return cloud.connection(PROD, role, subject, audience, **claims)


def test_the_connections_token_enters_from_either_issuer(
    cloud: Cloud, role: str, entra: str, described: Platform
) -> None:
    audience = described.azure.audience
    assert enter(cloud, role, AZURE_DEVOPS, audience, iss=ISSUER)
    assert enter(cloud, role, entra, audience, iss=ENTRA)


@pytest.mark.parametrize(
    ("says", "subject", "claims"),
    [
        # Another organization, project, connection, stage, and what is no connection: a pipeline, a branch.
        (ISSUER, AZURE_DEVOPS.replace("contoso", "fabrikam"), {}),
        (ISSUER, AZURE_DEVOPS.replace("weather", "payroll"), {}),
        (ISSUER, AZURE_DEVOPS.replace("deploy-prod", "build"), {}),
        (ISSUER, AZURE_DEVOPS.replace("prod", "staging"), {}),
        (ISSUER, f"p://contoso/weather/{MODEL}-deploy", {}),
        (ISSUER, "repo:contoso/weather:ref:refs/heads/main", {}),
        (ISSUER, AZURE_DEVOPS + "/", {}),
        (ISSUER, AZURE_DEVOPS.upper(), {}),
        (ISSUER, AZURE_DEVOPS.replace("prod", "*"), {}),
        # Another audience, issuer, age.
        (ISSUER, AZURE_DEVOPS, {"aud": "https://management.azure.com"}),
        (ISSUER, AZURE_DEVOPS, {"iss": ISSUER.replace("5f0e", "6f0e")}),
        (ISSUER, AZURE_DEVOPS, {"iss": ISSUER + "/"}),
        (ISSUER, AZURE_DEVOPS, {"exp": int(time.time()) - 1}),
        (ISSUER, AZURE_DEVOPS, {"exp": None}),
        (ISSUER, AZURE_DEVOPS, {"nbf": int(time.time()) + 86_400}),
        (ENTRA, "entra", {"exp": int(time.time()) - 1}),
        (ENTRA, "entra", {"nbf": int(time.time()) + 86_400}),
        # What one issuer says is believed of that one only.
        (ENTRA, AZURE_DEVOPS, {}),
        (ISSUER, "entra", {}),
        (ENTRA, "entra", {"iss": ENTRA.replace("9b1c", "8b1c")}),
        (ENTRA, "entra", {"aud": "api://another"}),
        (ENTRA, "staging", {}),
    ],
)
def test_a_token_that_is_wrong_in_one_thing_does_not(
    cloud: Cloud, role: str, entra: str, described: Platform, says: str, subject: str, claims: dict
) -> None:
    staging = described.azure.entra_subjects[names.deploy_connection(described, MODEL, "staging")]
    subject = {"entra": entra, "staging": staging}.get(subject, subject)
    with pytest.raises(ClientError, match=DENIED):
        enter(cloud, role, subject, described.azure.audience, **{"iss": says} | claims)


def test_a_token_signed_by_somebody_else_does_not(cloud: Cloud, role: str, described: Platform) -> None:
    forged = cloud.aws.azure.forged(AZURE_DEVOPS, described.azure.audience)
    with pytest.raises(ClientError, match=DENIED):
        cloud.enter(PROD, role, forged)
