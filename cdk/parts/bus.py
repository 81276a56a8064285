"""The automation account's event bus, and the serving accounts' way to it."""

from __future__ import annotations

from aws_cdk import Stack, aws_events, aws_events_targets
from constructs import Construct

from cdk.parts.grants import allow, make_role, service
from isthmus import names
from isthmus.config import STAGES, Platform


def automation_bus(scope: Construct, platform: Platform) -> aws_events.EventBus:
    """The bus that alarms of exactly the staging and prod accounts arrive on."""
    bus = aws_events.EventBus(scope, "Bus", event_bus_name=names.event_bus(platform))
    for stage in STAGES:
        aws_events.CfnEventBusPolicy(
            bus,
            f"From-{stage}",
            event_bus_name=bus.event_bus_name,
            statement_id=stage,
            statement={
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{getattr(platform.accounts, stage)}:root"},
                "Action": "events:PutEvents",
                "Resource": bus.event_bus_arn,
            },
        )
    return bus


def forward_alarms(scope: Construct, platform: Platform) -> None:
    """Send each change of our alarms in this account to the automation account's bus."""
    stack = Stack.of(scope)
    arn = (
        f"arn:aws:events:{platform.region}:{platform.accounts.automation}"
        f":event-bus/{names.event_bus(platform)}"
    )
    role = make_role(
        scope,
        "Forwarder",
        names.forwarder_role(platform),
        trust=service("events.amazonaws.com", stack.account),
        description="EventBridge, sending alarms to the automation account",
        statements=[allow("events:PutEvents", arn)],
    )
    bus = aws_events.EventBus.from_event_bus_arn(scope, "AutomationBus", arn)
    aws_events.Rule(
        scope,
        "Alarms",
        rule_name=f"{platform.name}-alarms",
        description="Alarms about models, to the automation account",
        event_pattern=aws_events.EventPattern(
            source=["aws.cloudwatch"],
            detail_type=["CloudWatch Alarm State Change"],
            detail={"alarmName": [{"prefix": f"{platform.name}-"}]},
        ),
        targets=[aws_events_targets.EventBus(bus, role=role.without_policy_updates())],
    )
