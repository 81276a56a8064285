"""The alarms of one model at one stage, as data: those that page people, and those that the bridge carries.

Each message says what happened, where, and what to do. SageMaker sends 1 or 0 for each request as
`Invocation5XXErrors`, so that its average is the share of requests that the model failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from isthmus import names
from isthmus.config import DeployConfig, Platform, Stage
from isthmus.config.model_monitor import THRESHOLD
from isthmus.deploy.registered import Registered

# The stages whose drift and loss of quality the bridge carries on (`cdk/parts/bridge_feeds.py`).
BRIDGED = ("prod",)
CARRIED = (names.FEATURE_DRIFT, names.QUALITY_LOSS)
BROKEN = "values are missing that were not, or categories new"
OTHERWISE = "features count otherwise than in training"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
MOST_METRICS = 10


@dataclass(frozen=True)
class Alarm:
    """In alarm while `datapoints` of a metric's last `periods` periods (of seconds) are beyond a bound.

    Of several metrics the greatest value counts; CloudWatch takes ten at most. One that `pages` tells people
    itself, and where it `tells_end` also that it is over.
    """

    id: str
    name: str
    message: str
    namespace: str
    metric: str | tuple[str, ...]
    dimensions: dict[str, str]
    statistic: str
    threshold: float
    period: int = 300
    periods: int = 3
    datapoints: int = 2
    comparison: str = "GreaterThanThreshold"
    missing: str = "notBreaching"
    pages: bool = True
    tells_end: bool = True
    # A few slow requests are no 95th percentile.
    few_samples: str = "ignore"


def alarms(
    platform: Platform,
    config: DeployConfig,
    stage: Stage,
    *,
    compared: bool = False,
    registered: Registered | None = None,
) -> list[Alarm]:
    """All alarms of the model at the stage; with those of a version that is compared there.

    `registered` is how the version was, where Model Monitor watches it.
    """
    watched: Iterable[Alarm] = watching(platform, config, stage) if config.watched else ()
    if registered:
        watched = watching_the_service(platform, config, stage, registered)
    beside = challenging(platform, config, stage) if compared else ()
    return [*paging(platform, config, stage), *beside, *watched]


def paging(platform: Platform, config: DeployConfig, stage: Stage) -> Iterator[Alarm]:
    """What a person looks at now: failing, slow and, where traffic is expected, silent."""
    if config.endpoint == "batch":
        # It has no endpoint: a run that failed is told by the account's own rule.
        return
    bounds = config.alarms
    yield _errors(platform, config, stage, bounds.error_percent)
    yield _latency(platform, config, stage, bounds.p95_latency_ms)
    if stage == "prod" and bounds.silent_minutes:
        yield _silence(platform, config, stage, bounds.silent_minutes)


def challenging(platform: Platform, config: DeployConfig, stage: Stage) -> Iterator[Alarm]:
    """What a person looks at of a version that answers beside another; a shadow answers nobody."""
    if config.compare is None or config.compare.mode == "shadow":
        return
    model, bounds = config.model, config.alarms
    what = (
        f"{model} in {stage}: the version that is compared fails or is slow for those whom it answers. "
        "It answers nobody from now on, and the version that serves answers all. A run of "
        f"{names.deploy_pipeline(model)} takes it away, once somebody lets it pass: isthmus pending."
    )
    for found, name in (
        (_errors(platform, config, stage, bounds.error_percent), names.challenger_errors_alarm),
        (_latency(platform, config, stage, bounds.p95_latency_ms), names.challenger_latency_alarm),
    ):
        yield replace(
            found,
            id=f"Challenger{found.id}",
            name=name(platform, model),
            message=what,
            dimensions=found.dimensions | {"VariantName": names.CHALLENGER},
        )


def _errors(platform: Platform, config: DeployConfig, stage: Stage, percent: float) -> Alarm:
    model = config.model
    return Alarm(
        "Errors",
        names.errors_alarm(platform, model),
        f"{model} in {stage} fails more than {percent:g} % of its requests (5xx). Read the log "
        f"group {names.serving_log(model, config.endpoint)}. If the newest version is at "
        f"fault: isthmus rollback {model} --stage {stage} --reason WHY.",
        "AWS/SageMaker",
        "Invocation5XXErrors",
        measured(config),
        "Average",
        percent / 100,
    )


def _latency(platform: Platform, config: DeployConfig, stage: Stage, milliseconds: float) -> Alarm:
    model = config.model
    section = config.endpoint if config.endpoint in ("serverless", "shared") else "capacity"
    size = f"{section}.{stage}"
    return Alarm(
        "Latency",
        names.latency_alarm(platform, model),
        f"{model} in {stage}: one request in twenty takes the model over {milliseconds:g} ms. Look "
        f"at dashboard {names.model_dashboard(platform)}: where processors are busy, raise {size} "
        "in deploy.yaml; else compare the newest version with the one before.",
        "AWS/SageMaker",
        "ModelLatency",
        measured(config),
        "p95",
        # SageMaker measures microseconds.
        milliseconds * 1000,
    )


def _silence(platform: Platform, config: DeployConfig, stage: Stage, minutes: int) -> Alarm:
    model, queued = config.model, config.endpoint == "async"
    return Alarm(
        "Silence",
        names.silence_alarm(platform, model),
        f"{model} in {stage} was asked nothing for {minutes} minutes, and deploy.yaml "
        f"expects traffic. Ask it yourself: isthmus invoke {model} --stage {stage}. If it answers, look "
        "at its callers.",
        "AWS/SageMaker",
        # Of an asynchronous endpoint SageMaker publishes no other, and that for the endpoint as a whole.
        "InvocationsProcessed" if queued else "Invocations",
        {"EndpointName": names.endpoint(model, "async")} if queued else measured(config),
        "Sum",
        1,
        period=minutes * 60,
        periods=1,
        datapoints=1,
        comparison="LessThanThreshold",
        missing="breaching",
    )


def measured(config: DeployConfig) -> dict[str, str]:
    """The dimensions of SageMaker's metrics about what serves the model."""
    if config.endpoint == "shared":
        return {"InferenceComponentName": names.component(config.model)}
    return {"EndpointName": names.endpoint(config.model, config.endpoint), "VariantName": names.VARIANT}


