"""In a job the agent obeys what Isthmus says, and nothing that stands in names, data or logs."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.azure.logging_commands import Plain, command, silence_others
from isthmus.local.pipelines.logging_commands import Command, parse

HOSTILE = "x##vso[task.setvariable variable=PATH]/evil ##[error]"
SPAWNING = ("subprocess.run", "subprocess.Popen", "subprocess.call", "lifeline.spawn")
ROOT = Path(__file__).parents[2]
ISTHMUS = str(Path(sys.executable).with_name("isthmus"))


def said(words: list[str], **variables: str) -> str:
    done = subprocess.run([ISTHMUS, *words], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode
    return done.stderr + done.stdout


def test_a_name_in_a_message_is_no_command_in_a_job(tmp_path: Path) -> None:
    words = ["--platform", str(tmp_path / HOSTILE.replace("/", "-")), "models"]
    assert "##vso[" in said(words)
    shown = said(words, TF_BUILD="True")
    *told, ours = shown.splitlines()
    assert told and not any(parse(line) for line in told) and "##[" not in "".join(told)
    found = parse(ours)
    assert found is not None
    assert (found.name, found.properties) == ("task.logissue", {"type": "error"})
    assert "task.setvariable" in "".join(told) and "there is no" in found.message


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


@given(st.lists(st.sampled_from(["#", "##", "##vso[", "vso[", "vs", "o[", "[", "task.x]", " ", "\n"])))
def test_no_pieces_make_a_command(pieces: list[str]) -> None:
    written = io.StringIO()
    plain = Plain(written)  # type: ignore[arg-type]
    plain.writelines(pieces)
    assert "##vso[" not in written.getvalue() and "##[" not in written.getvalue()
    # And nobody's words are lost.
    assert written.getvalue().replace(" ", "") == "".join(pieces).replace(" ", "")


# Who prints in a job past `Plain`: a file descriptor, the stream beneath, or a program that inherits them.
PAST = re.compile(
    r"__std(out|err)__|std(out|err)\.buffer|os\.write\(|os\.(system|popen)|sys\.std(out|err)\.fileno"
)
JOBS = ("audit", "azure", "build", "compare", "config", "deploy", "doctor", "infra", "monitor", "operate")


@pytest.mark.parametrize("package", JOBS)
def test_nothing_that_runs_in_a_job_prints_by_another_road(package: str) -> None:
    for file in (ROOT / "isthmus" / package).rglob("*.py"):
        text = file.read_text()
        assert not PAST.search(text), file
        for call in ast.walk(ast.parse(text)):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in SPAWNING:
                given = {word.arg for word in call.keywords}
                assert "capture_output" in given or {"stdout", "stderr"} <= given, f"{file}:{call.lineno}"


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
