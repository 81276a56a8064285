"""MLflow for each team: an app, which costs nothing at rest, or a tracking server, which costs by the hour.

Neither knows teams inside, so each team has its own, reached by its tag.
"""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import Statement, allow, make_policy, sagemaker, service, tagged_role
from cdk.parts.keys import USE
from cdk.parts.storage import bucket_arn, objects, under
from cdk.parts.team_tag import OWN, TEAM
from isthmus import names
from isthmus.config import Platform, Studio, Team
from isthmus.resource_types import aws_sagemaker

MLFLOW, FOLDER = "mlflow", "mlflow/"
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemakerwithmlflow.html
RUNS = (
    "CreateExperiment",
    "CreateModelVersion",
    "CreateRegisteredModel",
    "CreateRun",
    "DeleteExperiment",
    "DeleteLoggedModel",
    "DeleteModelVersion",
    "DeleteRegisteredModel",
    "DeleteRun",
    "DeleteTag",
    "FinalizeLoggedModel",
    "GetDownloadURIForModelVersionArtifacts",
    "GetExperiment",
    "GetExperimentByName",
    "GetLatestModelVersions",
    "GetLoggedModel",
    "GetMetricHistory",
    "GetModelVersion",
    "GetModelVersionByAlias",
    "GetRegisteredModel",
    "GetRun",
    "ListArtifacts",
    "ListLoggedModelArtifacts",
    "LogBatch",
    "LogInputs",
    "LogLoggedModelParams",
    "LogMetric",
    "LogModel",
    "LogOutputs",
    "LogParam",
    "RestoreExperiment",
    "RestoreRun",
    "SearchExperiments",
    "SearchLoggedModels",
    "SearchModelVersions",
    "SearchRegisteredModels",
    "SearchRuns",
    "SetExperimentTag",
    "SetLoggedModelTags",
    "SetModelVersionTag",
    "SetRegisteredModelAlias",
    "SetTag",
    "UpdateExperiment",
    "UpdateModelVersion",
    "UpdateRegisteredModel",
    "UpdateRun",
)


def mlflow(scope: Construct, platform: Platform, studio: Studio, team: Team) -> None:
    """The team's MLflow, which keeps artifacts under the team's prefix of the experiments' bucket."""
    role = tagged_role(
        scope,
        "MlflowRole",
        names.mlflow_role(platform, team.name),
        trust=service("sagemaker.amazonaws.com", Stack.of(scope).account),
        description=f"MLflow of team {team.name}: its artifacts",
        policies=[names.policy(platform, MLFLOW)],
    )
    store = f"s3://{names.experiment_bucket(platform)}/{team.name}/{FOLDER}"
    name = names.team_resource(platform, team.name)
    if studio.mlflow == "app":
        aws_sagemaker.CfnMlflowApp(
            scope,
            "Mlflow",
            name=name,
            artifact_store_uri=store,
            role_arn=role.attr_arn,
            model_registration_mode="AutoModelRegistrationDisabled",
        )
    else:
        aws_sagemaker.CfnMlflowTrackingServer(
            scope,
            "Mlflow",
            tracking_server_name=name,
            artifact_store_uri=store,
            role_arn=role.attr_arn,
            automatic_model_registration=False,
            tracking_server_size="Small",
        )


def mlflow_policy(scope: Construct, platform: Platform, *, data_key: str) -> None:
    """What each team's MLflow may do: keep the team's artifacts."""
    bucket, mine = names.experiment_bucket(platform), f"{TEAM}/{FOLDER}"
    make_policy(
        scope,
        "MlflowPolicy",
        names.policy(platform, MLFLOW),
        "For each team's own things: MLflow",
        [
            allow(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], objects(bucket, mine)),
            allow("s3:ListBucket", bucket_arn(bucket), under(mine)),
            allow(USE, data_key),
        ],
    )


def use_mlflow(stack: Stack, studio: Studio) -> list[Statement]:
    """What a scientist may do with the team's MLflow."""
    if studio.mlflow == "app":
        actions = ["CallMlflowAppApi", "CreatePresignedMlflowAppUrl", "DescribeMlflowApp"]
        return [
            allow([f"sagemaker:{one}" for one in actions], sagemaker(stack, "mlflow-app/*"), OWN),
            allow("sagemaker:ListMlflowApps", "*"),
        ]
    servers = sagemaker(stack, "mlflow-tracking-server/*")
    actions = ["CreatePresignedMlflowTrackingServerUrl", "DescribeMlflowTrackingServer"]
    actions += ["StartMlflowTrackingServer", "StopMlflowTrackingServer"]
    return [
        allow([f"sagemaker:{one}" for one in actions], servers, OWN),
        allow([f"sagemaker-mlflow:{one}" for one in RUNS], servers, OWN),
        allow(["sagemaker-mlflow:AccessUI", "sagemaker:ListMlflowTrackingServers"], "*"),
    ]
