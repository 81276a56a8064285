"""No secret gets into a configuration file: by what it looks like, or by what its variable is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.config import read_platform
from isthmus.errors import BadInput

EXAMPLE = (Path(__file__).parents[2] / "platform.yaml").read_text()
LINE = 2 + next(at for at, line in enumerate(EXAMPLE.splitlines()) if line.startswith("azure:"))
SECRETS = {
    "an access key": "AKIAIOSFODNN7EXAMPLE",
    "a session's key": "ASIAIOSFODNN7EXAMPLE",
    "a token of Azure DevOps": "a2b3c4d5e6" * 5 + "a2",
    "a newer one": "1" * 76 + "AZDO" + "9xYz",
    "a token of GitHub": "ghp_" + "a1B2" * 9,
    "a signed token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
    "a connection string": "Server=db;User Id=me;Password=hunter2",
    "an account key": "DefaultEndpointsProtocol=https;AccountKey=abc==",
    "an address that signs in": "https://me:hunter2@db.example/x",
}


def refused(tmp_path: Path, group: str) -> str:
    file = tmp_path / "platform.yaml"
    file.write_text(EXAMPLE.replace("azure:\n", f"azure:\n  variable_groups: [{group}]\n", 1))
    with pytest.raises(BadInput) as caught:
        read_platform(file)
    return str(caught.value)


@pytest.mark.parametrize("kind", SECRETS)
def test_a_value_that_looks_like_a_secret_is_named_and_not_repeated(kind: str, tmp_path: Path) -> None:
    message = refused(tmp_path, f'{{name: x, pipelines: [a], values: {{URL: "{SECRETS[kind]}"}}}}')
    assert "this looks like a secret" in message and SECRETS[kind] not in message
    assert f"platform.yaml:{LINE}, azure.variable_groups.0.values.URL" in message


@pytest.mark.parametrize("name", ["DB_PASSWORD", "apiKey", "Slack.Token", "AWS_SECRET_ACCESS_KEY", "PAT"])
def test_a_variable_that_is_called_like_a_secret(name: str, tmp_path: Path) -> None:
    message = refused(tmp_path, f"{{name: x, pipelines: [a], values: {{{name}: harmless}}}}")
    assert "it would hold a secret" in message and "harmless" not in message
    assert f"platform.yaml:{LINE}, azure.variable_groups.0.values.{name}" in message


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ("{name: x, pipelines: [a], values: {}}", "values"),
        ("{name: x, pipelines: [], values: {A: b}}", "pipelines"),
        ("{name: x, pipelines: [a], values: {A: 1}}", 'quote it: "1"'),
        ("{name: x, pipelines: [a], values: {A: b, a: c}}", "a stands twice"),
        (
            "{name: x, pipelines: [a], values: {System.Debug: x}}",
            "such names Azure Pipelines takes for itself",
        ),
        ("{name: x, pipelines: [a], values: {a b: x}}", "called by letters"),
        ("{name: x, pipelines: [a], values: {A: b}}, {name: X, pipelines: [a], values: {A: b}}", "twice"),
    ],
)
def test_what_is_no_group_of_variables(group: str, said: str, tmp_path: Path) -> None:
    message = refused(tmp_path, group)
    assert said in message and f"platform.yaml:{LINE}, azure.variable_groups" in message


def test_words_that_only_begin_like_a_secret_are_none(tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    names = "TOKEN_LIMIT: '5', TOKENIZER: words, COMPAT: x, MONKEY: y, LAST_SECRETARY: z"
    group = f"{{name: x, pipelines: [a], values: {{{names}, URL: 'https://a.example/x'}}}}"
    file.write_text(EXAMPLE.replace("azure:\n", f"azure:\n  variable_groups: [{group}]\n", 1))
    assert read_platform(file).azure.variable_groups[0].values["MONKEY"] == "y"
