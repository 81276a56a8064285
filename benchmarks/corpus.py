"""On how many of somebody else's pipelines `isthmus run` agrees with what they expect.

python benchmarks/corpus.py FOLDER [--json]

FOLDER is a checkout of github.com/ChristopherHX/runner.server, an independent implementation of Azure
Pipelines, whose own tests are read where they stand: the comments on top of its pipelines, which say whether
one compiles and what its error names, and the commands of its workflow, which say what must run and succeed.
A run whose tasks this machine lacks (PowerShell, containers) says nothing, and is listed with the reason.
Exits with 1 where fewer than 95 % agree.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from click.testing import CliRunner

from isthmus.errors import Problem
from isthmus.local.pipelines.folders import FolderSources
from isthmus.local.pipelines.host import Located, Repository, Request, VariableValue
from isthmus.local.pipelines.local_run import compile_here, context_of
from isthmus.local.pipelines.plan import Plan
from isthmus.local.pipelines.run import run
from isthmus.local.pipelines.tasks import refuse_unsupported
from isthmus.local.pipelines.variables import predefined

PIPELINES = Path("testworkflows", "azpipelines")
WORKFLOW = Path(".github", "workflows", "nuget.yml")
AIM = 0.95
# What makes a file a test, where its name does not.
MARKS = {"name", "validatesyntax", "expectederrormessage", "expectedexception", "localrepository"}


@dataclass(frozen=True)
class Finding:
    """One expectation of one pipeline; `agrees` is None where it was left out."""

    pipeline: str
    expected: str
    agrees: bool | None
    why: str = ""


@dataclass(frozen=True)
class Command:
    """A line of the workflow: a folder, the files in it that must succeed, and what they are given."""

    folder: Path
    files: tuple[Path, ...]
    repositories: Mapping[str, Path]
    variables: Mapping[str, str]
    groups: Mapping[str, Mapping[str, str]]


class Folders(FolderSources):
    """Repositories by name and ref; a variable group that nobody gave is empty, as in the corpus's tests."""

    def __init__(
        self,
        folder: Path,
        named: Mapping[str, Path],
        groups: Mapping[str, Mapping[str, VariableValue]] | None = None,
    ) -> None:
        super().__init__({"self": folder}, groups)
        self.named = named

    def locate(self, repository: Repository) -> Located:
        ref = repository.ref.removeprefix("refs/heads/")
        if folder := self.named.get(f"{repository.name}@{ref}"):
            self.folders.setdefault(repository.alias, folder.resolve())
        return super().locate(repository)

    def variable_group(self, name: str) -> Mapping[str, VariableValue]:
        return self.groups.get(name, {})


# ---------------------------------------------------------------- what compiles


def tests(folder: Path) -> Iterator[Path]:
    """The pipelines that the corpus tests: the `pipeline*.yml` of a folder or what has marks; else below."""
    files = sorted(folder.glob("*.yml"))
    found = [file for file in files if file.name.startswith("pipeline")]
    found = found or [file for file in files if MARKS & marks(file).keys()]
    yield from found
    if not found:
        for below in sorted(one for one in folder.iterdir() if one.is_dir()):
            yield from tests(below)


def marks(file: Path) -> dict[str, list[str]]:
    """The comments `# Name: value` of a file, by name in lower case."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^# (\w+): (.*?)\r?$", file.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name.lower(), []).append(value)
    return found


def compiled(file: Path, sources: FolderSources) -> Plan:
    context = context_of(file, sources.locate(Repository("self")), "")
    return compile_here(file, sources, Request(predefined=predefined(context)))


def compiles(root: Path, file: Path) -> Iterator[Finding]:
    """What its comments expect of a pipeline: that it compiles, or is refused and what the error names."""
    said, name = marks(file), file.relative_to(root).as_posix()
    if "autocompletion" in said:
        yield Finding(name, "completes", None, "completion in an editor is no part of `isthmus run`")
        return
    named = dict(one.split("=", 1) for one in said.get("localrepository", ()))
    sources = Folders(file.parent, {name: root / folder for name, folder in named.items()})
    try:
        compiled(file, sources)
        error = ""
    except Problem as problem:
        error = str(problem)
    if "expectedexception" not in said:
        yield Finding(name, "compiles", not error, error)
        return
    yield Finding(name, "is refused", bool(error))
    for message in said.get("expectederrormessage", ()):
        yield Finding(name, f"is refused with {message!r}", _names_the_same(message, error), error)


def _names_the_same(expected: str, error: str) -> bool:
    """Our sentences are our own; what theirs quotes, or all of it where it quotes nothing, is in ours too."""
    return all(one in error for one in re.findall(r"'([^']+)'", expected) or [expected])


# ---------------------------------------------------------------- what runs


def commands(root: Path) -> Iterator[Command]:
    """The workflow's calls of its runner with an Azure pipeline."""
    for line in (root / WORKFLOW).read_text(encoding="utf-8").splitlines():
        if line.strip().startswith("Runner.Client --event azpipelines"):
            yield _command(root, shlex.split(line))


