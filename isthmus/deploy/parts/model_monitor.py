"""SageMaker Model Monitor in place of Isthmus' own monitor: what its jobs do, and when.

Documents: SageMaker's developer guide, "Monitor data quality" and "Monitor model quality".
"""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnResource
from constructs import Construct

from isthmus import names
from isthmus.config import model_monitor
from isthmus.deploy.deployment import Deployment
from isthmus.deploy.parts.data_key import data_key
from isthmus.deploy.registered import Registered
from isthmus.monitor.pipeline import VOLUME_GB
from isthmus.monitor.preprocessor import FILE as PREPROCESSOR
from isthmus.resource_types import aws_sagemaker as sagemaker

Properties = dict[str, Any]
OWN = ("app_specification", "baseline_config", "job_input", "job_output_config")
INPUT, OUTPUT = "/opt/ml/processing/input/endpoint", "/opt/ml/processing/output"
# MonitoringStoppingCondition: an hourly schedule takes no longer jobs.
LONGEST_SECONDS = 3600
# From here on an answer means the second class.
LIKELY = 0.5


def make_schedules(
    scope: Construct, deployment: Deployment, registered: Registered, endpoint: CfnResource
) -> None:
    """For data and, where deploy.yaml asks for it, for quality by the labels that have come."""
    model = deployment.model
    wanted = [("DataQuality", names.monitor_pipeline(model), _data(deployment))]
    if deployment.config.monitoring.model_quality:
        wanted.append(("ModelQuality", names.quality_schedule(model), _quality(deployment, registered)))
    for kind, name, content in wanted:
        job = deployment.by_content({"kind": kind} | content | _job(deployment, "a key"))
        made = _make_job(scope, kind, job, content | _job(deployment, data_key(scope, deployment)))
        # SageMaker asks whether the endpoint is there, and captures.
        made.add_dependency(endpoint)
        schedule = sagemaker.CfnMonitoringSchedule(
            scope,
            f"{kind}Schedule",
            monitoring_schedule_name=name,
            monitoring_schedule_config={
                "monitoringJobDefinitionName": job,
                "monitoringType": kind,
                "scheduleConfig": {
                    "scheduleExpression": model_monitor.schedule(deployment.config.monitoring.schedule)
                },
            },
        )
        schedule.add_dependency(made)


def _make_job(scope: Construct, kind: str, name: str, content: Properties) -> CfnResource:
    """Both kinds have the same properties, some of which begin with the kind's own name."""
    make, prefix = {
        "DataQuality": (sagemaker.CfnDataQualityJobDefinition, "data_quality"),
        "ModelQuality": (sagemaker.CfnModelQualityJobDefinition, "model_quality"),
    }[kind]
    named = {f"{prefix}_{key}" if key in OWN else key: value for key, value in content.items()}
    made: CfnResource = make(scope, f"{kind}Job", job_definition_name=name, **named)
    return made


def _data(deployment: Deployment) -> Properties:
    """Requests beside the rows of training, by the files that training left."""
    baseline = deployment.package.baseline.rstrip("/")
    files = {f"{one}Resource": {"s3Uri": f"{baseline}/{one}.json"} for one in ("constraints", "statistics")}
    return {
        "app_specification": {
            "imageUri": model_monitor.analyzer(deployment.region),
            "recordPreprocessorSourceUri": f"{baseline}/{PREPROCESSOR}",
        },
        "baseline_config": files,
        "job_input": {"endpointInput": _endpoint(deployment)},
    }


def _quality(deployment: Deployment, registered: Registered) -> Properties:
    """Answers beside labels; no constraints, for the alarm knows how good the version was registered."""
    labels = f"s3://{names.ground_truth_bucket(deployment.platform, deployment.account)}/{deployment.model}"
    binary = {"probabilityAttribute": "0", "probabilityThresholdAttribute": LIKELY}
    answer = binary if registered.problem == "BinaryClassification" else {"inferenceAttribute": "0"}
    return {
        "app_specification": {
            "imageUri": model_monitor.analyzer(deployment.region),
            "problemType": registered.problem,
        },
        "job_input": {
            "endpointInput": _endpoint(deployment) | answer,
            "groundTruthS3Input": {"s3Uri": labels},
        },
    }


def _endpoint(deployment: Deployment) -> Properties:
    return {"endpointName": deployment.endpoint, "localPath": INPUT}


def _job(deployment: Deployment, key: str) -> Properties:
    monitoring, network = deployment.config.monitoring, deployment.network
    cluster = {
        "instanceCount": monitoring.instance_count,
        "instanceType": monitoring.instance_type,
        "volumeSizeInGb": VOLUME_GB,
        "volumeKmsKeyId": key,
    }
    reports = deployment.stored(f"{names.reports(deployment.model)}{deployment.package.version}")
    output = {"s3Uri": reports, "localPath": OUTPUT, "s3UploadMode": "EndOfJob"}
    vpc = network and {"subnets": list(network.subnets), "securityGroupIds": [network.security_group]}
    return {
        "role_arn": deployment.role(names.monitor_role(deployment.platform, deployment.model)),
        "job_resources": {"clusterConfig": cluster},
        "job_output_config": {"kmsKeyId": key, "monitoringOutputs": [{"s3Output": output}]},
        "stopping_condition": {"maxRuntimeInSeconds": LONGEST_SECONDS},
        "network_config": {"vpcConfig": vpc} if vpc else None,
    }
