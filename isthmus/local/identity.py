"""Who the person at the laptop is, in each local cloud, as environment variables."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping

from isthmus import files
from isthmus.config import Platform
from isthmus.local import people
from isthmus.local.platform import Local

# What stays in the environment beside the variables that `variables` gives.
OURS = ("AWS_", "AZURE_")
SIGN_IN = r"http\.http://127\.0\.0\.1:\d+/\.extraHeader"


def laptop_key(platform: Platform, local: Local, user: str) -> dict[str, str]:
    """The access key of `user`'s own IAM user in the automation account; made once for each state.

    It is made anew where its file holds none.
    """
    kept = local.state / f"laptop-{user}.json"
    with contextlib.suppress(OSError, ValueError):
        match json.loads(kept.read_bytes()):
            case {"AWS_ACCESS_KEY_ID": str(name), "AWS_SECRET_ACCESS_KEY": str(secret)}:
                return {"AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": secret}
    from isthmus.local.aws.bootstrap import laptop_user

    policy = people.permissions(platform, people.find(platform, user))
    key = laptop_user(local.root, platform.region, platform.accounts.automation, user, policy)
    files.write(kept, json.dumps(key).encode())
    return key


def variables(local: Local, user: str) -> dict[str, str]:
    """What points the AWS CLI, boto3 and Azure's clients at the local clouds, signed in as `user`."""
    token, platform = local.token(user), local.platform()
    return {
        **local.endpoints(platform.region),
        **laptop_key(platform, local, user),
        "AZURE_DEVOPS_TOKEN": token,
        # The name under which the azure-devops extension and many scripts look for it.
        "AZURE_DEVOPS_EXT_PAT": token,
        "AZURE_DEVOPS_CACHE_DIR": str(local.cache / "azure-devops"),
        "ISTHMUS_CACHE": str(local.cache),
        "ISTHMUS_PLATFORM": str(local.platform_file),
        **_git(local, user),
    }


def _git(local: Local, user: str) -> dict[str, str]:
    """Signs git in by a header, as an agent of Azure Pipelines is: no token stands in a URL or a file.

    What git is told by the environment already stays, but for an earlier sign-in.
    """
    import base64

    count = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    keys = [os.environ.get(f"GIT_CONFIG_KEY_{place}", "") for place in range(count)]
    ours = next((place for place, key in enumerate(keys) if re.fullmatch(SIGN_IN, key)), count)
    header = base64.b64encode(f"{user}:{local.token(user)}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": str(max(count, ours + 1)),
        f"GIT_CONFIG_KEY_{ours}": f"http.{local.azure_url}/.extraHeader",
        f"GIT_CONFIG_VALUE_{ours}": f"Authorization: Basic {header}",
    }


@contextlib.contextmanager
def acting_as(user: str, local: Local) -> Iterator[None]:
    """Run a block of product code with `user`'s environment: it finds both clouds there, as always."""
    before = dict(os.environ)
    try:
        _replace({name: value for name, value in before.items() if not name.startswith(OURS)})
        os.environ.update(variables(local, user))
        yield
    finally:
        _replace(before)


def _replace(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
