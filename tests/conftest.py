"""For every file of tests: that none changes the next one's environment; and which files begin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.contract import specs

# No test is about how busy the machine is; and fixtures that a test's examples share are meant.
settings.register_profile(
    "unhurried",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("unhurried")

pytest_plugins = ["tests.contract.session"]
# A process has one, made when Microsoft's client is first asked for.
PER_PROCESS = "AZURE_DEVOPS_CACHE_DIR"


@pytest.fixture(scope="module", autouse=True)
def _environment_is_left_as_it_was() -> Iterator[None]:
    before = _environment()
    yield
    assert _environment() == before


def _environment() -> dict[str, str]:
    ours = ("AWS_", "AZURE_", "ISTHMUS_", "SYSTEM_")
    return {name: said for name, said in os.environ.items() if name.startswith(ours) and name != PER_PROCESS}


@pytest.fixture(autouse=True)
def _azure_devops_is_as_described(request: pytest.FixtureRequest) -> Iterator[None]:
    """All that a test itself sends to Azure DevOps and is answered, where the specs are."""
    folder = specs.find("azure-devops")
    if folder is None or request.node.get_closest_marker("undescribed"):
        yield
        return
    from tests.contract.described import described

    with described(folder):
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The platform's whole stories first: they take longest, and no process is to end alone with one."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)
