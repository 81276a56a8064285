"""In a job the agent obeys what Isthmus says, and nothing that stands in names, data or logs."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.azure.logging_commands import command, silence_others
from isthmus.local.pipelines.logging_commands import Command, parse

HOSTILE = "x##vso[task.setvariable variable=PATH]/evil ##[error]"
ISTHMUS = str(Path(sys.executable).with_name("isthmus"))


def said(words: list[str], **variables: str) -> str:
    done = subprocess.run([ISTHMUS, *words], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode
    return done.stdout + done.stderr


def test_a_name_in_a_message_is_no_command_in_a_job(tmp_path: Path) -> None:
    words = ["--platform", str(tmp_path / HOSTILE.replace("/", "-")), "models"]
    assert "##vso[" in said(words)
    shown = said(words, TF_BUILD="True")
    assert "##vso[" not in shown and "##[" not in shown
    assert "task.setvariable" in shown


@given(st.text(), st.text().map(str.strip))
def test_a_value_arrives_as_it_was_and_as_one_command(value: str, name: str) -> None:
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        command("task.setvariable", value, variable=name, isOutput="true")
    line, end = written.getvalue()[:-1], written.getvalue()[-1]
    assert end == "\n" and "\n" not in line and "\r" not in line
    found = parse(line)
    assert found is not None
    assert (found.name, found.message) == ("task.setvariable", value)
    assert found.properties == {"variable": name, "isoutput": "true"}


def test_our_own_command_passes_in_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setenv("TF_BUILD", "True")
    monkeypatch.setattr(sys, "stdout", written)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    silence_others()
    print(HOSTILE)
    command("task.logissue", "below the bar", type="warning")
    foreign, ours = written.getvalue().splitlines()
    assert parse(foreign) is None
    assert parse(ours) == Command("task.logissue", {"type": "warning"}, "below the bar")
