"""A run's summary for people, in Markdown."""

from __future__ import annotations

from isthmus import interval
from isthmus.build.follow import Result
from isthmus.config import ModelConfig


def markdown(config: ModelConfig, result: Result) -> str:
    """Verdict, metric beside the champion's, and the steps with their durations."""
    lines = [f"# {config.name}: {result.verdict}", ""]
    if result.evaluation:
        lines += ["| version | " + str(result.evaluation["metric"]) + " | interval |", "|---|---|---|"]
        lines.append(_row("this", result.evaluation))
        if "value" in (result.evaluation.get("champion") or {}):
            lines.append(_row("in prod", result.evaluation["champion"]))
        lines.append("")
        lines += _gain(result.evaluation.get("gain"))
    lines += ["| step | status | seconds |", "|---|---|---|"]
    lines += [f"| {name} | {status} | {seconds} |" for name, status, seconds in result.steps]
    if result.model_package_arn:
        lines += ["", f"Registered `{result.model_package_arn}`, pending approval."]
    return "\n".join(lines) + "\n"


def _gain(one: dict[str, float] | None) -> list[str]:
    """The difference on the same rows, and whether chance alone may have made it."""
    if one is None:
        return []
    gain = interval.read(one)
    value, between = gain.cells
    noise = ": **inside noise**" if gain.is_noise else ""
    return [f"Gain {value} ({between}) on the same rows{noise}.", ""]


def _row(name: str, one: dict[str, float]) -> str:
    return f"| {' | '.join((name, *interval.read(one).cells))} |"
