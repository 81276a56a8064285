"""Pipeline definitions for tests, written as short as they may be."""

from __future__ import annotations

import copy
from typing import Any

ROLE = "arn:aws:iam::222233334444:role/pipeline"
CLUSTER = {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}}
CODE = "/opt/ml/processing/input/code"
OUTPUT = "/opt/ml/processing/output"


def definition(*steps: dict[str, Any], parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    document = {"Version": "2020-12-01", "Parameters": parameters or [], "Steps": list(steps)}
    return copy.deepcopy(document)


def processing(
    name: str,
    code: str,
    *arguments: Any,
    output: str = "",
    image: str = "image",
    role: str = ROLE,
    **more: Any,
) -> dict[str, Any]:
    """A step that runs the script at the S3 URI `code`; what it writes goes to the prefix `output`."""
    script = f"{CODE}/{code.rsplit('/', 1)[-1]}"
    app = {"ImageUri": image, "ContainerEntrypoint": ["python3", "-S", script]}
    if arguments:
        app["ContainerArguments"] = list(arguments)
    request: dict[str, Any] = {
        "RoleArn": role,
        "ProcessingResources": CLUSTER,
        "AppSpecification": app,
        "ProcessingInputs": [_input("code", code, CODE)],
    }
    if output:
        target = {"S3Uri": output, "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"}
        request["ProcessingOutputConfig"] = {"Outputs": [{"OutputName": "out", "S3Output": target}]}
    return {"Name": name, "Type": "Processing", "Arguments": request, **more}


def training(name: str, code: str, output: str, *, image: str = "image", **more: Any) -> dict[str, Any]:
    """A step that runs the script at the S3 URI `code` from the channel `code`."""
    script = f"/opt/ml/input/data/code/{code.rsplit('/', 1)[-1]}"
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": code}}
    request = {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-S", script],
            "MetricDefinitions": [{"Name": "auc", "Regex": "auc=([0-9.]+)"}],
        },
        "HyperParameters": {"depth": "3"},
        "InputDataConfig": [{"ChannelName": "code", "DataSource": source}],
        "OutputDataConfig": {"S3OutputPath": output},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    return {"Name": name, "Type": "Training", "Arguments": request, **more}


def condition(
    name: str, left: Any, kind: str, right: Any, yes: list[dict[str, Any]], no: list[dict[str, Any]]
) -> dict[str, Any]:
    comparison = {"Type": kind, "LeftValue": left, "RightValue": right}
    return {
        "Name": name,
        "Type": "Condition",
        "Arguments": {"Conditions": [comparison], "IfSteps": yes, "ElseSteps": no},
    }


def register(name: str, group: str, model: Any, *, image: str = "image") -> dict[str, Any]:
    container = {"Image": image, "ModelDataUrl": model}
    inference = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arguments = {"ModelPackageGroupName": group, "InferenceSpecification": inference}
    return {"Name": name, "Type": "RegisterModel", "Arguments": arguments}


def fail(name: str, message: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def from_file(step: str, path: str) -> dict[str, Any]:
    """The value at `path` in the property file `Report` of a step."""
    return {"Std:JsonGet": {"PropertyFile": {"Get": f"Steps.{step}.PropertyFiles.Report"}, "Path": path}}


def report(file: str = "report.json") -> list[dict[str, str]]:
    return [{"PropertyFileName": "Report", "OutputName": "out", "FilePath": file}]


def _input(name: str, uri: str, path: str) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}
