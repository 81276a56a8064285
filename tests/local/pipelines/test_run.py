"""`isthmus run` from the command line."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pty
import re
import select
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isthmus.errors import BadInput
from isthmus.local.pipelines.run import run

TEXT = """\
parameters: [{name: who, type: string, default: world}]
stages:
- stage: a
  jobs:
  - {job: one, steps: [bash: 'echo hello $WHO', ], variables: {WHO: '${{ parameters.who }}'}}
- stage: b
  jobs:
  - {job: two, steps: [bash: 'echo second; exit ${CODE:-0}']}
- stage: c
  jobs:
  - {deployment: three, environment: prod, strategy: {runOnce: {deploy: {steps: [bash: 'echo third']}}}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "azure-pipelines.yml"
    path.write_text(TEXT)
    return path


def call(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(run, [str(one) for one in arguments], env=environment)


def test_a_run_shows_each_step_and_succeeds(file: Path) -> None:
    done = call(file, "-p", "who=you", "--approve", "prod")
    assert done.exit_code == 0, done.output
    assert "hello you" in done.output
    assert "third" in done.output


def test_what_is_skipped_says_why(tmp_path: Path) -> None:
    file = tmp_path / "azure-pipelines.yml"
    file.write_text(
        "jobs:\n- job: one\n  steps:\n  - bash: exit 1\n  - {bash: 'true', displayName: then}\n"
        "  - {bash: 'true', displayName: off, enabled: false}\n"
        "- {job: two, dependsOn: one, steps: []}\n"
        "- {job: three, dependsOn: one, condition: 'eq(1, 2)', steps: []}\n"
    )
    said = call(file).output
    assert "one / then  skipped: not all before it succeeded" in said
    assert "one / off  skipped: it is not enabled" in said
    assert "two  skipped: not all before it succeeded" in said
    assert "three  skipped: its condition eq(1, 2) is false" in said


def test_all_that_hinders_a_run_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "azure-pipelines.yml"
    file.write_text(
        "resources: {repositories: [{repository: other, type: git, name: other}]}\n"
        "steps:\n- checkout: other\n- task: PowerShel@2\n- {task: AzureCLI@2, inputs: {azureSubscription: c, "
        "scriptType: bash, scriptLocation: inlineScript, inlineScript: x}}\n"
    )
    told = str(call(file).exception)
    assert told.startswith("3 things are wrong")
    assert (
        "did you mean 'PowerShell@2'?" in told and "repository 'other'" in told and "connection 'c'" in told
    )
    file.write_text(f"{file.read_text()}- {{bash: x, conditon: always()}}\n")
    told = str(call(file).exception)
    assert told.startswith("4 things are wrong") and "did you mean 'condition'?" in told
    assert "conditon" in str(call(file, "--plan").exception) and "PowerShel" not in str(
        call(file, "--plan").exception
    )
    assert "did you mean 'AzureCLI@2'?" in str(call(file, "--without", "AzureCL@2").exception)


def test_a_step_begins_under_the_name_that_its_variables_give(tmp_path: Path) -> None:
    file = tmp_path / "azure-pipelines.yml"
    file.write_text("variables: {version: 3.11}\nsteps: [{bash: 'true', displayName: 'Use $(version)'}]\n")
    done = call(file)
    assert "Use 3.11" in done.output
    assert "$(version)" not in done.output


STEERING = r"\r\e]0;owned\a\e[2J\x9b2J"
SPELT = r"\x1b]0;owned\x07"


def test_nothing_in_a_run_steers_the_terminal(file: Path) -> None:
    file.write_text(
        f"""\
jobs:
- job: a
  displayName: "job {STEERING}"
  pool: {{vmImage: "windows {STEERING}"}}
  variables: {{v: "{STEERING}"}}
  steps:
  - {{bash: echo "$(v)"; exit 1, displayName: "step {STEERING}"}}
  - {{bash: 'printf "\\033[31mred\\033[0m"', condition: failed()}}
"""
    )
    said = CliRunner().invoke(run, [str(file)], color=True).output
    assert said.count(rf"\r{SPELT}\x1b[2J\x9b2J") == 5, said
    assert "\x1b[31mred\x1b[0m" in said
    assert not re.search(r"[\x07\x9b\r]|\x1b(?!\[[0-9;]*m)", said)


def test_an_error_steers_no_terminal_either(tmp_path: Path) -> None:
    file = tmp_path / "\x1b]0;owned\x07.yml"
    file.write_text("steps: 1")
    program = [sys.executable, "-m", "isthmus", "run", str(file)]
    said = subprocess.run(program, capture_output=True, text=True, check=False).stderr
    assert f"{SPELT}.yml:1" in said
    assert "\x1b" not in said


def test_a_folder_that_vanishes_beside_it_does_no_harm(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = file.parent / "gone"
    gone.mkdir()
    (file.parent / "gone.yml").symlink_to(gone / "nothing.yml")
    scandir = os.scandir

    def late(path: object = ".") -> object:
        if str(path) == str(gone) and gone.exists():
            gone.rmdir()
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", late)
    done = call(file, "--approve", "prod")
    assert (done.exit_code, gone.exists()) == (0, False), done.output


def test_a_failed_run_exits_1(file: Path) -> None:
    done = call(file, "--only", "b.two", CODE="4")
    assert done.exit_code == 1
    assert "bash exited with code '4'" in done.output
    assert "hello" not in done.output


def test_variables_that_grow_without_end_are_refused_by_name(file: Path) -> None:
    grown = "".join(f"  v{number}: {f'$(v{number - 1})' * 10}\n" for number in range(1, 11))
    file.write_text(f"variables:\n  v0: 0123456789\n{grown}steps:\n- bash: echo went on\n")
    done = call(file)
    assert done.exit_code == 1, done.output
    assert "with $(v5) a text would have more than 1,000,000 characters" in done.output
    assert "went on" not in done.output


@pytest.mark.parametrize(
    "step", ["bash: echo $(all)", "{bash: 'true', enabled: $(all)}", "{bash: 'true', displayName: $(all)}"]
)
def test_a_text_that_grows_without_end_fails_its_step(file: Path, step: str) -> None:
    many = "$(v)" * 11
    file.write_text(
        f"variables: {{v: {'x' * 100_000}}}\nsteps:\n- {step.replace('$(all)', many)}\n"
        "- {bash: echo at last, condition: always()}\n"
    )
    done = call(file)
    assert done.exit_code == 1, done.output
    assert "with $(v) a text would have more than 1,000,000 characters" in done.output
    assert "at last" in done.output


def test_without_a_terminal_an_environment_is_refused_clearly(file: Path) -> None:
    done = call(file, "--from", "c")
    assert done.exit_code == 1
    assert "add --approve prod" in done.output
    assert "second" not in done.output


def test_plan_runs_nothing(file: Path) -> None:
    done = call(file, "--plan")
    assert done.exit_code == 0
    assert "task: Bash@3" in done.output
    assert "hello world" not in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-p", "whoo=x"), "unexpected parameter 'whoo'; did you mean 'who'?"),
        (("-p", "who"), "--parameter is NAME=VALUE"),
        (("--only", "tow"), "there is no job 'tow'; did you mean 'two'?"),
        (("--from", "d"), "there is no stage 'd'"),
        (("-r", "x=/nowhere"), "does not exist"),
    ],
)
def test_what_is_asked_wrongly_is_said(file: Path, arguments: tuple[str, ...], message: str) -> None:
    done = call(file, *arguments)
    assert isinstance(done.exception, BadInput)
    assert message in str(done.exception)
    assert done.exception.exit_code == 2


def test_credentials_of_whoever_runs_it_do_not_reach_the_steps(file: Path) -> None:
    file.write_text('steps:\n- bash: echo "[$AWS_ACCESS_KEY_ID]"\n')
    assert "[]" in call(file, AWS_ACCESS_KEY_ID="AKIA").output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_stops_its_step_and_cleans_up(file: Path, number: int) -> None:
    file.write_text(
        "steps:\n- bash: echo started; exec sleep 60\n- bash: echo cleaned\n  condition: always()\n"
    )
    program = [sys.executable, "-m", "isthmus", "run", str(file)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    assert any("started" in line for line in process.stdout)
    process.send_signal(number)
    rest = process.stdout.read()
    assert process.wait(60) == 130
    assert "cleaned" in rest
    assert "Traceback" not in rest


ALONE = """\
import os, sys, time
os.setsid()
held = os.open(sys.argv[1], os.O_WRONLY)
os.write(held, b"started")
time.sleep(600)
"""


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A program in a session of its own as a line of shell, and a descriptor that it holds open."""
    (tmp_path / "alone.py").write_text(ALONE)
    os.mkfifo(tmp_path / "held")
    reading = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    yield f"{sys.executable} {tmp_path / 'alone.py'} {tmp_path / 'held'} &", reading
    os.close(reading)


def until(reading: int, text: bytes) -> bool:
    """Whether this comes within a minute; nothing at all is the end."""
    return bool(select.select([reading], [], [], 60)[0]) and os.read(reading, 100) == text


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere orphans are init's")
def test_a_runner_that_is_killed_leaves_nobody_behind(file: Path, alone: tuple[str, int]) -> None:
    script, reading = alone
    file.write_text(f"steps:\n- bash: |\n    {script}\n    sleep 600\n")
    process = subprocess.Popen([sys.executable, "-m", "isthmus", "run", str(file)])
    assert until(reading, b"started")
    process.kill()
    process.wait(60)
    assert until(reading, b"")


def test_what_a_step_starts_in_the_background_goes_on_until_the_job_ends(file: Path, tmp_path: Path) -> None:
    file.write_text(
        "steps:\n- bash: sleep 600 > /dev/null 2>&1 & echo $! > $(Agent.TempDirectory)/pid\n"
        f"- bash: kill -0 $(cat $(Agent.TempDirectory)/pid); cp $(Agent.TempDirectory)/pid {tmp_path}\n"
    )
    done = call(file)
    assert done.exit_code == 0, done.output
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_two_signals_at_once_are_one_wish(file: Path) -> None:
    file.write_text("steps:\n- bash: echo started; sleep 60\n- bash: echo cleaned\n  condition: canceled()\n")
    program = [sys.executable, "-m", "isthmus", "run", str(file)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    assert any("started" in line for line in process.stdout)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait(60) == 130
    assert "cleaned" in rest


def test_whoever_interrupts_twice_is_let_go_at_once(file: Path) -> None:
    file.write_text(
        "steps:\n- bash: echo started; exec sleep 60\n"
        "- bash: echo cleaning; exec sleep 60\n  condition: always()\n"
    )
    program = [sys.executable, "-m", "isthmus", "run", str(file)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    assert any(line.endswith(" started\n") for line in process.stdout)
    process.send_signal(signal.SIGINT)
    assert any(line.endswith(" cleaning\n") for line in process.stdout)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    assert process.wait(60) == 130
    assert "Traceback" not in process.stdout.read()


GROUP = "password: {value: pa ss, isSecret: true}\nregion: eu-central-1\n"


def test_a_variable_group_is_a_file_and_its_secrets_are_masked(file: Path, tmp_path: Path) -> None:
    (tmp_path / "weather.yaml").write_text(GROUP)
    file.write_text("variables: [{group: weather}]\nsteps:\n- bash: echo $(region) $(password) [$PASSWORD]\n")
    done = call(file, "--group", f"weather={tmp_path / 'weather.yaml'}")
    assert "eu-central-1 *** []" in done.output
    assert "add --group weather=FILE" in str(call(file).exception)


@pytest.mark.parametrize("text", ["- a\n", "a: [b]\n", "a: {value: x, secret: y}\n", "a: [", "\x00"])
def test_a_file_that_is_no_variable_group_is_refused(file: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "group.yaml").write_text(text)
    done = call(file, "--plan", "-g", f"weather={tmp_path / 'group.yaml'}")
    assert isinstance(done.exception, BadInput)


def test_a_secret_comes_from_the_environment(file: Path) -> None:
    file.write_text('steps:\n- bash: echo "[$KEY][${TOKEN-}]"\n  env: {KEY: $(TOKEN)}\n')
    assert "[***][]" in call(file, "--secret", "TOKEN", TOKEN="hush").output
    assert "the environment has no NOPE" in str(call(file, "--secret", "NOPE").exception)


VALIDATION = """\
jobs:
- job: wait
  pool: server
  steps:
  - {task: ManualValidation@1, timeoutInMinutes: 5, inputs: {instructions: look at it}}
- {job: after, dependsOn: wait, steps: [bash: echo went on]}
"""


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [(b"y\n", 0, "went on"), (b"n\n", 1, "not approved: 'wait'"), (b"\x03", 130, "canceled")],
)
def test_a_validation_is_asked_on_the_terminal(file: Path, answer: bytes, code: int, said: str) -> None:
    file.write_text(VALIDATION)
    mine, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "isthmus", "run", str(file)],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(process.stdout.fileno(), 1000)
    if answer == b"\x03":
        process.send_signal(signal.SIGINT)
    else:
        os.write(mine, answer)
    rest = process.stdout.read().decode()
    os.close(mine)
    os.close(theirs)
    assert (process.wait(60), said in rest) == (code, True), rest
    assert b"look at it" in shown


def test_without_a_terminal_a_validation_is_given_beforehand_or_not_at_all(file: Path) -> None:
    file.write_text(VALIDATION)
    assert "add --approve wait" in call(file).output
    assert "went on" in call(file, "--approve", "wait").output


def test_a_repository_without_a_folder_is_missed_only_where_it_is_needed(file: Path) -> None:
    resource = "resources: {repositories: [{repository: lib, type: git, name: team/lib}]}\n"
    file.write_text(resource + "steps:\n- bash: echo here\n")
    assert "here" in call(file).output
    file.write_text(resource + "steps:\n- bash: echo here\n- checkout: lib\n")
    done = call(file)
    assert "add --repository lib=FOLDER" in str(done.exception)
    assert "azure-pipelines.yml:4:3" in str(done.exception)
    assert "here" not in done.output
    file.write_text(resource + "steps:\n- template: t.yml@lib\n")
    assert "azure-pipelines.yml:3:13" in str(call(file).exception)


def test_what_does_not_run_here_can_be_left_out(file: Path) -> None:
    file.write_text(
        "pool: {vmImage: windows-latest}\nsteps:\n- task: Docker@2\n- bash: echo the rest\n"
        "- {task: AzureCLI@2, inputs: {azureSubscription: x, scriptType: bash, inlineScript: x}}\n"
    )
    refused = call(file)
    assert "the task Docker@2 does not run here" in str(refused.exception)
    assert "--without Docker@2" in str(refused.exception)
    done = call(file, "--without", "docker@2", "--without", "AzureCLI@2")
    assert done.exit_code == 0, done.output
    assert "the rest" in done.output
    assert "asks for windows-latest; its steps run here" in done.output
    assert "did you mean 'Docker@2'" in str(call(file, "--without", "dcoker@2").exception)


@pytest.mark.parametrize("ours", [True, False])
def test_what_a_step_installs_does_not_change_this_python(file: Path, tmp_path: Path, ours: bool) -> None:
    about = "left_behind-1.dist-info"
    with zipfile.ZipFile(tmp_path / "left_behind-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("left_behind.py", "")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: left-behind\nVersion: 1\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    file.write_text(
        "steps:\n- task: UsePythonVersion@0\n"
        "- bash: pip install -q --no-index ./left_behind-1-py3-none-any.whl\n"
        '- bash: python -c \'import left_behind; print("installed", "here")\'\n'
        "- bash: python -c 'import isthmus'\n"
        "- {bash: command -v isthmus pytest, condition: always()}\n"
    )
    if ours:
        (tmp_path / "model.yaml").write_text("name: rain\n")
    own = Path(sys.executable).parent
    done = call(file, PATH=f"{own}{os.pathsep}{os.environ['PATH']}")
    assert "installed here" in done.output, done.output
    if ours:
        assert done.exit_code == 0, done.output
    else:
        # As on an agent: what nothing has installed is missed.
        assert "No module named 'isthmus'" in done.output
        assert f"{own}/" not in done.output
    assert importlib.util.find_spec("left_behind") is None


def test_a_pipeline_may_lie_anywhere_in_its_checkout(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for folder in ("build", "eng"):
        (tmp_path / folder).mkdir()
    (tmp_path / "eng/say.yml").write_text("steps:\n- bash: ls\n")
    file = tmp_path / "build/azure-pipelines.yml"
    file.write_text("steps:\n- template: ../eng/say.yml\n- template: /eng/say.yml\n")
    assert call(file).output.count("│ eng\n") == 2
    (tmp_path / "build/model.yaml").write_text("name: rain\n")
    assert "lies outside of its repository" in str(call(file).exception)


def test_what_one_job_installs_no_other_has(file: Path) -> None:
    """An agent is fresh for each job: two of a matrix install their own folder each, at one time."""
    file.write_text(
        "strategy: {matrix: {a: {x: 1}, b: {x: 2}}}\n"
        "steps:\n- bash: python -c 'import sys; print(\"prefix\", sys.prefix)'\n"
    )
    done = call(file)
    assert done.exit_code == 0, done.output
    assert len(set(re.findall("prefix (.*)", done.output))) == 2
