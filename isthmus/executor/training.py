"""A training job under `/opt/ml`: channels down, `train`, model.tar.gz and output.tar.gz up."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from isthmus.executor.job import (
    HOST,
    Control,
    Ending,
    Place,
    download,
    ended,
    pack,
    run_program,
    write_json,
)
from isthmus.executor.objects import StoreError, split_uri
from isthmus.executor.record import Record
from isthmus.executor.sandbox import OPT_ML


def run(job: Record, place: Place, control: Control) -> Ending:
    """Run a training job to its end; `job` is what DescribeTrainingJob answers."""
    _prepare(job, place)
    algorithm = job["AlgorithmSpecification"]
    argv = [*algorithm.get("ContainerEntrypoint", ["train"]), *algorithm.get("ContainerArguments", [])]
    seconds = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86_400)
    code = run_program(place, argv, _variables(job), control, seconds)
    ending = ended(code, control, place.opt_ml)
    try:
        return replace(ending, artifacts=_collect(job, place, ending.status != "Failed"))
    except StoreError as error:
        if ending.status == "Failed":
            return ending
        return Ending("Failed", f"ClientError: Failed to upload model artifacts to S3: {error}")


def artifacts_uri(job: Record) -> str:
    """Where a training job's model goes: known before it has run."""
    root = job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return f"{root}/{job['TrainingJobName']}/output/model.tar.gz"


def metrics(definitions: list[Record], lines: list[str]) -> dict[str, float]:
    """The last value in the log of each metric, by the job's MetricDefinitions."""
    found: dict[str, float] = {}
    for definition in definitions:
        pattern = re.compile(definition["Regex"])
        for line in lines:
            match = pattern.search(line)
            if match and match.groups():
                found[definition["Name"]] = float(match[1])
    return found


def _prepare(job: Record, place: Place) -> None:
    opt_ml = place.opt_ml
    for name in ("model", "output/data", "input/data", "checkpoints"):
        (opt_ml / name).mkdir(parents=True, exist_ok=True)
    config = opt_ml / "input" / "config"
    channels: list[Record] = job.get("InputDataConfig", [])
    write_json(config / "hyperparameters.json", job.get("HyperParameters", {}))
    write_json(
        config / "inputdataconfig.json", {one["ChannelName"]: _channel_config(one) for one in channels}
    )
    write_json(config / "resourceconfig.json", _resources(job))
    for channel in channels:
        _download(channel, place)


def _channel_config(channel: Record) -> Record:
    source = channel["DataSource"]["S3DataSource"]
    return {
        "ContentType": channel.get("ContentType", ""),
        "TrainingInputMode": channel.get("InputMode", "File"),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }


def _resources(job: Record) -> Record:
    kind = job.get("ResourceConfig", {}).get("InstanceType", "ml.m5.large")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": [HOST]}
    return {
        "current_host": HOST,
        "current_instance_type": kind,
        "current_group_name": "homogeneousCluster",
        "hosts": [HOST],
        "instance_groups": [group],
        "network_interface_name": "eth0",
    }


def _download(channel: Record, place: Place) -> None:
    folder = place.opt_ml / "input" / "data" / channel["ChannelName"]
    uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
    download(uri, folder, place, f"channel '{channel['ChannelName']}'")
    if channel.get("CompressionType") == "Gzip":
        _gunzip(folder)


def _gunzip(folder: Path) -> None:
    for path in list(folder.rglob("*.gz")):
        with gzip.open(path, "rb") as packed, path.with_suffix("").open("wb") as plain:
            shutil.copyfileobj(packed, plain)
        path.unlink()


def _variables(job: Record) -> Mapping[str, str]:
    """The job's own variables, and those of SageMaker's training toolkit."""
    channels = [channel["ChannelName"] for channel in job.get("InputDataConfig", [])]
    parameters: dict[str, str] = job.get("HyperParameters", {})
    toolkit = {
        "SM_MODEL_DIR": f"{OPT_ML}/model",
        "SM_INPUT_DIR": f"{OPT_ML}/input",
        "SM_INPUT_CONFIG_DIR": f"{OPT_ML}/input/config",
        "SM_OUTPUT_DIR": f"{OPT_ML}/output",
        "SM_OUTPUT_DATA_DIR": f"{OPT_ML}/output/data",
        "SM_CHANNELS": json.dumps(sorted(channels)),
        "SM_HPS": json.dumps(parameters),
        "SM_HOSTS": json.dumps([HOST]),
        "SM_CURRENT_HOST": HOST,
        "SM_NUM_CPUS": str(os.cpu_count() or 1),
        "SM_NUM_GPUS": "0",
        "SM_RESOURCE_CONFIG": json.dumps(_resources(job)),
    }
    toolkit |= {
        f"SM_CHANNEL_{name.upper().replace('-', '_')}": f"{OPT_ML}/input/data/{name}" for name in channels
    }
    toolkit |= {f"SM_HP_{name.upper().replace('-', '_')}": value for name, value in parameters.items()}
    names = {
        "TRAINING_JOB_NAME": job["TrainingJobName"],
        "TRAINING_JOB_ARN": job.get("TrainingJobArn", ""),
    }
    return {**toolkit, **job.get("Environment", {}), **names}


def _collect(job: Record, place: Place, with_model: bool) -> str | None:
    """Upload what the program left, and say where the model is."""
    uri = artifacts_uri(job)
    bucket, key = split_uri(uri)
    kms_key = job["OutputDataConfig"].get("KmsKeyId")
    if any((place.opt_ml / "output" / "data").iterdir()):
        archive = place.folder / "output.tar.gz"
        pack(place.opt_ml / "output" / "data", archive)
        place.objects.upload(archive, bucket, key.replace("/model.tar.gz", "/output.tar.gz"), kms_key)
    if not with_model:
        return None
    archive = place.folder / "model.tar.gz"
    pack(place.opt_ml / "model", archive)
    place.objects.upload(archive, bucket, key, kms_key)
    return uri
