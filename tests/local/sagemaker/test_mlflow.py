"""MLflow apps and tracking servers: named, stopped, found again, and open to whom tags say."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.conftest import ROLE, Aws


def test_a_server_is_stopped_and_started(sagemaker: Any) -> None:
    named = {"TrackingServerName": "runs"}
    sagemaker.create_mlflow_tracking_server(ArtifactStoreUri="s3://b/runs", RoleArn=ROLE, **named)
    with pytest.raises(ClientError, match="ConflictException"):
        sagemaker.create_mlflow_tracking_server(ArtifactStoreUri="s3://b/runs", RoleArn=ROLE, **named)
    sagemaker.stop_mlflow_tracking_server(**named)
    assert sagemaker.describe_mlflow_tracking_server(**named)["IsActive"] == "Inactive"
    with pytest.raises(ClientError, match="ConflictException"):
        sagemaker.stop_mlflow_tracking_server(**named)
    sagemaker.start_mlflow_tracking_server(**named)
    (found,) = sagemaker.list_mlflow_tracking_servers(TrackingServerStatus="Started")[
        "TrackingServerSummaries"
    ]
    assert found["TrackingServerName"] == "runs"
    sagemaker.delete_mlflow_tracking_server(**named)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sagemaker.describe_mlflow_tracking_server(**named)


def test_an_app_is_reached_by_whom_its_tag_names(aws: Aws, sagemaker: Any) -> None:
    made = sagemaker.create_mlflow_app(
        Name="rain", ArtifactStoreUri="s3://b/rain", RoleArn=ROLE, Tags=[{"Key": "team", "Value": "rain"}]
    )["Arn"]
    only = {"StringEquals": {"aws:ResourceTag/team": "rain"}}
    aws.role(
        "rain-mlflow",
        [{"Effect": "Allow", "Action": "sagemaker:*MlflowApp", "Resource": "*", "Condition": only}],
    )
    person = aws.client("sagemaker", role="rain-mlflow")
    assert person.describe_mlflow_app(Arn=made)["Name"] == "rain"
    other = sagemaker.create_mlflow_app(Name="snow", ArtifactStoreUri="s3://b/snow", RoleArn=ROLE)["Arn"]
    with pytest.raises(ClientError, match="AccessDenied"):
        person.describe_mlflow_app(Arn=other)
    for arn in (made, other):
        sagemaker.delete_mlflow_app(Arn=arn)
    assert sagemaker.list_mlflow_apps()["Summaries"] == []
