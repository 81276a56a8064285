"""A processing job under `/opt/ml/processing`: inputs down, program, outputs up."""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.executor.job import (
    HOST,
    Control,
    Ending,
    Place,
    download,
    ended,
    inside,
    run_program,
    write_json,
)
from isthmus.executor.objects import StoreError, upload_folder
from isthmus.executor.record import Record


def run(job: Record, place: Place, control: Control) -> Ending:
    """Run a processing job to its end; `job` is what DescribeProcessingJob answers."""
    _prepare(job, place)
    seconds = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86_400)
    code = run_program(place, _argv(job), _variables(job), control, seconds)
    ending = ended(code, control, place.opt_ml)
    # SageMaker uploads what there is, whatever the exit code; a refusal then matters only for a success.
    try:
        _collect(job, place)
    except StoreError as error:
        if ending.status == "Completed":
            return Ending("Failed", f"ClientError: Failed to upload output to S3: {error}")
    return ending


def _argv(job: Record) -> list[str]:
    app = job["AppSpecification"]
    return [*app.get("ContainerEntrypoint", ["process"]), *app.get("ContainerArguments", [])]


def _variables(job: Record) -> Mapping[str, str]:
    return {
        **job.get("Environment", {}),
        "PROCESSING_JOB_NAME": job["ProcessingJobName"],
        "PROCESSING_JOB_ARN": job.get("ProcessingJobArn", ""),
    }


def _prepare(job: Record, place: Place) -> None:
    config = place.opt_ml / "config"
    write_json(config / "processingjobconfig.json", job)
    cluster = job["ProcessingResources"]["ClusterConfig"]
    write_json(
        config / "resourceconfig.json",
        {"current_host": HOST, "hosts": [HOST], "current_instance_type": cluster["InstanceType"]},
    )
    (place.opt_ml / "output").mkdir(parents=True, exist_ok=True)
    for entry in job.get("ProcessingInputs") or []:
        _download(entry, place)
    for entry in _outputs(job):
        inside(place.opt_ml, entry["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)


def _download(entry: Record, place: Place) -> None:
    source = entry["S3Input"]
    folder = inside(place.opt_ml, source["LocalPath"])
    download(source["S3Uri"], folder, place, f"input '{entry['InputName']}'")


def _collect(job: Record, place: Place) -> None:
    kms_key = job.get("ProcessingOutputConfig", {}).get("KmsKeyId")
    for entry in _outputs(job):
        target = entry["S3Output"]
        upload_folder(place.objects, inside(place.opt_ml, target["LocalPath"]), target["S3Uri"], kms_key)


def _outputs(job: Record) -> list[Record]:
    outputs: list[Record] = job.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return [entry for entry in outputs if "S3Output" in entry]
