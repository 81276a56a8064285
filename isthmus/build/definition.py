"""A repository's pipeline definition: made by its pipeline.py in a process of its own, and kept by content.

Importing the SageMaker SDK takes seconds, so the same content is not defined twice: the cache key covers
everything that the definition is made from.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from isthmus.build.content import digest
from isthmus.errors import Problem

# What the definition depends on beside the repository: the SDK, and how we write steps with it.
AUTHORING = Path(__file__).with_name("authoring.py")


def define(repository: Path) -> str:
    """The definition of `repository`'s pipeline as canonical JSON; the same content gives the same bytes.

    Raises `Problem` with the end of the trace where pipeline.py fails.
    """
    kept = _cache() / f"{_key(repository)}.json"
    if kept.exists():
        return kept.read_text()
    text = _canonical(_run(repository))
    kept.parent.mkdir(parents=True, exist_ok=True)
    scratch = kept.with_suffix(f".{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(kept)
    return text


def _key(repository: Path) -> str:
    about = [digest(repository / name) for name in ("pipeline.py", "model.yaml")]
    about += [digest(AUTHORING), version("sagemaker-mlops"), sys.version]
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:32]


def _cache() -> Path:
    return Path(os.environ.get("ISTHMUS_CACHE", Path.home() / ".cache" / "isthmus")) / "definitions"


def _run(repository: Path) -> str:
    done = subprocess.run(
        [sys.executable, "pipeline.py"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "us-east-1")},
    )
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-6:])
        raise Problem(f"pipeline.py failed:\n{tail}", where=str(repository / "pipeline.py"))
    return done.stdout


def _canonical(printed: str) -> str:
    """The JSON document in what pipeline.py printed, without empty members and in a fixed order."""
    start = printed.find("{")
    try:
        document = json.loads(printed[start:])
    except ValueError:
        raise Problem("pipeline.py did not print a pipeline definition", where="pipeline.py") from None
    filled = {key: value for key, value in document.items() if value is not None}
    return json.dumps(filled, sort_keys=True, separators=(",", ":"))
