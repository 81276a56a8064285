"""A whole session of tests held against Microsoft's descriptions: a plugin of `tests/conftest.py`.

Stand-ins record what they are asked and what they answer, in whatever process they or their callers are:
servers of their own, commands that a pipeline's jobs run. The session that started them reads it all when
they have ended, and fails. What a test exchanges in its own process fails that test by name (`described`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from isthmus.local.azure_devops.recording import FOLDER
from tests.contract import recorded, specs

RECORDS = pytest.StashKey[Path]()
FOUND = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """One folder for the session; its workers inherit it."""
    if FOLDER not in os.environ and specs.find("azure-devops"):
        config.stash[RECORDS] = Path(tempfile.mkdtemp(prefix="isthmus-exchanges-"))
        os.environ[FOLDER] = str(config.stash[RECORDS])


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(RECORDS, None):
        os.environ.pop(FOLDER, None)
        if not config.stash.get(FOUND, []):
            shutil.rmtree(folder)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    folder, described = session.config.stash.get(RECORDS, None), specs.find("azure-devops")
    if not folder or not described or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return
    from tests.contract.azure_swagger import swagger

    problems, unused = recorded.judged(folder, swagger(described))
    if exitstatus == pytest.ExitCode.OK and _is_whole(session.config):
        problems += [f"tests/contract/undescribed.py: nothing asks {one}" for one in unused]
    session.config.stash[FOUND] = problems
    if problems:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_whole(config: pytest.Config) -> bool:
    """Whether all tests were asked for; of some, nobody knows what the others exchange."""
    # Without pytest's cache there is no such option.
    failed_only = getattr(config.option, "lf", False)
    chosen = config.option.keyword or config.option.markexpr or failed_only or config.option.deselect
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not chosen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was not compared, too: a skip is easily overlooked."""
    if specs.find("azure-devops") is None:
        terminalreporter.section("not compared with the vendors' specs", sep="-", yellow=True)
        terminalreporter.line(specs.ABSENT)
    if problems := config.stash.get(FOUND, []):
        title = (
            f"{len(problems)} not as Azure DevOps is described; the exchanges are in {config.stash[RECORDS]}"
        )
        terminalreporter.section(title, sep="=", red=True)
        for problem in problems[:20]:
            terminalreporter.line(problem)
