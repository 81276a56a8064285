"""The root credentials of local accounts."""

from __future__ import annotations


def root_credentials(account: str) -> dict[str, str]:
    """Credentials of the account's root, as environment variables: an access key of twelve digits is one."""
    return {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "test"}
