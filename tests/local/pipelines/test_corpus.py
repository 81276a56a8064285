"""`benchmarks/corpus.py` counts what agrees, what does not, and what it left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import corpus

GOOD = "steps:\n- script: exit 0\n"
REFUSED = "# ExpectedException: TemplateValidationException\n"
PIPELINES = {
    "good/pipeline.yml": GOOD,
    "refused/pipeline.yml": f"{REFUSED}# ExpectedErrorMessage: Unexpected parameter 'odd'\n"
    "steps:\n- {template: t.yml, parameters: {odd: x}}\n",
    "refused/t.yml": "parameters: [{name: p, default: x}]\nsteps: []\n",
    "by-marks/other.yml": f"# Name: other\n# LocalRepository: a/b@main=good\n{GOOD}",
    "by-marks/ignored.yml": "no: pipeline\n",
    "completed/pipeline.yml": f"# AutoCompletion: bash\n{GOOD}",
    "runs/pipeline.yml": "variables: [{group: g}]\n"
    "steps:\n- {bash: exit 1, condition: \"ne(variables.a, 'b=c')\"}\n",
    "contained/pipeline.yml": f"container: ubuntu\n{GOOD}",
}
PLACE = "testworkflows/azpipelines"
CALL = f"        Runner.Client --event azpipelines -C {PLACE}/{{0}} -W {PLACE}/{{0}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in PIPELINES.items():
        path = tmp_path / corpus.PIPELINES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    workflow = tmp_path / corpus.WORKFLOW
    workflow.parent.mkdir(parents=True)
    calls = [f"{CALL.format('runs')} --environment-var G=a=b=c", CALL.format("contained")]
    workflow.write_text("\n".join(calls))
    return tmp_path


def score(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = corpus.main([str(folder), "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_expectations_are_read_from_the_corpus_itself(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = score(folder, capsys)
    assert (code, said["disagreed"], said["share"]) == (0, [], 1.0)
    # good, by-marks, runs, contained compile; one is refused, with the word; one runs.
    assert (said["pipelines"], said["expectations"]) == (6, 7)
    assert {one["pipeline"]: one["why"].splitlines()[0] for one in said["left_out"]} == {
        "completed/pipeline.yml": "completion in an editor is no part of `isthmus run`",
        "contained/pipeline.yml": "jobs in containers do not run here",
    }


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("good/pipeline.yml", "steps:\n- odd: x\n", "compiles"),
        ("refused/pipeline.yml", f"{REFUSED}{GOOD}", "is refused"),
        ("runs/pipeline.yml", "steps:\n- bash: exit 1\n", "runs"),
    ],
)
def test_what_does_not_agree_is_named_and_fails(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, expected: str
) -> None:
    (folder / corpus.PIPELINES / name).write_text(text)
    code, said = score(folder, capsys)
    assert code == 1
    assert [(one["pipeline"], one["expected"]) for one in said["disagreed"]] == [(name, expected)]


def test_another_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        corpus.main([str(tmp_path)])
    assert "is it a checkout of ChristopherHX/runner.server?" in capsys.readouterr().err