def watching(platform: Platform, config: DeployConfig, stage: Stage) -> Iterator[Alarm]:
    """What a monitor finds: an alarm for each kind, on the metric that it puts (`isthmus.monitor.outputs`).

    Drift and lost quality in prod may train the model anew, so the bridge tells of them, and what becomes of
    it; of all else people are told at once.
    """
    asked = config.monitoring
    for id_, name, metric, what, is_asked in (
        ("Drift", names.drift_alarm, names.FEATURE_DRIFT, "inputs have drifted", True),
        ("Quality", names.quality_alarm, names.QUALITY_LOSS, "quality is lost", True),
        ("Predictions", names.predictions_alarm, names.PREDICTION_DRIFT, "answers have drifted", True),
        ("Constraints", names.constraints_alarm, names.CONSTRAINT_VIOLATIONS, BROKEN, True),
        ("Bias", names.bias_alarm, names.BIAS_DRIFT, "it is further from fair than in training", asked.bias),
        ("Explanations", names.explanations_alarm, names.EXPLANATION_DRIFT, OTHERWISE, asked.explanations),
    ):
        if is_asked:
            yield _found(config.model, stage, id_, name(platform, config.model), metric, what)


def _found(model: str, stage: Stage, id_: str, name: str, metric: str, what: str) -> Alarm:
    """In alarm for a minute: between two runs nothing is measured, so each run that finds it tells anew."""
    return Alarm(
        id_,
        name,
        f"{model} in {stage}: {what}. Look at what it is: isthmus monitor report {model} --stage {stage}",
        names.METRIC_NAMESPACE,
        metric,
        {"Model": model, "Stage": stage},
        "Maximum",
        # A count; the others are ratios.
        0 if metric == names.CONSTRAINT_VIOLATIONS else 1,
        period=60,
        periods=1,
        datapoints=1,
        pages=not (metric in CARRIED and stage in BRIDGED),
        tells_end=False,
    )


def watching_the_service(
    platform: Platform, config: DeployConfig, stage: Stage, registered: Registered
) -> Iterator[Alarm]:
    """The same of what SageMaker Model Monitor finds, by the metrics that it puts."""
    model = config.model
    metrics = [f"feature_baseline_drift_{one}" for one in registered.features]
    endpoint = {"Endpoint": names.endpoint(model)}
    for number, start in enumerate(range(0, len(metrics), MOST_METRICS), 1):
        further = names.further_drift_alarm(platform, model, number)
        yield _of_the_service(
            stage,
            "Drift" if number == 1 else f"Drift{number}",
            names.drift_alarm(platform, model) if number == 1 else further,
            f"{model} in {stage}: inputs have drifted over {THRESHOLD:g}, Model Monitor finds",
            names.DATA_METRICS,
            endpoint | {"MonitoringSchedule": names.monitor_pipeline(model)},
            tuple(metrics[start : start + MOST_METRICS]),
            THRESHOLD,
        )
    if config.monitoring.model_quality:
        found = _of_the_service(
            stage,
            "Quality",
            names.quality_alarm(platform, model),
            f"{model} in {stage}: quality is lost, Model Monitor finds: {registered.metric} is beyond "
            f"{registered.worst:.4g}, the end of its interval when the version was registered",
            names.MODEL_METRICS,
            endpoint | {"MonitoringSchedule": names.quality_schedule(model)},
            registered.metric,
            registered.worst,
        )
        yield replace(found, comparison="LessThanThreshold") if registered.higher_is_better else found


def _of_the_service(
    stage: Stage,
    id_: str,
    name: str,
    message: str,
    namespace: str,
    where: dict[str, str],
    metric: str | tuple[str, ...],
    threshold: float,
) -> Alarm:
    return Alarm(
        id_,
        name,
        message,
        namespace,
        metric,
        where,
        "Average",
        threshold,
        # An execution may begin twenty minutes late, and puts its metrics when it ends.
        period=3600,
        periods=1,
        datapoints=1,
        pages=stage not in BRIDGED,
        tells_end=False,
    )
