"""Apply changes what it made, and leaves alone what it did not make until somebody lets it have that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.azure import marks, provision
from isthmus.azure.client import Client
from isthmus.azure.contents import Folders
from isthmus.azure.present import Present
from isthmus.config import Platform
from isthmus.errors import Refused, Unavailable
from tests.azure.test_destroy import away, names, run
from tests.local.azure_devops.standin import StandIn, running


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[StandIn]:
    """An organization of each test's own."""
    with running(tmp_path / "organization") as found:
        yield found


def test_an_apply_that_was_interrupted_knows_what_it_made(
    platform: Platform, folders: Folders, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("isthmus.azure.instructions.checks.PutCheck.carry_out", away)
        with pytest.raises(Unavailable):
            provision.apply(platform, folders)
    assert "prod" in names(Present(client))
    assert run("apply", folders=folders).exit_code == 0
    assert all(one.id for one in marks.read(Present(client)))
    assert run("destroy", "--yes").exit_code == 0
    assert "prod" not in names(Present(client))


def test_a_thing_of_that_name_is_left_until_it_is_taken_over(
    platform: Platform, folders: Folders, client: Client
) -> None:
    present = Present(client)
    provision.carry_out(
        provision.plan(platform, folders, present)[:1], present, print, platform=platform.name
    )
    agents = present.clients.get_task_agent_client()
    agents.add_environment({"name": "prod", "description": "theirs"}, client.project)
    for command in ("plan", "apply"):
        error = run(command, folders=folders).exception
        assert isinstance(error, Refused)
        assert "apply did not make what has these names" in str(error)
        assert "environment prod" in str(error) and "--adopt" in str(error)
    assert names(present) == {"weather", "prod"}
    done = run("apply", "--adopt", folders=folders)
    assert "= environment prod: Ari Admin made it, and stays its Administrator\n" in done.output
    assert run("plan", folders=folders).output.startswith("nothing to change in project weather of ")
    run("destroy", "--yes")
    assert "prod" not in names(present)
