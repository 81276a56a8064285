"""Where an endpoint runs otherwise than its configuration says, in words; and what puts it back.

A configuration cannot be changed, and SageMaker's models neither. But how much of the traffic each variant
gets, on how many instances, and what is captured can, past any deployment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isthmus.names import CHALLENGER

Described = Mapping[str, Any]
_KINDS = ("ProductionVariants", "ShadowProductionVariants")


@dataclass(frozen=True)
class Change:
    """What is other, in words; and where one call can set it, what its configuration wants of the variant.

    `wanted` is a field of DesiredWeightsAndCapacities as the AWS CLI takes it, such as `DesiredWeight=0.7`.
    """

    what: str
    variant: str = ""
    wanted: str = ""

    def __str__(self) -> str:
        return self.what


def put_back(endpoint: str, changes: Iterable[Change]) -> str:
    """What undoes the changes: a whole command, or where none can, what to do."""
    wanted: dict[str, list[str]] = {}
    for one in changes:
        if not one.wanted:
            # SageMaker asks for a new configuration, and a version that is deployed again has the same one.
            return f"deploy another version: SageMaker updates {endpoint} by a new configuration only"
        wanted.setdefault(one.variant, [f"VariantName={one.variant}"]).append(one.wanted)
    each = " ".join(",".join(words) for words in wanted.values())
    command = f"aws sagemaker update-endpoint-weights-and-capacities --endpoint-name {endpoint}"
    return f"{command} --desired-weights-and-capacities {each}"


def differences(endpoint: Described, config: Described) -> Iterator[Change]:
    """What DescribeEndpoint has otherwise than DescribeEndpointConfig, but for instances (`resized`)."""
    for kind in _KINDS:
        runs, shall = endpoint.get(kind, []), config.get(kind, [])
        yield from _variants(
            kind, [one["VariantName"] for one in runs], [one["VariantName"] for one in shall]
        )
    yield from _shares(_both(endpoint), _both(config))
    for one, asked in _pairs(endpoint, config):
        has, wanted = one.get("CurrentServerlessConfig"), asked.get("ServerlessConfig")
        if has != wanted:
            yield Change(f"{one['VariantName']} is served by {_size(has)}, not {_size(wanted)}")
    runs_by, asked_by = (_captured(one) for one in (endpoint, config))
    if runs_by != asked_by:
        yield Change(f"it captures {runs_by}, not {asked_by}")


def taken_off(endpoint: Described) -> bool:
    """Whether a version that is compared there, and is no shadow, answers nobody.

    No deployment does that. Its own alarm does (`bridge/fallback.py`), or a person.
    """
    answering = endpoint.get("ProductionVariants", [])
    return any(one["VariantName"] == CHALLENGER and one.get("CurrentWeight") == 0 for one in answering)


def resized(endpoint: Described, config: Described) -> Iterator[Change]:
    """Variants with other numbers of instances; of one that scales by itself that is no difference."""
    for one, asked in _pairs(endpoint, config):
        has, wanted = one.get("DesiredInstanceCount", 0), asked.get("InitialInstanceCount", 0)
        if "ServerlessConfig" not in asked and has != wanted:
            name, what = one["VariantName"], f"has {has} instances, not {wanted}"
            yield Change(f"{name} {what}", name, f"DesiredInstanceCount={wanted}")


def _both(described: Described) -> Sequence[Described]:
    return [one for kind in _KINDS for one in described.get(kind, [])]


def _pairs(endpoint: Described, config: Described) -> Iterator[tuple[Described, Described]]:
    asked = {one["VariantName"]: one for one in _both(config)}
    for one in _both(endpoint):
        if one["VariantName"] in asked:
            yield one, asked[one["VariantName"]]


def _variants(kind: str, runs: Sequence[str], shall: Sequence[str]) -> Iterator[Change]:
    if sorted(runs) != sorted(shall):
        yield Change(f"its {kind} are {', '.join(runs) or 'none'}, not {', '.join(shall) or 'none'}")


def _shares(runs: Sequence[Described], shall: Sequence[Described]) -> Iterator[Change]:
    """A weight counts beside the others alone, and one variant has all; SageMaker keeps 32 bits of each."""
    has = _parts({one["VariantName"]: one.get("CurrentWeight", 0.0) for one in runs})
    weights = {one["VariantName"]: one.get("InitialVariantWeight", 1.0) for one in shall}
    wanted = _parts(weights)
    both = [name for name in wanted if name in has]
    if all(math.isclose(has[name], wanted[name], abs_tol=1e-4) for name in both):
        return
    # A share is set back by the weights of all.
    for name in both:
        what = f"{name} has {has[name]:.1%} of the weights, not {wanted[name]:.1%}"
        yield Change(what, name, f"DesiredWeight={weights[name]:g}")


def _parts(weights: Mapping[str, float]) -> dict[str, float]:
    whole = sum(weights.values())
    return {name: weight / whole if whole else 0.0 for name, weight in sorted(weights.items())}


def _captured(described: Described) -> str:
    found = described.get("DataCaptureConfig") or {}
    if not found.get("EnableCapture", bool(found)) or found.get("CaptureStatus") == "Stopped":
        return "nothing"
    percent = found.get("CurrentSamplingPercentage", found.get("InitialSamplingPercentage"))
    return f"{percent} % to {found.get('DestinationS3Uri')}"


def _size(serverless: Described | None) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted((serverless or {}).items())) or "instances"
