"""What all steps of a plan have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from isthmus.infra.administrator import Client

_MISSING = (
    "NoSuchBucket",
    "NotFound",
    "NotFoundException",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "RepositoryNotFoundException",
    "FileSystemNotFound",
    "MountTargetNotFound",
    "InvalidGroup.NotFound",
)


class Step(Protocol):
    """One thing that is done; done again, it changes nothing."""

    @property
    def summary(self) -> str:
        """One line: what is lost."""

    def carry_out(self, client: Client) -> None: ...


@contextlib.contextmanager
def gone_is_good() -> Iterator[None]:
    """What is not there need not be deleted."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        missing = said["Code"] in _MISSING or "does not exist" in said.get("Message", "")
        if not missing and "not found" not in said.get("Message", "").lower():
            raise
