"""A program: synthesizes platforms under cdk-nag's two rule packs, and says which excuses were made where.

`rules.py FOLDER PLATFORM...` writes each platform's assembly to `FOLDER/excused/NAME`, the first two without
any excuse to `FOLDER/plain/NAME`, and the excuses to `FOLDER/excuses.json`. One process for all, because
starting CDK takes longer than the rules.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path

from isthmus.infra.node import use_node

use_node()

from aws_cdk import Validations  # noqa: E402 (Node comes first)
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks  # noqa: E402

from cdk.accounts import application  # noqa: E402
from cdk.parts import excuse as source  # noqa: E402
from isthmus.config import read_platform  # noqa: E402

made: dict[str, dict[str, set[str]]] = {}
_excuse = source.excuse


def note(construct: object, reason: str, *rules: str) -> None:
    """Make the excuse, and note its place in the code."""
    caller = inspect.stack()[1]
    file = Path(caller.filename).relative_to(Path.cwd())
    place = made.setdefault(f"{file}:{caller.lineno}", {})
    place.setdefault(reason, set()).update(rule.partition("[")[0] for rule in rules)
    _excuse(construct, reason, *rules)  # type: ignore[arg-type]


def replace(substitute: Callable[..., None]) -> None:
    """In every module that has it; those that an option guards are imported later, from the source."""
    for module in list(sys.modules.values()):
        if module is source or (module.__name__.startswith("cdk.") and hasattr(module, "excuse")):
            vars(module)["excuse"] = substitute


def synthesize(platform: Path, outdir: Path) -> None:
    app = application(read_platform(platform), str(outdir))
    for pack in (AwsSolutionsChecks, NIST80053R5Checks):
        Validations.of(app).add_plugins(pack(app))
    try:
        app.synth()
    except RuntimeError as error:
        print(error, file=sys.stderr)


folder, *platforms = map(Path, sys.argv[1:])
for name, substitute, some in (("excused", note, platforms), ("plain", lambda *_: None, platforms[:2])):
    replace(substitute)
    for one in some:
        synthesize(one, folder / name / one.stem)
found = {place: {why: sorted(rules) for why, rules in one.items()} for place, one in made.items()}
(folder / "excuses.json").write_text(json.dumps(found))
