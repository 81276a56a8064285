"""The automation account's event bus, and the serving accounts' way to it."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import Statement, allow, allow_principal, make_role, roles_of, service
from isthmus import names
from isthmus.config import STAGES, Platform
from isthmus.resource_types import aws_events


def automation_bus(scope: Construct, platform: Platform) -> aws_events.CfnEventBus:
    """The bus that exactly the forwarders of staging and prod put alarms on."""
    bus = aws_events.CfnEventBus(scope, "Bus", name=names.event_bus(platform))
    for stage in STAGES:
        aws_events.CfnEventBusPolicy(
            bus,
            f"From-{stage}",
            event_bus_name=bus.ref,
            statement_id=stage,
            statement=allow_principal(
                roles_of(getattr(platform.accounts, stage), names.forwarder_role(platform)),
                "events:PutEvents",
                bus.attr_arn,
            ),
        )
    return bus


def say_as(platform: Platform, source: str) -> Statement:
    """Put events on the bus that say that they come from `source`, and no others."""
    return allow(
        "events:PutEvents",
        _arn(platform),
        {
            "ForAllValues:StringEquals": {"events:source": source},
            # ForAllValues is true of no value at all.
            "Null": {"events:source": "false"},
        },
    )


def _arn(platform: Platform) -> str:
    bus = names.event_bus(platform)
    return f"arn:aws:events:{platform.region}:{platform.accounts.automation}:event-bus/{bus}"


def forward_alarms(scope: Construct, platform: Platform) -> None:
    """Send each change of our alarms in this account to the automation account's bus."""
    arn = _arn(platform)
    role = make_role(
        scope,
        "Forwarder",
        names.forwarder_role(platform),
        trust=service("events.amazonaws.com", Stack.of(scope).account),
        description="EventBridge, sending alarms to the automation account",
        statements=[allow("events:PutEvents", arn)],
    )
    aws_events.CfnRule(
        scope,
        "Alarms",
        name=f"{platform.name}-alarms",
        description="Alarms about models, to the automation account",
        event_pattern={
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "detail": {"alarmName": [{"prefix": f"{platform.name}-"}]},
        },
        targets=[{"id": "bus", "arn": arn, "roleArn": role.attr_arn}],
    )
