"""deploy.yaml, `monitoring.engine: model-monitor`: what SageMaker Model Monitor takes of the rest.

Documents: SageMaker's developer guide, "The cron expression for monitoring schedule" and "Amazon SageMaker
Model Monitor availability change"; the accounts are those of the SageMaker SDK, which loads slowly.
"""

from __future__ import annotations

import re

ANALYZERS = {
    "af-south-1": "875698925577",
    "ap-east-1": "001633400207",
    "ap-northeast-1": "574779866223",
    "ap-northeast-2": "709848358524",
    "ap-northeast-3": "990339680094",
    "ap-south-1": "126357580389",
    "ap-southeast-1": "245545462676",
    "ap-southeast-2": "563025443158",
    "ap-southeast-3": "669540362728",
    "ca-central-1": "536280801234",
    "eu-central-1": "048819808253",
    "eu-central-2": "590183933784",
    "eu-north-1": "895015795356",
    "eu-south-1": "933208885752",
    "eu-south-2": "437450045455",
    "eu-west-1": "468650794304",
    "eu-west-2": "749857270468",
    "eu-west-3": "680080141114",
    "il-central-1": "843974653677",
    "me-central-1": "588750061953",
    "me-south-1": "607024016150",
    "sa-east-1": "539772159869",
    "us-east-1": "156813124566",
    "us-east-2": "777275614652",
    "us-west-1": "890145073186",
    "us-west-2": "159807026194",
}
"""The account of AWS that has the analyzer's image, by region; Model Monitor is in no other."""

REPOSITORY = "sagemaker-model-monitor-analyzer"

THRESHOLD = 0.2
"""The distance over which a feature has drifted: it stands in each version's constraints.json."""

METRICS = ("auc", "accuracy", "rmse", "mae", "r2")
"""Those by which models are judged that Model Monitor measures under the same name."""

OURS = {
    "window_days": "Model Monitor looks at what came since it looked last",
    "confidence": "Model Monitor knows no level: its threshold stands in the version's constraints.json",
    "drift": "Model Monitor has one distance and no test: its threshold stands in the version's "
    "constraints.json",
    "bias": "Isthmus makes no Clarify monitors",
    "explanations": "Isthmus makes no Clarify monitors",
    "service_metrics": "Model Monitor puts its metrics anyway",
}
"""Keys that only Isthmus' own monitor reads, and why not."""

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\(0 (\*|\d{1,2}(?:/\d{1,2})?) [*?] \* [*?] \*\)")


def analyzer(region: str) -> str:
    """The image of Model Monitor's analyzer; raises `KeyError` where Model Monitor is not."""
    return f"{ANALYZERS[region]}.dkr.ecr.{region}.amazonaws.com/{REPOSITORY}"


def schedule(expression: str) -> str | None:
    """A schedule as Model Monitor says it: hourly, daily, or every few hours. None where it cannot."""
    if rate := _RATE.fullmatch(expression):
        hours = int(rate[1]) * {"minute": 0, "hour": 1, "day": 24}[rate[2]]
        hour = {1: "*", 24: "0"}.get(hours, f"0/{hours}")
    elif cron := _CRON.fullmatch(expression):
        hour = cron[1]
    else:
        return None
    first, _, every = hour.partition("/")
    fits = (first == "*" or int(first) <= 23) and (not every or 1 <= int(every) <= 24)
    return f"cron(0 {hour} ? * * *)" if fits else None
