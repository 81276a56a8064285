"""The ways from Azure DevOps into an account: each a role, and the service connection that opens it."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.azure.identity import Target, target
from isthmus.config import STAGES, AccountRole, Platform


def entrances(platform: Platform, account: AccountRole) -> Iterator[Target]:
    """Every role of the account that a pipeline's job enters."""
    yield target(platform, f"infrastructure-{account}")
    yield target(platform, f"drift-{account}")
    kinds = ["build", "synth"] if account == "automation" else []
    kinds += [f"deploy-{account}"] if account in STAGES else []
    for model in platform.models:
        yield from (target(platform, kind, model.name) for kind in kinds)
