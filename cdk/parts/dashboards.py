"""Two dashboards of a serving account: all models at a glance, and one model that is chosen there.

Both ask CloudWatch which models there are (search expressions, a variable), so that neither names one and
two hundred models make them no larger. The overview shows the ten that stand out.
"""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.resource_types import aws_cloudwatch

Widget = dict[str, Any]
Line = tuple[str, str]
"""How a line, or each of those that a search finds, is called; and the expression that finds it."""
ENDPOINT = "EndpointName"
# CloudWatch puts the chosen model's name in its place.
CHOSEN = "any-model"
FOUND = (
    names.FEATURE_DRIFT,
    names.PREDICTION_DRIFT,
    names.QUALITY_LOSS,
    names.BIAS_DRIFT,
    names.EXPLANATION_DRIFT,
)
MINUTES, DAY = 300, 86_400
WIDTH, HEIGHT = 8, 6
MOST = 10


def dashboards(scope: Construct, platform: Platform, stage: Stage) -> None:
    """Make both."""
    region = Stack.of(scope).region
    bodies = {
        names.dashboard(platform): {"widgets": _laid_out(_overview(platform, stage), region)},
        names.model_dashboard(platform): {
            "variables": [_choice()],
            "widgets": _laid_out(_model(stage), region),
        },
    }
    for number, (name, body) in enumerate(bodies.items()):
        aws_cloudwatch.CfnDashboard(
            scope, f"Dashboard{number}", dashboard_name=name, dashboard_body=json.dumps(body)
        )


# ---------------------------------------------------------------- what is shown


def _overview(platform: Platform, stage: Stage) -> list[Widget]:
    host = "/aws/sagemaker/Endpoints"
    shown = [
        _graph("Requests", _top("Invocations", "Sum")),
        _graph("Latency of the model, p95 (µs)", _top("ModelLatency", "p95", "MAX")),
        _graph("Failed by the model (5xx)", _top("Invocation5XXErrors", "Sum")),
        _graph("Refused (4xx)", _top("Invocation4XXErrors", "Sum")),
        _graph("Processors (%)", _top("CPUUtilization", "Maximum", "MAX", host)),
        _graph("Memory (%)", _top("MemoryUtilization", "Maximum", "MAX", host)),
        _graph("Requests for each instance", _top("InvocationsPerInstance", "Sum")),
        _graph("Drift (over 1: beyond chance)", _found(names.FEATURE_DRIFT, stage), DAY, bound=1),
        _graph("Loss of quality (over 1: beyond chance)", _found(names.QUALITY_LOSS, stage), DAY, bound=1),
        _table("Versions deployed", _found(names.VERSION_METRIC, stage, 500), DAY),
    ]
    return shown + (_api(platform) if platform.api else [])


def _api(platform: Platform) -> list[Widget]:
    """An HTTP API's metrics are by `ApiId`, a REST API's by `ApiName`; both in one namespace."""
    is_rest = platform.api and (platform.api.waf or platform.api.private)
    kind, errors = ("ApiName", ("4XXError", "5XXError")) if is_rest else ("ApiId", ("4xx", "5xx"))

    def line(metric: str, statistic: str) -> Line:
        return metric, _search("AWS/ApiGateway", (kind,), metric, statistic)

    return [
        _graph(
            "API: requests, and those refused and failed", [line(name, "Sum") for name in ("Count", *errors)]
        ),
        _graph("API: latency, p95 (ms)", [line("Latency", "p95")]),
    ]


def _model(stage: Stage) -> list[Widget]:
    """Of the chosen model, whatever its variants are called."""
    host = "/aws/sagemaker/Endpoints"
    found = [_of_monitor(metric, stage) for metric in FOUND]
    return [
        _graph("Requests", [_of_endpoint("Invocations", "Sum")]),
        _graph("Latency of the model (µs)", [_of_endpoint("ModelLatency", p) for p in ("p50", "p95", "p99")]),
        _graph(
            "Refused (4xx) and failed (5xx)",
            [_of_endpoint(f"Invocation{kind}Errors", "Sum") for kind in ("4XX", "5XX")],
        ),
        _graph(
            "Processors and memory (%)",
            [_of_endpoint(f"{what}Utilization", "Maximum", host) for what in ("CPU", "Memory")],
        ),
        _graph("Requests for each instance", [_of_endpoint("InvocationsPerInstance", "Sum")]),
        _graph("What its monitor finds (over 1: beyond chance)", found, DAY, bound=1),
        _graph("Population stability of each feature", [_features(stage)], DAY),
        _table("Version deployed", [_of_monitor(names.VERSION_METRIC, stage)], DAY),
    ]


