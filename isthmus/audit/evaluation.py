"""What a version's evaluation found, read at the place that it was registered with, which nobody can change.

S3 says when the file was written. The figures in the version's metadata are a copy that whoever approves may
write. The bridge reads the same.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from isthmus.interval import Interval
from isthmus.operate.registry import Version
from isthmus.s3 import find


@dataclass(frozen=True)
class Evaluation:
    """A metric, whether it reaches its bar, and the interval of its gain over the version in prod then.

    `gain` is None where the version was compared with none of its model; `rewritten` says when the file was
    written, where that was after the version was registered with it.
    """

    metric: str
    value: float
    threshold: float
    meets: bool
    gain: Interval | None = None
    rewritten: str = ""


def read(s3: Any, bucket: str, version: Version) -> Evaluation | None:
    """None where it is not among its model's runs in the bucket, is gone, or lacks a figure."""
    runs = re.escape(f"s3://{bucket}/{version.model}/runs/")
    if not re.fullmatch(rf"{runs}[A-Za-z0-9_./-]+/evaluation\.json", version.judged):
        return None
    answer = find(s3, version.judged)
    if answer is None:
        return None
    try:
        found = parse(json.loads(answer["Body"].read()), version.arn.rpartition("/")[0])
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError):
        return None
    # S3 says whole seconds, cut, and nobody else says it: the run wrote it before it registered the version.
    written = answer["LastModified"]
    is_later = written > datetime.fromisoformat(version.created)
    return replace(found, rewritten=written.isoformat()) if is_later else found


def parse(found: Mapping[str, Any], group: str) -> Evaluation:
    """Of evaluation.json; `group` is the ARN that the model's versions begin with. Raises as they lack."""
    value, threshold = _number(found["value"]), _number(found["threshold"])
    sign = 1 if found["higher_is_better"] else -1
    meets = found["meets_threshold"] is True and sign * value >= sign * threshold
    champion = str((found.get("champion") or {}).get("model_package_arn", ""))
    gain = _gain(found["gain"]) if found["gain"] and champion.startswith(f"{group}/") else None
    return Evaluation(str(found["metric"]), value, threshold, meets, gain)


def _gain(found: Mapping[str, Any]) -> Interval:
    return Interval(*(_number(found[key]) for key in ("value", "ci_low", "ci_high")))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)
