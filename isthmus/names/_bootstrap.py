"""What CDK's bootstrap has made in each account, by which the stacks are deployed."""

from __future__ import annotations

BOOTSTRAP = "hnb659fds"
"""The qualifier of CDK's bootstrap, whose roles deploy the accounts' stacks."""


def bootstrap_role(account: str, region: str, kind: str) -> str:
    """Each account: a role of CDK's bootstrap, such as `deploy`, `file-publishing` or `cfn-exec`."""
    return f"cdk-{BOOTSTRAP}-{kind}-role-{account}-{region}"


def boundary(account: str, region: str) -> str:
    """Each account: the managed policy that no deployment, and no role that one makes, gets beyond."""
    return f"cdk-{BOOTSTRAP}-boundary-{account}-{region}"


def asset_bucket(account: str, region: str) -> str:
    """Each account: the templates and Lambda packages that are deployed."""
    return f"cdk-{BOOTSTRAP}-assets-{account}-{region}"
