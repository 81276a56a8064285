"""Azure DevOps' way into an account: its OIDC provider, and trust pinned to one service connection."""

from __future__ import annotations

from aws_cdk import aws_iam
from constructs import Construct

from isthmus import names
from isthmus.config import Platform


class Federation(Construct):
    """The account's OIDC provider for tokens of the organization's service connections."""

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, "Federation")
        self._platform = platform
        self.provider = aws_iam.CfnOIDCProvider(
            self,
            "Provider",
            url=platform.azure.token_issuer,
            client_id_list=[platform.azure.audience],
        )

    def connection(self, name: str) -> aws_iam.IPrincipal:
        """Whoever holds a token of exactly that service connection."""
        host = self._platform.azure.token_issuer.removeprefix("https://").rstrip("/")
        return aws_iam.WebIdentityPrincipal(
            self.provider.ref,
            conditions={
                "StringEquals": {
                    f"{host}:aud": self._platform.azure.audience,
                    f"{host}:sub": names.connection_subject(self._platform, name),
                }
            },
        )
