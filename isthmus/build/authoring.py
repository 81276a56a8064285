"""What a team's pipeline.py writes a SageMaker pipeline with: steps whose arguments are the API's own.

The SageMaker SDK makes the definition (parameters, references, conditions, properties); a step is the request
of the API call that it becomes, because the SDK's own processors and trainers upload code under a timestamp,
so that no two definitions would be the same. Importing this module imports the SDK, which takes seconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

# The SDK makes a boto3 client while it is imported; nothing is called with it.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.properties import Properties, PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import CacheConfig, Step, StepTypeEnum

from isthmus.config import ModelConfig
from isthmus.instances import has_own_key

# Filled in by `isthmus build run`, so that the same content always has the same definition.
CODE = ParameterString("CodeUri")
DATA = ParameterString("DataUri")
CHAMPION = ParameterString("ChampionUri")
OUTPUT = ParameterString("OutputUri")
IMAGE = ParameterString("ImageUri")
ROLE = ParameterString("RoleArn")
KEY = ParameterString("KmsKeyId")
ABOUT = tuple(
    # SageMaker takes no empty metadata.
    ParameterString(name, default_value="none")
    for name in (
        "Commit",
        "Repository",
        "RunId",
        "DataVersion",
        "DataManifest",
        "DataSet",
        "Reason",
        "CorrelationId",
    )
)
# What the registry keeps of the evaluation: how good the version is, and its gain over the one in prod.
FIGURES = ("metric", "value", "ci_low", "ci_high", "threshold", "n")
COMPARISON = ("champion", "gain", "gain_low", "gain_high")
PARAMETERS = [CODE, DATA, CHAMPION, OUTPUT, IMAGE, ROLE, KEY, *ABOUT]
# Inputs are named after their content, so a step that ran with the same inputs need not run again.
REUSED = CacheConfig(enable_caching=True, expire_after="P30D")


def pipeline(config: ModelConfig, steps: Sequence[Step]) -> Pipeline:
    """The pipeline of these steps. No experiment is kept: the registry is where versions are compared."""
    return Pipeline(
        name=config.name, parameters=PARAMETERS, steps=list(steps), pipeline_experiment_config=None
    )


class JobStep(Step):  # type: ignore[misc]
    """A step that is one API request, with the properties of the job's Describe answer."""

    def __init__(self, name: str, kind: StepTypeEnum, request: dict[str, Any], shape: str) -> None:
        super().__init__(name=name, step_type=kind)
        self.request = request
        self.property_files: list[PropertyFile] = []
        self._properties = Properties(step_name=name, step=self, shape_name=shape)

    @property
    def arguments(self) -> dict[str, Any]:
        return self.request

    @property
    def properties(self) -> Any:
        return self._properties

    def to_request(self) -> dict[str, Any]:
        request: dict[str, Any] = super().to_request()
        if self.step_type in (StepTypeEnum.PROCESSING, StepTypeEnum.TRAINING):
            request.update(REUSED.config)
        if self.property_files:
            request["PropertyFiles"] = [one.expr for one in self.property_files]
        return request


def processing(
    name: str,
    script: str,
    config: ModelConfig,
    *,
    inputs: Mapping[str, Any],
    outputs: Sequence[str],
    property_file: tuple[str, str] | None = None,
) -> JobStep:
    """A processing step that runs `script` of the repository.

    `inputs` maps a folder under /opt/ml/processing/input to an S3 URI; each of `outputs` is a folder under
    /opt/ml/processing/output. `property_file` is (output, file name) of a JSON file that conditions read.
    """
    sources = {"code": CODE, **inputs}
    request = {
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["process"],
            "ContainerArguments": [script],
        },
        "RoleArn": ROLE,
        "ProcessingResources": {"ClusterConfig": _machines(config)},
        "NetworkConfig": _alone(config),
        "ProcessingInputs": [_processing_input(folder, uri) for folder, uri in sources.items()],
        "ProcessingOutputConfig": {
            "KmsKeyId": KEY,
            "Outputs": [_processing_output(name, folder) for folder in outputs],
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": config.compute.max_minutes * 60},
    }
    step = JobStep(name, StepTypeEnum.PROCESSING, request, "DescribeProcessingJobResponse")
    if property_file:
        step.property_files = [PropertyFile(name=name, output_name=property_file[0], path=property_file[1])]
    return step


