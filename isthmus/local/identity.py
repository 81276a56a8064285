"""Who the person at the laptop is, in each local cloud, as environment variables."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from isthmus.config import Platform
from isthmus.local.platform import Local

# What stays in the environment beside the variables that `variables` gives.
OURS = ("AWS_", "AZURE_")


def laptop_key(platform: Platform, local: Local) -> dict[str, str]:
    """The access key of the automation account's administrator; made once for a running platform."""
    import json

    from isthmus.local.aws.bootstrap import laptop_user

    kept = local.state / "laptop.json"
    if not kept.exists():
        key = laptop_user(local.aws_url, platform.region, platform.accounts.automation)
        kept.touch(mode=0o600)
        kept.write_text(json.dumps(key))
    found: dict[str, str] = json.loads(kept.read_text())
    return found


def variables(platform: Platform, local: Local, user: str) -> dict[str, str]:
    """What points the AWS CLI, boto3 and Azure's clients at the local clouds, signed in as `user`."""
    token = local.token(user)
    return {
        **local.endpoints(platform.region),
        **laptop_key(platform, local),
        "AZURE_DEVOPS_TOKEN": token,
        # The name under which the azure-devops extension and many scripts look for it.
        "AZURE_DEVOPS_EXT_PAT": token,
        "AZURE_DEVOPS_CACHE_DIR": str(local.cache / "azure-devops"),
        "ISTHMUS_CACHE": str(local.cache),
    }


def adopt(state: Path, user: str) -> None:
    """Put `variables` into this process's environment where a platform runs in `state`, and say so."""
    from isthmus.config import platform_path, read
    from isthmus.errors import Problem
    from isthmus.local.platform import find

    with contextlib.suppress(Problem):
        local = find(state)
        os.environ.update(variables(read(platform_path(), Platform), local, user))
        print(f"(the local platform: {local.aws_url}, {local.organization_url})", file=sys.stderr)


@contextlib.contextmanager
def acting_as(user: str, platform: Platform, local: Local) -> Iterator[None]:
    """Run a block of product code with `user`'s environment: it finds both clouds there, as always."""
    before = dict(os.environ)
    try:
        _replace({name: value for name, value in before.items() if not name.startswith(OURS)})
        os.environ.update(variables(platform, local, user))
        yield
    finally:
        _replace(before)


def _replace(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
