"""Every `isthmus ...` that any pipeline's YAML says is one that the command line understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from isthmus.cli import isthmus

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for folder in ("azure-pipelines", "model-build", "model-deploy")
    for path in (ROOT / folder).rglob("*.yml")
)
SCRIPTS = ("bash", "script", "inlineScript")


@pytest.fixture(autouse=True)
def clouds_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a job: else the command line asks which platform runs in this folder, and would take it."""
    monkeypatch.setenv("AWS_PROFILE", "job")


def scripts(node: Any) -> Iterator[str]:
    """Every script below a node of YAML."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in SCRIPTS and isinstance(value, str):
                yield value
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for item in node:
            yield from scripts(item)


def commands(script: str) -> Iterator[list[str]]:
    """The words of each call of `isthmus`; parameters are as they would be, one account for another."""
    shown = re.sub(r"\$\{\{ *parameters\.(account|stage) *\}\}", "prod", script)
    shown = re.sub(r"\$\{\{ *iif\([^,]*, *'([^']*)', *'[^']*'\) *\}\}", r"\1", shown)
    for line in re.split(r"\n|\|\||&&|;", shown.replace("\\\n", " ")):
        words = shlex.split(line)
        if words and words[0] == "isthmus":
            yield words[1:]


def calls() -> list[tuple[str, list[str]]]:
    return [
        (path.relative_to(ROOT).as_posix(), words)
        for path in FILES
        for script in scripts(yaml.safe_load(path.read_text()))
        for words in commands(script)
    ]


def parse(words: list[str]) -> None:
    """Raise where a command, an option or a value is not known; nothing is run."""
    command: click.Command = isthmus
    context = click.Context(command, info_name="isthmus")
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None and name is not None
        command, context = found, click.Context(found, parent=context, info_name=name)
    if "--" in words:
        # What `assume` runs is a command of its own.
        inner = words[words.index("--") + 1 :]
        assert inner[0] == "isthmus"
        parse(inner[1:])
    try:
        command.make_context(context.info_name, list(words), parent=context.parent)
    except click.BadParameter as wrong:
        # Files and variables are there in a job, and not here.
        is_file = wrong.param is not None and isinstance(wrong.param.type, click.Path)
        if not is_file and not wrong.message.startswith("'$"):
            raise


def test_there_are_commands_in_the_pipelines() -> None:
    said = {" ".join(words) for _, words in calls()}
    assert any(one.startswith("assume infrastructure-prod -- isthmus infra deploy") for one in said)
    assert any(one.startswith("assume build --model $MODEL -- isthmus build start") for one in said)
    assert len(said) > 15


@pytest.mark.parametrize(
    ("file", "words"), calls(), ids=lambda value: value if isinstance(value, str) else " ".join(value)[:60]
)
def test_the_command_line_understands_it(file: str, words: list[str]) -> None:
    parse(words)


@pytest.mark.parametrize(
    "wrong",
    [
        "isthmus infra destory prod",
        "isthmus infra deploy --acount prod",
        "isthmus infra deploy --account production",
        "isthmus assume infrastructure -- isthmus infra deploy",
        "isthmus assume infrastructure-prod -- isthmus infra deplyo",
        "isthmus model add snow",
    ],
)
def test_a_mistake_would_be_found(wrong: str) -> None:
    (words,) = commands(wrong)
    with pytest.raises((click.UsageError, AssertionError)):
        parse(words)
