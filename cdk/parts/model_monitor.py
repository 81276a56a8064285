"""SageMaker Model Monitor, where a deploy.yaml has it watch: who makes its schedules; whose its image is."""

from __future__ import annotations

from aws_cdk import Stack

from cdk.parts.grants import MODEL, Conditions, Statement, allow, sagemaker
from isthmus import names
from isthmus.config import Platform, model_monitor

KINDS = {"DataQuality": "data-quality", "ModelQuality": "model-quality"}


def make_schedules(stack: Stack, there: Conditions | None) -> list[Statement]:
    """CloudFormation's: a model's schedules, and what their jobs do; those in the network, where there is."""
    jobs = sagemaker(stack, *(f"{kind}-job-definition/{names.by_content(MODEL)}" for kind in KINDS.values()))
    each = (names.monitor_pipeline(MODEL), names.quality_schedule(MODEL))
    schedules = sagemaker(stack, *(f"monitoring-schedule/{name}" for name in each))
    verbs = ("Create", "Delete", "Describe", "Update")
    return [
        allow([f"sagemaker:Create{kind}JobDefinition" for kind in KINDS], jobs, there),
        allow(
            [f"sagemaker:{verb}{kind}JobDefinition" for verb in ("Delete", "Describe") for kind in KINDS],
            jobs,
        ),
        allow([f"sagemaker:{verb}MonitoringSchedule" for verb in verbs], schedules),
        allow([f"sagemaker:{verb}Tags" for verb in ("Add", "Delete", "List")], [*jobs, *schedules]),
    ]


def analyzer_repositories(platform: Platform) -> list[str]:
    """The repository of AWS' that has the service's image, for whose jobs pull it; none in some regions."""
    region = platform.region
    if region not in model_monitor.ANALYZERS:
        return []
    return [f"arn:aws:ecr:{region}:{model_monitor.ANALYZERS[region]}:repository/{model_monitor.REPOSITORY}"]
