"""Azure DevOps' way into an account: OIDC providers, and trust pinned to one service connection.

Two issuers sign tokens of service connections: Azure DevOps, which Microsoft retires on 2027-07-01, and
Entra. Both may be trusted side by side.
"""

from __future__ import annotations

from constructs import Construct

from cdk.parts.grants import Statement, allow_principal
from isthmus import names
from isthmus.config import Platform
from isthmus.errors import BadInput, did_you_mean
from isthmus.resource_types import aws_iam


def federation(scope: Construct, platform: Platform) -> None:
    """The account's OIDC providers for tokens of the organization's service connections."""
    azure = platform.azure
    for name in azure.entra_subjects:
        _require_known(platform, name)
    issuers = {"Provider": azure.token_issuer}
    if azure.entra_subjects:
        issuers["EntraProvider"] = azure.entra_issuer
    for id_, issuer in issuers.items():
        aws_iam.CfnOIDCProvider(scope, id_, url=issuer, client_id_list=[azure.audience])


def connection(platform: Platform, account: str, name: str) -> list[Statement]:
    """Whoever holds a token of exactly that service connection, from either issuer; a role's whole trust."""
    subjects = names.connection_subjects(platform, name)
    return [_token(account, issuer, platform.azure.audience, subject) for issuer, subject in subjects.items()]


def _require_known(platform: Platform, name: str) -> None:
    known = names.connections(platform)
    if name not in known:
        raise BadInput(
            f"there is no service connection {name!r}{did_you_mean(name, known)}",
            where="platform.yaml, azure.entra_subjects",
        )


def _token(account: str, issuer: str, audience: str, subject: str) -> Statement:
    host = issuer.removeprefix("https://").rstrip("/")
    who = {"Federated": f"arn:aws:iam::{account}:oidc-provider/{host}"}
    exactly = {"StringEquals": {f"{host}:aud": audience, f"{host}:sub": subject}}
    return allow_principal((who, exactly), "sts:AssumeRoleWithWebIdentity")
