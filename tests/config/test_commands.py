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


OWNER = ("--owner", "hail@contoso.example")
OWN = "00000000-1111-2222-3333-444444444444"


def test_a_team_its_model_and_an_account_are_written_down(file: Path) -> None:
    for words in (
        ["team", "add", "hail", "--scientists", "ada bob"],
        ["model", "add", "hail-tomorrow", *OWNER, "--team", "hail", "--connection-client-id", OWN],
        ["account", "add", "prod", "--id", "999900001111", "--replace"],
    ):
        done = call(file, *words)
        assert done.exit_code == 0, done.exception
    platform = read_platform(file)
    assert platform.teams[-1].scientists == ["ada", "bob"]
    model = platform.model("hail-tomorrow")
    assert (model.team, model.build_repository) == ("hail", "hail-tomorrow-build")
    assert (platform.client_of("hail-tomorrow"), platform.models[0].connection_client_id) == (OWN, None)
    assert platform.accounts.prod == "999900001111"
    before = (CHECKOUT / "platform.yaml").read_text().splitlines()
    after = file.read_text().splitlines()
    assert [line for line in before if line not in after] == ['  prod: "444455556666"']


MODEL, ACCOUNT = ("model", "add"), ("account", "add")


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
        ((*MODEL, "hail", *OWNER, "--connection-client-id", "ours"), "connection_client_id"),
        (("team", "add", "hail", "--scientists", "dana"), "everybody has one team"),
        (("team", "add", "Hail"), "small letters and digits"),
        ((*ACCOUNT, "prod", "--id", "111122223333", "--replace"), "prod and dev are the same account"),
        ((*ACCOUNT, "prod", "--id", "1111", "--replace"), "twelve digits"),
        ((*ACCOUNT, "staging", "--email", "ml@contoso.example", "--replace"), "organization.parent"),
        ((*ACCOUNT, "dev", "--email", "x@y.example"), "accounts.dev is 111122223333 already"),
        ((*ACCOUNT, "prod", "--id", "999900001111"), "if 999900001111 is to stand in its place"),
    ],
)
def test_what_aws_would_refuse_is_refused_and_not_written(
    file: Path, words: tuple[str, ...], wrong: str
) -> None:
    raised = call(file, *words).exception
    assert isinstance(raised, BadInput)
    assert wrong in str(raised) and str(file) in str(raised)
    assert file.read_bytes() == (CHECKOUT / "platform.yaml").read_bytes()


def test_what_stands_already_may_be_said_again(file: Path) -> None:
    assert call(file, "account", "add", "prod", "--id", "444455556666").exit_code == 0
    assert file.read_bytes() == (CHECKOUT / "platform.yaml").read_bytes()
