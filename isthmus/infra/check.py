"""Checks an assembly's templates with cfn-lint, before any account sees them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isthmus.errors import Problem
from isthmus.infra.manifest import read_stacks

CFN_LINT = "import sys; from cfnlint.runner.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Finding:
    """One thing that cfn-lint does not like."""

    template: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.template}:{self.line}: {self.rule} {self.message}"


def check(assembly: Path) -> list[Finding]:
    """What cfn-lint finds in the assembly's templates; see `check_templates`."""
    return check_templates([stack.template for stack in read_stacks(assembly)])


def check_templates(templates: Sequence[Path]) -> list[Finding]:
    """What cfn-lint finds in these files, warnings included; an empty list when all is well.

    A process of its own: importing cfn-lint's rules is most of its time, and callers have other work.
    Raises `Problem` when cfn-lint itself fails.
    """
    done = subprocess.run(
        [sys.executable, "-c", CFN_LINT, "--format", "json", "--", *map(str, templates)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found = json.loads(done.stdout)
    except ValueError:
        raise Problem("cfn-lint failed", where=str(templates[0]), todo=done.stderr.strip()[-600:]) from None
    return [_finding(one) for one in found]


def _finding(found: dict[str, dict[str, object]]) -> Finding:
    name = Path(str(found["Filename"])).name
    line = found["Location"]["Start"]["LineNumber"]  # type: ignore[index]
    return Finding(name, int(line), str(found["Rule"]["Id"]), str(found["Message"]))
