"""Roles, and the policies that those of a kind share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.config import Platform


def role_arn(account: str, role: str) -> str:
    return f"arn:aws:iam::{account}:role/{role}"


def any_model(platform: Platform, kind: str) -> str:
    """In a condition on ARNs: the role of this kind of whichever model."""
    return f"{platform.name}-*-{kind}"


def policy(platform: Platform, kind: str) -> str:
    """The managed policy of all roles of a kind in an account: `build`, `pipeline`, `deploy` and so on."""
    return f"{platform.name}-{kind}"


def writer_role(platform: Platform, model: str) -> str:
    """Automation: the role that puts a model's files into the landing bucket."""
    return f"{platform.name}-{model}-writer"


def chat_role(platform: Platform) -> str:
    """Automation and serving: the role of Amazon Q Developer, which shows alarms in Slack and Teams."""
    return f"{platform.name}-chat"


def feature_role(platform: Platform) -> str:
    """Automation: the role of Feature Store, which writes its offline stores."""
    return f"{platform.name}-features"


def schedule_role(platform: Platform) -> str:
    """Automation: the role of EventBridge Scheduler, which says that a model is to be trained anew."""
    return f"{platform.name}-schedule"


def build_role(platform: Platform, model: str) -> str:
    """Automation: the role of the model-build pipeline in Azure DevOps."""
    return f"{platform.name}-{model}-build"


def pipeline_role(platform: Platform, model: str) -> str:
    """Automation: the role of the SageMaker pipeline and its jobs."""
    return f"{platform.name}-{model}-pipeline"


def synth_role(platform: Platform, model: str) -> str:
    """Automation: the role of the deploy pipeline's build stage, which reads the registry."""
    return f"{platform.name}-{model}-synth"


def approver_role(platform: Platform) -> str:
    """Automation: the only role that may approve or reject a model version."""
    return f"{platform.name}-approver"


def infrastructure_role(platform: Platform) -> str:
    """Each account: the role of the infrastructure pipeline, which takes CDK's bootstrap roles to deploy."""
    return f"{platform.name}-infrastructure"


def drift_role(platform: Platform) -> str:
    """Each account: the role that compares the stacks with what the infrastructure pipeline deployed."""
    return f"{platform.name}-drift"


def audit_role(platform: Platform) -> str:
    """Automation and prod: the role of the nightly audit, which reads the registry and what prod serves."""
    return f"{platform.name}-audit"


def operator_role(platform: Platform) -> str:
    """Each account: the role of who runs `isthmus status`, `models`, `invoke`, `lineage` and `events`."""
    return f"{platform.name}-operator"


def data_role(platform: Platform) -> str:
    """Automation and serving: the role of owners of data, who land rows (`<model>/landed/`) and labels."""
    return f"{platform.name}-data"


def network_role(platform: Platform) -> str:
    """Each account with a managed VPC: the role that writes its flow logs."""
    return f"{platform.name}-network"


def scientist_role(platform: Platform, team: str) -> str:
    """Dev: the role of a team's scientists, their Studio apps and their jobs."""
    return f"{platform.name}-{team}-scientist"


def spark_role(platform: Platform, team: str) -> str:
    """Dev: the role of a team's Spark sessions and jobs."""
    return f"{platform.name}-{team}-spark"


def mlflow_role(platform: Platform, team: str) -> str:
    """Dev: the role of a team's MLflow, which keeps artifacts."""
    return f"{platform.name}-{team}-mlflow"


def nobody_role(platform: Platform) -> str:
    """Dev: the role in Studio of people without a team's user profile; it may do nothing."""
    return f"{platform.name}-nobody"


def deploy_role(platform: Platform, model: str) -> str:
    """Serving: the role of the deploy pipeline at its stage."""
    return f"{platform.name}-{model}-deploy"


def cloudformation_role(platform: Platform, model: str) -> str:
    """Serving: CloudFormation's role for the model's endpoint stack; narrower than CDK's bootstrap."""
    return f"{platform.name}-{model}-cloudformation"


def forwarder_role(platform: Platform) -> str:
    """Serving: the role of EventBridge, which sends alarms to the automation account's bus."""
    return f"{platform.name}-forwarder"


def fallback_role(platform: Platform) -> str:
    """Prod: the role that the bridge takes to have a version that is compared answer nobody."""
    return f"{platform.name}-fallback"


def model_role(platform: Platform, model: str) -> str:
    """Serving: the execution role of the model behind its endpoint."""
    return f"{platform.name}-{model}-model"


def shared_endpoint_role(platform: Platform) -> str:
    """Serving: the role of the endpoints that models share."""
    return f"{platform.name}-shared-endpoints"


def monitor_role(platform: Platform, model: str) -> str:
    """Serving: the role of the model's monitor pipeline and its jobs."""
    return f"{platform.name}-{model}-monitor"


def batch_role(platform: Platform, model: str) -> str:
    """Serving: the role of that pipeline, and of what starts it."""
    return f"{platform.name}-{model}-batch"


def api_logging_role(platform: Platform) -> str:
    """Serving: the role of API Gateway, which writes the logs of REST APIs."""
    return f"{platform.name}-api-logging"