# ---------------------------------------------------------------- how it is asked for


def _search(
    namespace: str,
    dimensions: tuple[str, ...],
    metric: str,
    statistic: str,
    where: str = "",
    period: int = MINUTES,
) -> str:
    schema = ",".join((f'"{namespace}"', *dimensions))
    wanted = " ".join(filter(None, (f'MetricName="{metric}"', where)))
    return f"SEARCH('{{{schema}}} {wanted}', '{statistic}', {period})"


def _top(metric: str, statistic: str, by: str = "SUM", namespace: str = "AWS/SageMaker") -> list[Line]:
    """The ten models that have most of it."""
    search = _search(namespace, (ENDPOINT, "VariantName"), metric, statistic)
    return [(_each(ENDPOINT), f"SORT({search}, {by}, DESC, {MOST})")]


def _found(metric: str, stage: Stage, most: int = MOST) -> list[Line]:
    """What monitors found, of the models where it is most."""
    search = _daily(("Model", "Stage"), metric, f'Stage="{stage}"')
    return [(_each("Model"), f"SORT({search}, MAX, DESC, {most})")]


def _of_endpoint(metric: str, statistic: str, namespace: str = "AWS/SageMaker") -> Line:
    where = f'{ENDPOINT}="{CHOSEN}"'
    called = statistic if statistic.startswith("p") else metric
    return called, _search(namespace, (ENDPOINT, "VariantName"), metric, statistic, where)


def _of_monitor(metric: str, stage: Stage) -> Line:
    return metric, _daily(("Model", "Stage"), metric, f'Model="{CHOSEN}" Stage="{stage}"')


def _features(stage: Stage) -> Line:
    where = f'Model="{CHOSEN}" Stage="{stage}"'
    return _each("Feature"), _daily(("Model", "Stage", "Feature"), "Psi", where)


def _daily(dimensions: tuple[str, ...], metric: str, where: str) -> str:
    """A monitor measures once a day, or so."""
    return _search(names.METRIC_NAMESPACE, dimensions, metric, "Maximum", where, period=DAY)


def _each(dimension: str) -> str:
    return f"${{PROP('Dim.{dimension}')}}"


def _choice() -> dict[str, Any]:
    """A list of the endpoints that there are, to choose the model from."""
    return {
        "type": "pattern",
        "pattern": CHOSEN,
        "inputType": "select",
        "id": "model",
        "label": "Model",
        "defaultValue": "__FIRST",
        "visible": True,
        "search": f'{{AWS/SageMaker,{ENDPOINT},VariantName}} MetricName="Invocations"',
        "populateFrom": ENDPOINT,
    }


# ---------------------------------------------------------------- widgets


def _graph(title: str, lines: list[Line], period: int = MINUTES, bound: float | None = None) -> Widget:
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "stacked": False,
        "period": period,
        "metrics": [
            [{"label": label, "expression": expression, "id": f"e{number}"}]
            for number, (label, expression) in enumerate(lines)
        ],
        "yAxis": {"left": {"min": 0}},
    }
    if bound is not None:
        properties["annotations"] = {"horizontal": [{"value": bound, "color": "#d62728"}]}
    return {"type": "metric", "properties": properties}


def _table(title: str, lines: list[Line], period: int) -> Widget:
    """The latest of each."""
    shown = _graph(title, lines, period)
    shown["properties"] |= {"view": "table", "table": {"summaryColumns": [], "layout": "vertical"}}
    return shown


def _laid_out(widgets: list[Widget], region: str) -> list[Widget]:
    """Three in a row."""
    columns = 24 // WIDTH
    return [
        {
            **widget,
            "x": number % columns * WIDTH,
            "y": number // columns * HEIGHT,
            "width": WIDTH,
            "height": HEIGHT,
            "properties": {"region": region, **widget["properties"]},
        }
        for number, widget in enumerate(widgets)
    ]
