"""Whether AWS signs the bridge's tokens, and what Entra's federated credential must say to believe them."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus import names
from isthmus.config import AccountRole
from isthmus.doctor.finding import Finding
from isthmus.doctor.sight import Sight

OFF = "FeatureDisabled"


def tokens_out(sight: Sight, account: AccountRole) -> Iterator[Finding]:
    """Outbound web identity federation of the account. Entra's side cannot be read from here: it is told."""
    from botocore.exceptions import ClientError

    azure = sight.platform.azure
    try:
        said = sight.client(account, "iam").get_outbound_web_identity_federation_info()
    except ClientError as error:
        if OFF not in error.response["Error"]["Code"]:
            raise
        yield Finding(
            "missing",
            "outbound web identity federation",
            "it is off: AWS signs no token for the bridge, which cannot sign in to Entra",
            f"isthmus account bootstrap {account}",
        )
        return
    role = names.role_arn(sight.number(account), names.bridge(sight.platform))
    yield Finding(
        "ok",
        f"Entra application {azure.bridge_client_id}",
        "AWS signs the bridge's tokens; its federated credential must say: "
        f"issuer {said['IssuerIdentifier']}, subject {role}, audience {azure.audience}",
    )
