"""Accounts of a platform other than the example; who imports these fixtures says by `platform_file` which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.config import Platform, read_platform
from isthmus.infra.synth import synthesize
from tests.deploy.conftest import CHECKOUT
from tests.infra.conftest import Cloud, deployed
from tests.local.conftest import Issuer, issuer

__all__ = ["issuer"]


@pytest.fixture(scope="module")
def platform(platform_file: Path) -> Platform:
    return read_platform(platform_file)


@pytest.fixture(scope="module")
def base(platform_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of its accounts."""
    output = tmp_path_factory.mktemp("x") / "out"
    return synthesize(CHECKOUT / "app.py", output, platform=platform_file)


@pytest.fixture(scope="module")
def cloud(
    tmp_path_factory: pytest.TempPathFactory, issuer: tuple[Issuer, str], platform_file: Path, base: Path
) -> Iterator[Cloud]:
    with deployed(tmp_path_factory.mktemp("aws"), issuer, platform_file, base) as found:
        yield found