def training(name: str, config: ModelConfig, *, channels: Mapping[str, Any]) -> JobStep:
    """A training step: the image's `train` runs `steps/train.py`; `channels` maps a name to an S3 URI."""
    request = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": [_channel(name, uri) for name, uri in {"code": CODE, **channels}.items()],
        "OutputDataConfig": {"S3OutputPath": _under(OUTPUT, "training"), "KmsKeyId": KEY},
        "ResourceConfig": _machines(config),
        "StoppingCondition": {"MaxRuntimeInSeconds": config.compute.max_minutes * 60},
        **_alone(config),
    }
    return JobStep(name, StepTypeEnum.TRAINING, request, "DescribeTrainingJobResponse")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def register(
    name: str, config: ModelConfig, *, prepare: JobStep, train: JobStep, evaluate: JobStep
) -> JobStep:
    """Register the trained model with its metrics, baseline and provenance, pending a person's approval."""
    baseline, evaluation = output_of(prepare, "baseline"), output_of(evaluate, "evaluation")
    quality = _source(evaluation, "evaluation.json")
    statistics, constraints = _source(baseline, "statistics.json"), _source(baseline, "constraints.json")
    about = {_snake(parameter.name): parameter for parameter in ABOUT}
    metrics = {name: _found(evaluate, f"registry.{name}") for name in (*FIGURES, *COMPARISON)}
    request = {
        "ModelPackageGroupName": config.name,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [
                {"Image": IMAGE, "ModelDataUrl": train.properties.ModelArtifacts.S3ModelArtifacts}
            ],
            "SupportedContentTypes": ["text/csv", "application/json"],
            "SupportedResponseMIMETypes": ["text/csv", "application/json"],
        },
        "ModelMetrics": {
            "ModelQuality": {"Statistics": quality},
            "ModelDataQuality": {"Statistics": statistics, "Constraints": constraints},
        },
        "DriftCheckBaselines": {"ModelDataQuality": {"Statistics": statistics, "Constraints": constraints}},
        "MetadataProperties": {
            "CommitId": about["commit"],
            "Repository": about["repository"],
            "GeneratedBy": ExecutionVariables.PIPELINE_EXECUTION_ARN,
        },
        "CustomerMetadataProperties": {
            **about,
            **metrics,
            "evaluation_uri": evaluation,
            "baseline_uri": baseline,
        },
    }
    return JobStep(name, StepTypeEnum.REGISTER_MODEL, request, "DescribeModelPackageOutput")


def only_if(
    name: str, evaluate: JobStep, *, then: Sequence[Step], otherwise: Sequence[Step]
) -> ConditionStep:
    """Go on only if the evaluation meets the bar and the challenger beats the champion."""
    conditions = [
        ConditionEquals(left=_found(evaluate, key), right=True)
        for key in ("meets_threshold", "beats_champion")
    ]
    return ConditionStep(name=name, conditions=conditions, if_steps=list(then), else_steps=list(otherwise))


def fail(name: str, evaluate: JobStep) -> FailStep:
    """End the execution as failed, with the evaluation's verdict as the reason."""
    return FailStep(name=name, error_message=_found(evaluate, "verdict"))


def output_of(step: JobStep, folder: str) -> Any:
    """The S3 URI of a processing step's output."""
    return step.properties.ProcessingOutputConfig.Outputs[folder].S3Output.S3Uri


def artifact_of(step: JobStep) -> Any:
    """The S3 URI of a training step's model.tar.gz."""
    return step.properties.ModelArtifacts.S3ModelArtifacts


def _found(evaluate: JobStep, key: str) -> JsonGet:
    """A value in the evaluation's property file, when the pipeline runs."""
    return JsonGet(step_name=evaluate.name, property_file=evaluate.property_files[0], json_path=key)


def _under(uri: Any, *parts: str) -> Join:
    return Join(on="/", values=[uri, *parts])


def _machines(config: ModelConfig) -> dict[str, Any]:
    compute = config.compute
    key = {} if has_own_key(compute.instance_type) else {"VolumeKmsKeyId": KEY}
    return {
        "InstanceCount": compute.instance_count,
        "InstanceType": compute.instance_type,
        "VolumeSizeInGB": compute.volume_gb,
        **key,
    }


def _source(folder: Any, file: str) -> dict[str, Any]:
    return {"ContentType": "application/json", "S3Uri": _under(folder, file)}


def _alone(config: ModelConfig) -> dict[str, bool]:
    """A job has its files and its peers, and calls nobody; between instances its traffic is encrypted."""
    return {
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": config.compute.instance_count > 1,
    }


def _processing_input(folder: str, uri: Any) -> dict[str, Any]:
    return {
        "InputName": folder,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/input/{folder}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        },
    }


def _processing_output(step: str, folder: str) -> dict[str, Any]:
    return {
        "OutputName": folder,
        "S3Output": {
            "S3Uri": _under(OUTPUT, step.lower(), folder),
            "LocalPath": f"/opt/ml/processing/output/{folder}",
            "S3UploadMode": "EndOfJob",
        },
    }


def _channel(name: str, uri: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
