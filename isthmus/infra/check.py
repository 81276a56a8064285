"""Checks an assembly's templates, before any account sees them: with cfn-lint, and for keys that lock out."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from isthmus.errors import Problem
from isthmus.infra.lockout import locked_out
from isthmus.infra.manifest import Stack, read_stacks

_CHOICES = re.compile(r"'(?P<word>[^']*)' is not one of \[(?P<choices>[^\]]*)\](?P<rest>.*)", re.DOTALL)
FEW = 10
CFN_LINT = "import sys; from cfnlint.runner.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a template."""

    template: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.template}:{self.line}: {self.rule} {self.message}"


def check(assembly: Path) -> list[Finding]:
    """What is wrong with the assembly's templates; see `check_templates` and `lockout`."""
    stacks = read_stacks(assembly)
    locked = [one for stack in stacks for one in _locked_out(stack)]
    return [*locked, *check_templates([stack.template for stack in stacks])]


def refuse_findings(assembly: Path, where: str = "") -> None:
    """Raise `Problem` with all that is wrong with the assembly's templates."""
    if findings := check(assembly):
        raise Problem("findings in the templates:\n" + "\n".join(map(str, findings)), where=where)


def _locked_out(stack: Stack) -> Iterator[Finding]:
    text = stack.template.read_text()
    for name, why in locked_out(json.loads(text), stack.account):
        line = text[: text.index(f'"{name}"')].count("\n") + 1
        yield Finding(stack.template.name, line, "KeyPolicy", f"nobody could change the key {name}: {why}")


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
    return Finding(name, int(line), str(found["Rule"]["Id"]), shortened(str(found["Message"])))


def shortened(message: str) -> str:
    """cfn-lint's sentence, without a list of hundreds of values of which one is meant."""
    found = _CHOICES.fullmatch(message)
    if found is None or len(choices := re.findall("'([^']*)'", found["choices"])) <= FEW:
        return message
    near = difflib.get_close_matches(found["word"], choices, 3)
    nearest = f", such as {', '.join(map(repr, near))}" if near else ""
    return f"{found['word']!r} is not one of {len(choices)} values{nearest}{found['rest']}"
