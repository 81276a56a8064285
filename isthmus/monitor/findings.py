"""What a monitor found, as one shape: written by its step, read by `isthmus monitor` and the report."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from isthmus.container.metrics import Interval
from isthmus.monitor.drift import Drift
from isthmus.monitor.quality import FEWEST_LABELS, Quality
from isthmus.monitor.violations import Violation


@dataclass(frozen=True)
class Findings:
    """About one version at one stage. `quality` is None until enough labels have come."""

    model: str
    stage: str
    rows: int
    bad_lines: int
    drift: list[Drift] = field(default_factory=list)
    quality: Quality | None = None
    violations: list[Violation] = field(default_factory=list)

    @property
    def drifted(self) -> list[Drift]:
        return [one for one in self.drift if one.ratio > 1]

    @property
    def lost(self) -> bool:
        """Whether the model has become worse than chance explains."""
        return self.quality is not None and self.quality.loss > 1

    def as_json(self) -> str:
        content = asdict(self)
        for written, one in zip(content["drift"], self.drift, strict=True):
            written["ratio"] = one.ratio
        return json.dumps(content, indent=1, allow_nan=False)


def parse(text: str | bytes) -> Findings:
    """The findings that `as_json` wrote."""
    found: dict[str, Any] = json.loads(text)
    quality = found["quality"]
    if quality:
        sides = {side: Interval(**quality[side]) for side in ("registered", "current")}
        quality = Quality(**quality | sides)
    drift = [Drift(one["feature"], one["psi"], one["threshold"]) for one in found["drift"]]
    return Findings(**found | {"drift": drift, "quality": quality})


def summary(found: Findings) -> str:
    """What was found, in a few lines for a person."""
    if not found.rows:
        return f"nothing captured yet; {found.bad_lines} unreadable lines"
    lines = [f"{found.rows} rows, {found.bad_lines} unreadable lines"]
    for one in found.drift:
        verdict = "drift" if one.ratio > 1 else "steady"
        lines.append(f"  {one.feature:<20} PSI {one.psi:.3f}, threshold {one.threshold:.3f}: {verdict}")
    for broken in found.violations:
        if broken["constraint_check_type"] != "baseline_drift_check":
            said = f"{broken['constraint_check_type']}: {broken['description']}"
            lines.append(f"  {broken['feature_name']:<20} {said}")
    return "\n".join([*lines, f"  {quality_line(found.quality)}"])


def quality_line(quality: Quality | None) -> str:
    if quality is None:
        return f"quality: too few labels yet (it takes {FEWEST_LABELS}, of more than one class)"
    now, then = quality.current, quality.registered
    verdict = "a loss beyond chance" if quality.loss > 1 else "within chance"
    return (
        f"{quality.metric} {now.value:.3f} [{now.ci_low:.3f}, {now.ci_high:.3f}] on {quality.n} labels, "
        f"registered {then.value:.3f} [{then.ci_low:.3f}, {then.ci_high:.3f}]: {verdict}"
    )
