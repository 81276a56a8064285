"""A repository's pipeline definition: made by its pipeline.py in a process of its own, and kept by content.

Importing the SageMaker SDK takes seconds, so the same content is not defined twice: the cache key covers
everything that the definition is made from.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from isthmus import config
from isthmus.build.content import digest
from isthmus.build.validate import validate
from isthmus.config import read_model
from isthmus.errors import BadInput, Problem
from isthmus.instances import STEPS, require_known

# What the definition depends on beside the repository: the SDK, how we write steps with it, and defaults.
OURS = (Path(__file__).with_name("authoring.py"), *sorted(Path(config.__file__).parent.glob("*.py")))
TRACE_LINES = 6
IN_REPOSITORY = "run in a model-build repository"
READ = (".py", ".yaml", ".yml", ".json", ".toml", ".txt", ".cfg")


def define(repository: Path) -> str:
    """The definition of `repository`'s pipeline as canonical JSON; the same content gives the same bytes.

    Raises `Problem` with the end of the trace where pipeline.py fails, and `BadInput` where SageMaker would
    refuse what it defines.
    """
    if not (repository / "pipeline.py").is_file():
        raise BadInput("there is no pipeline.py", where=str(repository.resolve()), todo=IN_REPOSITORY)
    kept = _cache() / f"{_key(repository)}.json"
    if kept.exists():
        return kept.read_text()
    config = read_model(repository / "model.yaml")
    require_known(config.compute.instance_type, STEPS, repository / "model.yaml", "compute", "instance_type")
    text = _canonical(_run(repository))
    validate(text)
    kept.parent.mkdir(parents=True, exist_ok=True)
    scratch = kept.with_suffix(f".{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(kept)
    return text


def _key(repository: Path) -> str:
    """Covers every file that pipeline.py may read; tests and what stands in hidden folders are not read."""
    files = sorted(
        file
        for file in repository.rglob("*")
        if file.suffix in READ
        and file.is_file()
        and not any(
            part == "tests" or part.startswith((".", "__"))
            for part in file.relative_to(repository).parts[:-1]
        )
    )
    about = [f"{file.relative_to(repository).as_posix()} {digest(file)}" for file in files]
    about += [*map(digest, OURS), version("sagemaker-mlops"), version("sagemaker-core"), sys.version]
    return hashlib.sha256("\n".join(about).encode(errors="surrogateescape")).hexdigest()[:32]


def _cache() -> Path:
    return Path(os.environ.get("ISTHMUS_CACHE", Path.home() / ".cache" / "isthmus")) / "definitions"


def _run(repository: Path) -> str:
    done = subprocess.run(
        [sys.executable, "pipeline.py"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
        env=_quiet(),
    )
    if done.returncode:
        raise _failure(repository, done.stderr.strip().splitlines())
    return done.stdout


def _failure(repository: Path, trace: list[str]) -> Problem:
    """The last line of pipeline.py's trace, and the last place in the repository that it names."""
    mine = re.compile(rf'\s*File "{re.escape(str(repository.resolve()))}/(.+)", line (\d+)')
    places = [found for line in trace if (found := mine.match(line))]
    where = f"{places[-1][1]}:{places[-1][2]}" if places else "pipeline.py"
    tail = "\n".join(trace[-TRACE_LINES:])
    return Problem(
        f"pipeline.py failed: {trace[-1] if trace else 'it said nothing'}",
        where=where,
        todo=f"the end of its trace:\n{tail}",
    )


def _quiet() -> dict[str, str]:
    """The environment without what makes the SDK look for a cloud, or the bytes differ between people."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


def _canonical(printed: str) -> str:
    """The definition in what pipeline.py printed, without empty members and in a fixed order."""
    decoder = json.JSONDecoder()
    for start in (match.start() for match in re.finditer(r"^\s*\{", printed, re.MULTILINE)):
        try:
            document, _ = decoder.raw_decode(printed[start:].lstrip())
        except ValueError:
            continue
        if "Steps" in document:
            filled = {key: value for key, value in document.items() if value is not None}
            return json.dumps(filled, sort_keys=True, separators=(",", ":"))
    raise Problem(
        "pipeline.py did not print a pipeline definition",
        where="pipeline.py",
        todo="end it with: print(define().definition())",
    )
