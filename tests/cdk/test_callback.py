"""The bridge's HTTPS route in the template: who is asked, how often, and what its function may."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from isthmus import names
from isthmus.config import Platform

Template = dict[str, Any]


@pytest.fixture
def automation(templates: dict[str, Template]) -> Template:
    return templates["automation"]


def of_type(template: Template, kind: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]


def one(template: Template, kind: str) -> dict[str, Any]:
    (found,) = of_type(template, kind)
    return found


def statements(template: Template, policy: str) -> dict[str, list[str]]:
    """The resources of each action of a managed policy."""
    (found,) = [
        each for each in of_type(template, "AWS::IAM::ManagedPolicy") if each["ManagedPolicyName"] == policy
    ]
    return {
        action: statement["Resource"]
        for statement in found["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }


def test_nobody_gets_through_whom_the_function_does_not_know(automation: Template) -> None:
    authorizer = one(automation, "AWS::ApiGatewayV2::Authorizer")
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert authorizer["IdentitySource"] == ["$request.header.AuthToken"]
    # What was let through once is asked about again: a job's token is good for one question.
    assert authorizer["AuthorizerResultTtlInSeconds"] == 0
    route = one(automation, "AWS::ApiGatewayV2::Route")
    assert (route["RouteKey"], route["AuthorizationType"]) == ("POST /jobs", "CUSTOM")
    assert "CorsConfiguration" not in one(automation, "AWS::ApiGatewayV2::Api")


def test_it_is_throttled_and_logs_no_header(automation: Template) -> None:
    stage = one(automation, "AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 10}
    assert "header" not in stage["AccessLogSettings"]["Format"].lower()


def test_its_function_may_remember_a_job_and_tell_the_bus_and_nothing_else(
    automation: Template, platform: Platform
) -> None:
    may = statements(automation, names.callback(platform))
    assert may["dynamodb:PutItem"] == [
        f"arn:aws:dynamodb:{platform.region}:222233334444:table/{names.waiting(platform)}"
    ]
    (bus,) = may["events:PutEvents"]
    assert bus.endswith(f":event-bus/{names.event_bus(platform)}")
    assert not [action for action in may if action.startswith(("sts:", "sqs:", "secretsmanager:", "iam:"))]
    assert {action for action in may if action.startswith(("dynamodb:", "sagemaker:"))} == {
        "dynamodb:PutItem",
        "sagemaker:DescribePipelineExecution",
        "sagemaker:ListPipelineExecutionSteps",
    }


def test_what_happens_to_executions_of_this_account_reaches_the_queue(
    automation: Template, platform: Platform
) -> None:
    (rule,) = [
        each
        for each in of_type(automation, "AWS::Events::Rule")
        if each["Name"] == f"{names.bridge(platform)}-executions"
    ]
    assert rule["EventPattern"]["account"] == [platform.accounts.automation]
    assert rule["EventPattern"]["source"] == ["aws.sagemaker"]
    assert "EventBusName" not in rule


def test_who_provisions_azure_devops_learns_where_it_is(automation: Template, platform: Platform) -> None:
    (parameter,) = [
        each
        for each in of_type(automation, "AWS::SSM::Parameter")
        if each["Name"] == names.callback_parameter(platform)
    ]
    assert "ApiEndpoint" in str(parameter["Value"])
    may = statements(automation, names.operator_role(platform))
    assert may["ssm:GetParameter"] == [
        f"arn:aws:ssm:{platform.region}:222233334444:parameter{names.callback_parameter(platform)}"
    ]


def test_the_alarms_that_the_bridge_acts_on_reach_the_queue_and_no_others(
    automation: Template, platform: Platform
) -> None:
    (rule,) = [
        each
        for each in of_type(automation, "AWS::Events::Rule")
        if each["Name"] == f"{names.bridge(platform)}-alarms"
    ]
    patterns = [one["wildcard"] for one in rule["EventPattern"]["detail"]["alarmName"]]
    carried = {
        name
        for name in names.ALARMS
        if any(fnmatchcase(name(platform, "a-model"), pattern) for pattern in patterns)
    }
    challengers = {names.challenger_errors_alarm, names.challenger_latency_alarm}
    assert carried == {names.drift_alarm, names.quality_alarm} | challengers
