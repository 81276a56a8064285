"""Lines of logs as people read them."""

from __future__ import annotations

import click
import pytest

from isthmus.local.pipelines.formatting import formatted


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", "plain"),
        ("##[group]Build", "▾ Build"),
        ("##[endgroup]", None),
        ("##[section]Starting", "Starting"),
        ("##[command]ls", "ls"),
        ("##[error]no", "##[error]no"),
        ("x ##[group]", "x ##[group]"),
        ("##[unknown]x", "##[unknown]x"),
    ],
)
def test_formatting_commands(line: str, shown: str | None) -> None:
    found = formatted(line)
    assert (found if found is None else click.unstyle(found)) == shown
