"""A project as `isthmus azure apply` makes it from this checkout, for people of the project to attack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from isthmus.azure import provision
from isthmus.azure.contents import Folders
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.present import Present
from isthmus.config import Platform
from tests.azure.conftest import CHECKOUT
from tests.local.azure_devops.standin import PROJECT, Person, StandIn, running

CALLBACK = "https://abc123.execute-api.eu-west-1.amazonaws.com"
FOLDERS = Folders(CHECKOUT, CHECKOUT / "model-build", CHECKOUT / "model-deploy")


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """An organization of its own, because it is attacked."""
    with running(tmp_path_factory.mktemp("attacked")) as found:
        yield found


@pytest.fixture
def provisioned(platform: Platform, empty: StandIn) -> Platform:
    """Applied before the first attack."""
    if not empty.person("admin").ask("GET", f"/_apis/projects/{PROJECT}").ok:
        provision.apply(platform, FOLDERS, callback=CALLBACK, token=empty.token("admin"))
    return platform


@pytest.fixture
def admin(provisioned: Platform, empty: StandIn) -> Person:
    return empty.person("admin")


@pytest.fixture
def dana(provisioned: Platform, empty: StandIn) -> Person:
    """A scientist: she contributes, and administers nothing."""
    return empty.person("dana")


def planned(platform: Platform, present: Present) -> list[Instruction]:
    return provision.plan(platform, FOLDERS, present, CALLBACK)


def number(person: Person, name: str) -> int:
    """The number of a pipeline."""
    found: int = next(one["id"] for one in person.every("pipelines") if one["name"] == name)
    return found
