"""Retraining in the templates: nothing of it where nothing was asked for, and no more than was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from isthmus import names
from isthmus.config import Platform
from tests.cdk.conftest import MODEL, read_templates

Templates = dict[str, dict[str, Any]]
OTHER = "churn-risk"
SCHEDULE, GROUP = "AWS::Scheduler::Schedule", "AWS::SageMaker::ModelPackageGroup"


@pytest.fixture(scope="module")
def everything(full: Path, platform: Platform) -> Templates:
    return read_templates(full, platform)


def of_type(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]


def bridge_may(template: dict[str, Any], platform: Platform) -> list[dict[str, Any]]:
    (policy,) = [
        one
        for one in of_type(template, "AWS::IAM::ManagedPolicy")
        if one["ManagedPolicyName"] == names.bridge(platform)
    ]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def told(template: dict[str, Any]) -> dict[str, Any]:
    """What the bridge reads of the model."""
    (parameter,) = of_type(template, "AWS::SSM::Parameter")
    found: dict[str, Any] = json.loads(parameter["Value"])["retraining"]
    return found


def tags(template: dict[str, Any]) -> dict[str, str]:
    (group,) = of_type(template, GROUP)
    return {tag["Key"]: tag["Value"] for tag in group["Tags"]}


def test_by_default_a_loss_of_quality_retrains_and_nothing_more_is_made(
    templates: Templates, platform: Platform
) -> None:
    assert told(templates[f"automation-{MODEL}"]) == {"when": ["quality"], "rest_hours": 24}
    assert not of_type(templates[f"automation-{MODEL}"], SCHEDULE)
    assert "approval" not in tags(templates[f"automation-{MODEL}"])
    actions = {action for one in bridge_may(templates["automation"], platform) for action in one["Action"]}
    assert actions.isdisjoint(
        {"sagemaker:UpdateModelPackage", "s3:GetObject", "sagemaker:ListPipelineExecutions"}
    )
    assert "isthmus.schedule" not in json.dumps(templates["automation"])


def test_the_bridge_is_told_what_was_asked_for(everything: Templates) -> None:
    assert told(everything[f"automation-{MODEL}"]) == {
        "when": ["quality", "drift", "data"],
        "schedule": "rate(30 days)",
        "rest_hours": 24,
        "most_per_month": 10,
        "most_hours_per_month": 40.0,
        "approve": {"least_gain": 0.05, "when": ["quality", "schedule"]},
    }
    # Where files land, they are trained with unless somebody says otherwise.
    assert told(everything[f"automation-{OTHER}"])["when"] == ["quality", "data"]


def test_the_schedule_says_that_a_model_is_due_and_may_nothing_else(
    everything: Templates, platform: Platform
) -> None:
    (schedule,) = of_type(everything[f"automation-{MODEL}"], SCHEDULE)
    target = schedule["Target"]
    assert target["EventBridgeParameters"] == {"Source": "isthmus.schedule", "DetailType": "Retraining Due"}
    assert json.loads(target["Input"]) == {"model": MODEL, "due": "<aws.scheduler.scheduled-time>"}
    (policy,) = [
        one
        for one in of_type(everything["automation"], "AWS::IAM::ManagedPolicy")
        if one["ManagedPolicyName"] == names.schedule_role(platform)
    ]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["events:PutEvents"]
    assert statement["Resource"] == [target["Arn"]] and "*" not in target["Arn"]
    assert statement["Condition"]["ForAllValues:StringEquals"] == {"events:source": "isthmus.schedule"}
    assert not of_type(everything[f"automation-{OTHER}"], SCHEDULE)


def test_the_bridge_may_approve_versions_of_models_with_a_rule_and_change_nothing_else(
    everything: Templates, platform: Platform
) -> None:
    (approve,) = [
        one
        for one in bridge_may(everything["automation"], platform)
        if "sagemaker:UpdateModelPackage" in one["Action"]
    ]
    assert approve["Action"] == ["sagemaker:UpdateModelPackage"]
    assert set(approve["Condition"]) == {"StringEquals", "StringEqualsIfExists", "Null"}
    assert approve["Condition"]["StringEquals"] == {
        "aws:ResourceTag/platform": "isthmus",
        "aws:ResourceTag/approval": "automatic",
        "sagemaker:ModelApprovalStatus": "Approved",
    }
    assert approve["Condition"]["StringEqualsIfExists"] == {
        "sagemaker:CustomerMetadataProperties/approved_by": "automatic"
    }
    kept = {"sagemaker:ModelLifeCycle:stage", "sagemaker:CustomerMetadataProperties/commit"}
    assert kept <= set(approve["Condition"]["Null"]) and set(approve["Condition"]["Null"].values()) == {
        "true"
    }
    assert tags(everything[f"automation-{MODEL}"])["approval"] == "automatic"
    assert "approval" not in tags(everything[f"automation-{OTHER}"])
