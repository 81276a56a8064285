from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.azure_devops.standin import PROJECT, Person, StandIn, running


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One stand-in with an empty project; tests make what they need under names of their own."""
    with running(tmp_path_factory.mktemp("azure")) as found:
        found.person("admin").post("/_apis/projects", {"name": PROJECT, "capabilities": {}})
        yield found


@pytest.fixture
def admin(standin: StandIn) -> Person:
    return standin.person("admin")


@pytest.fixture
def dana(standin: StandIn) -> Person:
    return standin.person("dana")


@pytest.fixture
def robin(standin: StandIn) -> Person:
    return standin.person("robin")


@pytest.fixture
def repository(admin: Person, request: pytest.FixtureRequest) -> str:
    """An empty repository with the test's own name."""
    name = request.node.name.replace("_", "-").partition("[")[0]
    admin.post("git/repositories", {"name": name})
    return str(name)
