"""Whether who let something pass is an approver still: a check keeps asking those whom it began with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import yaml

from isthmus import names
from isthmus.azure.approvals import Approval
from isthmus.azure.client import Client
from isthmus.azure.people import Person
from isthmus.azure.resources import MAIN
from isthmus.errors import Refused


def merged(client: Client) -> list[str]:
    """`azure.approvers` as main of the platform's repository has it: a run's checkout is as old as the run.

    Raises `Refused` where main says nobody, and `NotFound` where it has no platform.yaml.
    """
    path = f"git/repositories/{names.PLATFORM_REPOSITORY}/items?path=/platform.yaml"
    main = {"versionDescriptor.version": MAIN.removeprefix("refs/heads/")}
    text = client.get(path, includeContent="true", **{"$format": "json"}, **main)["content"]
    # No more than this: main may be newer than what reads it, and have keys that are not known here.
    try:
        return [str(one) for one in yaml.safe_load(text)["azure"]["approvers"]]
    except (yaml.YAMLError, KeyError, TypeError):
        raise Refused(
            "nobody can be seen who may let prod pass",
            where=f"platform.yaml on main of {names.PLATFORM_REPOSITORY}, azure.approvers",
            todo="mend it by a pull request",
        ) from None


def strangers(approvals: Iterable[Approval], approvers: Iterable[str]) -> Iterator[str]:
    """Each approval that was given as somebody who is none of `approvers`, in words; the last of each check.

    Who is in a group as he decides, Azure DevOps sees. An approval that was passed on to another person is
    given as that person.
    """
    newest = {one.about: one for one in sorted(approvals, key=lambda one: one.decided)}
    listed = list(approvers)
    for about, one in newest.items():
        for who, asked in zip(one.given_by, one.given_as, strict=True):
            if not any(_is_called(asked, name) for name in listed):
                yield f"{who} let {about} pass as {asked}, who is no approver"


def _is_called(one: Person, name: str) -> bool:
    """By its name or account as Azure DevOps shows it, or of a group by the part behind its project."""
    shown = one.name.casefold()
    return name.casefold() in {shown, shown.rpartition("\\")[2], one.account.casefold()}
