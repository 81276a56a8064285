"""Which version another is put beside, as the assembly has it: the one that serves prod when it is made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isthmus.config import DeployConfig, Stage
from isthmus.config.compare import Compare
from isthmus.deploy import records
from isthmus.deploy.package import Package, describe
from isthmus.errors import BadInput, Refused
from isthmus.serving import Serving

FILE = "comparison.json"
STAGE: Stage = "prod"


@dataclass(frozen=True)
class Comparison:
    """The version that serves, and how the other one is compared with it: `Compare.record`."""

    champion: Package
    how: str

    def write(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1, sort_keys=True))


def read(folder: Path) -> Comparison | None:
    """The comparison of an assembly; None where its version serves alone."""
    file = folder / FILE
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_text())
        return Comparison(Package(**found["champion"]), found["how"])
    except (ValueError, TypeError, KeyError):
        raise BadInput("not the description of a comparison", where=str(file)) from None


def begin(sagemaker: Any, config: DeployConfig, package: Package) -> Comparison | None:
    """What `deploy.yaml` asks for of this version.

    None where it asks for nothing, where no other version serves prod, and where the one that does is
    approved no more: that has to go.
    """
    asked: Compare | None = config.compare
    if asked is None:
        return None
    serving = (one for one in records.recorded(sagemaker, package.arn) if one.serves(STAGE))
    champion = next((one for one in serving if one.arn != package.arn), None)
    if champion is None or not champion.approved:
        return None
    return Comparison(describe(sagemaker, champion.arn), asked.record())


def refuse_another(comparison: Comparison | None, serving: Serving | None) -> None:
    """Raise `Refused` where the stage serves another version by now than the one to compare with."""
    if comparison is None:
        return
    serves = serving.model_package_arn if serving else ""
    if serves != comparison.champion.arn:
        raise Refused(
            f"the assembly compares with version {comparison.champion.version}, and "
            f"{f'version {serving.version}' if serving and serves else 'nothing'} serves {STAGE} by now",
            todo="run the pipeline anew, which compares with what serves now",
        )