def _command(root: Path, words: list[str]) -> Command:
    pairs = list(zip(words[1::2], words[2::2], strict=True))
    given = {option: [value for name, value in pairs if name == option] for option, _ in pairs}
    what = root / given["-W"][0]
    named = dict(one.split("=", 1) for one in given.get("--local-repository", ()))
    variables = dict(one.split("=", 1) for one in given.get("--var", []) + given.get("--env", []))
    groups: dict[str, dict[str, str]] = {}
    for one in given.get("--environment-var", ()):
        group, name, value = one.split("=", 2)
        groups.setdefault(group.lower(), {})[name] = value
    return Command(
        folder=root / given["-C"][0],
        files=tuple(sorted(what.glob("*.yml"))) if what.is_dir() else (what,),
        repositories={name: root / folder for name, folder in named.items()},
        variables=variables,
        groups=groups,
    )


def succeeds(root: Path, command: Command, file: Path) -> Finding:
    """What came of a pipeline that must succeed, run by our command as anybody would."""
    name = file.relative_to(root / PIPELINES).as_posix()
    groups = {
        group: {one: VariableValue(value) for one, value in values.items()}
        for group, values in command.groups.items()
    }
    sources = Folders(command.folder, command.repositories, groups)
    try:
        plan = compiled(file, sources)
    except Problem as problem:
        return Finding(name, "runs", False, str(problem))
    try:
        refuse_unsupported(plan)
    except Problem as problem:
        return Finding(name, "runs", None, str(problem))
    with tempfile.TemporaryDirectory() as scratch:
        done = CliRunner().invoke(run, _arguments(command, file, sources, plan, Path(scratch)))
    said = f"{done.output[-600:]}{done.exception or ''}".strip()
    return Finding(name, "runs", done.exit_code == 0, said if done.exit_code else "")


def _arguments(command: Command, file: Path, sources: FolderSources, plan: Plan, scratch: Path) -> list[str]:
    arguments = [str(file)]
    for alias, folder in sources.folders.items():
        arguments += ["--repository", f"{alias}={folder}"]
    for name, value in command.variables.items():
        arguments += ["--variable", f"{name}={value}"]
    for group, values in command.groups.items():
        path = scratch / f"{group}.yml"
        path.write_text(json.dumps(values))
        arguments += ["--group", f"{group}={path}"]
    places = {job.environment for stage in plan.stages for job in stage.jobs if job.environment}
    return arguments + [word for place in sorted(places) for word in ("--approve", place)]


# ---------------------------------------------------------------- what came of it


def findings(root: Path) -> Iterator[Finding]:
    for file in tests(root / PIPELINES):
        yield from compiles(root / PIPELINES, file)
    for command in commands(root):
        for file in command.files:
            yield succeeds(root, command, file)


def told(found: list[Finding]) -> dict[str, object]:
    counted = [one for one in found if one.agrees is not None]
    agreed = sum(one.agrees is True for one in counted)
    return {
        "pipelines": len({one.pipeline for one in found}),
        "expectations": len(counted),
        "agreed": agreed,
        "share": round(agreed / len(counted), 4) if counted else 0.0,
        "disagreed": [asdict(one) for one in counted if not one.agrees],
        "left_out": [asdict(one) for one in found if one.agrees is None],
    }


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a checkout of ChristopherHX/runner.server")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    asked = parser.parse_args(words)
    root = asked.folder.resolve()
    for needed in (PIPELINES, WORKFLOW):
        if not (root / needed).exists():
            parser.error(f"there is no {needed} in {root}: is it a checkout of ChristopherHX/runner.server?")
    found = list(findings(root))
    said = told(found)
    for one in found:
        if not one.agrees:
            what = "left out" if one.agrees is None else "DISAGREES"
            print(f"{what}: {one.pipeline} {one.expected}: {one.why}")
    print("{agreed} of {expectations} expectations agree, of {pipelines} pipelines".format(**said))
    if asked.json:
        print(json.dumps(said))
    return 0 if float(str(said["share"])) >= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
