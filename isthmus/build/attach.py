"""A pipeline's jobs in the account's network: a definition knows of none, the run gives it one.

The ids are parameters, so that the definition is the same whichever subnets an account has.
"""

from __future__ import annotations

import json
from typing import Any

from isthmus.build.validate import every_step
from isthmus.network import Attachment

GROUP = "SecurityGroup"
# Which part of a step's arguments has a VpcConfig.
_PARTS: dict[str, tuple[str, ...]] = {
    "Processing": ("NetworkConfig",),
    "Training": (),
    "Tuning": ("TrainingJobDefinition",),
    "Model": (),
}


def attach(definition: str, subnets: int) -> str:
    """The definition with every job in a network of that many subnets, as canonical JSON."""
    document = json.loads(definition)
    names = [*_subnets(subnets), GROUP]
    document["Parameters"] = [*document["Parameters"], *({"Name": one, "Type": "String"} for one in names)]
    given = Attachment(tuple(f"Parameters.{one}" for one in _subnets(subnets)), f"Parameters.{GROUP}")
    config = {key: [{"Get": one} for one in ids] for key, ids in given.vpc_config().items()}
    for step in every_step(document["Steps"]):
        if step["Type"] in _PARTS:
            _part(step).setdefault("VpcConfig", config)
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def values(attached: Attachment) -> dict[str, str]:
    """The parameters that `attach` has added, for this network."""
    return dict(zip(_subnets(len(attached.subnets)), attached.subnets, strict=True)) | {
        GROUP: attached.security_group
    }


def _subnets(count: int) -> list[str]:
    return [f"Subnet{number}" for number in range(1, count + 1)]


def _part(step: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = step["Arguments"]
    for name in _PARTS[step["Type"]]:
        part = part.setdefault(name, {})
    return part
