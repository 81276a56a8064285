"""What a pipeline's job may ask to enter AWS as; which role each is, `identity` says."""

from __future__ import annotations

from typing import get_args

from isthmus.config import AccountRole

OF_MODEL = ("build", "synth", "deploy-staging", "deploy-prod")
OF_ACCOUNT = tuple(
    f"{kind}-{account}" for kind in ("infrastructure", "drift") for account in get_args(AccountRole)
)
AUDIT = "audit"
TARGETS = (*OF_MODEL, *OF_ACCOUNT, AUDIT)
