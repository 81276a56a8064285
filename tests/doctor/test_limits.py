"""How long and how much: deployments beside sessions, and SageMaker's quotas, as AWS would answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from isthmus.azure.identity import Target
from isthmus.config import Platform
from isthmus.doctor.durations import durations
from isthmus.doctor.quotas import quotas
from isthmus.doctor.sight import Sight
from tests.cdk.conftest import MODEL, platform

__all__ = ["platform"]
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
STACK = "isthmus-prod"
ID = f"arn:aws:cloudformation:eu-west-1:444455556666:stack/{STACK}/1"


class Stubbed(Sight):
    """Sees one service, which answers as it is told."""

    def __init__(self, platform: Platform, service: str) -> None:
        super().__init__(platform)
        session: Any = boto3.Session("a", "a", region_name="eu-west-1")
        self._clients = {one: session.client(one) for one in (service, "iam")}
        self.answers = {name: Stubber(one) for name, one in self._clients.items()}
        for stub in self.answers.values():
            stub.activate()

    def _client(self, account: str, service: str) -> Any:
        return self._clients[service]


@pytest.fixture
def role() -> Iterator[dict[str, Any]]:
    yield {
        "Path": "/",
        "RoleName": f"isthmus-{MODEL}-deploy",
        "RoleId": "AROAAAAAAAAAAAAAAAAA",
        "Arn": f"arn:aws:iam::444455556666:role/isthmus-{MODEL}-deploy",
        "CreateDate": AT,
        "MaxSessionDuration": 3600,
    }


def seen(platform: Platform, role: dict[str, Any], minutes: int) -> list[tuple[str, str, str]]:
    """What is said where the account's last deployment took so long, and its endpoint never was."""
    sight = Stubbed(platform, "cloudformation")
    sight.answers["iam"].add_response("list_roles", {"Roles": [role], "IsTruncated": False})
    cfn = sight.answers["cloudformation"]
    stack = {"StackName": STACK, "StackStatus": "UPDATE_COMPLETE", "CreationTime": AT}
    cfn.add_response("describe_stacks", {"Stacks": [stack]})
    states = {"UPDATE_COMPLETE": minutes, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": 1, "UPDATE_IN_PROGRESS": 0}
    events = [
        {
            "StackId": ID,
            "EventId": state,
            "StackName": STACK,
            "PhysicalResourceId": ID,
            "ResourceStatus": state,
            "Timestamp": AT + timedelta(minutes=after),
        }
        for state, after in states.items()
    ]
    cfn.add_response("describe_stack_events", {"StackEvents": events})
    cfn.add_client_error("describe_stacks", "ValidationError", "does not exist")
    return [(one.status, one.about, one.says) for one in durations(sight, "prod")]


def test_a_deployment_within_its_session_is_well(platform: Platform, role: dict[str, Any]) -> None:
    assert seen(platform, role, 15) == []


@pytest.mark.parametrize(("minutes", "status"), [(50, "warning"), (61, "missing")])
def test_a_deployment_that_outlives_its_session(
    platform: Platform, role: dict[str, Any], minutes: int, status: str
) -> None:
    ((found, about, says),) = seen(platform, role, minutes)
    assert (found, about) == (status, f"stack {STACK}")
    assert says.startswith(f"its last change took {minutes} minutes, and a session lasts 60 minutes")


def test_a_role_whose_sessions_are_shorter_than_asked_for(
    platform: Platform, role: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS lets no role have less than an hour; so more is asked for."""
    monkeypatch.setattr(Target.__init__, "__defaults__", (7200,))
    ((status, about, says),) = seen(platform, role, 5)
    assert (status, about) == ("missing", f"role isthmus-{MODEL}-deploy")
    assert says.startswith("a session may last 60 minutes, and isthmus assume asks for 120 minutes")


@pytest.mark.parametrize(("applied", "enough"), [(None, False), (4.0, True)])
def test_a_quota_without_an_applied_value_has_that_of_aws(
    platform: Platform, applied: float | None, enough: bool
) -> None:
    sight = Stubbed(platform, "service-quotas")
    one = {"QuotaName": "ml.m5.large for endpoint usage", "QuotaCode": "L-61947752"}
    own = [] if applied is None else [one | {"Value": applied}]
    sight.answers["service-quotas"].add_response("list_service_quotas", {"Quotas": own})
    if applied is None:
        default = {"Quotas": [one | {"Value": 0.0}]}
        sight.answers["service-quotas"].add_response("list_aws_default_service_quotas", default)
    found = list(quotas(sight, "prod"))
    assert not found if enough else found[0].says.startswith("it is 0, and 2 are needed")


@pytest.mark.parametrize("value", [0, 1, 2, 4])
def test_a_quota_that_does_not_suffice(platform: Platform, value: int) -> None:
    """One model's endpoint takes two instances while a new version takes over."""
    sight = Stubbed(platform, "service-quotas")
    one = {"QuotaName": "ml.m5.large for endpoint usage", "QuotaCode": "L-61947752", "Value": float(value)}
    sight.answers["service-quotas"].add_response("list_service_quotas", {"Quotas": [one]})
    found = list(quotas(sight, "prod"))
    if value >= 2:
        assert found == []
        return
    (few,) = found
    assert few.says.startswith(f"it is {value}, and 2 are needed")
    assert few.remedy == (
        "aws service-quotas request-service-quota-increase --service-code sagemaker "
        "--quota-code L-61947752 --desired-value 2 --region eu-west-1"
    )
