"""`isthmus model add`, `team add` and `account add`: what is written, and what is refused and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isthmus.cli import isthmus
from isthmus.config import read_platform
from isthmus.errors import BadInput

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "platform.yaml"
    found.write_bytes((CHECKOUT / "platform.yaml").read_bytes())
    return found


def call(file: Path, *words: str) -> Result:
    return CliRunner(env={"ISTHMUS_PLATFORM": None}).invoke(isthmus, ["--platform", str(file), *words])


def test_a_team_its_model_and_an_account_are_written_down(file: Path) -> None:
    for words in (
        ["team", "add", "hail", "--scientists", "ada bob"],
        ["model", "add", "hail-tomorrow", "--owner", "hail@contoso.example", "--team", "hail"],
        ["account", "add", "prod", "--id", "999900001111"],
    ):
        done = call(file, *words)
        assert done.exit_code == 0, done.exception
    platform = read_platform(file)
    assert platform.teams[-1].scientists == ["ada", "bob"]
    model = platform.model("hail-tomorrow")
    assert (model.team, model.build_repository) == ("hail", "hail-tomorrow-build")
    assert platform.accounts.prod == "999900001111"
    before = (CHECKOUT / "platform.yaml").read_text().splitlines()
    after = file.read_text().splitlines()
    assert [line for line in before if line not in after] == ['  prod: "444455556666"']


MODEL = ("model", "add")
OWNER = ("--owner", "hail@contoso.example")


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ((*MODEL, "Hail Tomorrow", *OWNER), "small letters and digits"),
        ((*MODEL, "hail_tomorrow", *OWNER), "small letters and digits"),
        ((*MODEL, "h" * 41, *OWNER), "at most 40"),
        ((*MODEL, "prod-rain", *OWNER), "the names of others"),
        ((*MODEL, "seattle-rain", *OWNER), "stands twice"),
        ((*MODEL, "hail", *OWNER, "--team", "whether"), "did you mean 'weather'"),
        ((*MODEL, "hail", *OWNER, "--build-repository", "platform"), "the platform's own"),
        (("team", "add", "hail", "--scientists", "dana"), "everybody has one team"),
        (("team", "add", "Hail"), "small letters and digits"),
        (("account", "add", "prod", "--id", "111122223333"), "prod and dev are the same account"),
        (("account", "add", "prod", "--id", "1111"), "twelve digits"),
        (("account", "add", "staging", "--email", "ml@contoso.example"), "organization.parent"),
    ],
)
def test_what_aws_would_refuse_is_refused_and_not_written(
    file: Path, words: tuple[str, ...], wrong: str
) -> None:
    raised = call(file, *words).exception
    assert isinstance(raised, BadInput)
    assert wrong in str(raised) and str(file) in str(raised)
    assert file.read_bytes() == (CHECKOUT / "platform.yaml").read_bytes()
