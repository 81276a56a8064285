"""Spark for scientists: Glue's interactive sessions and EMR Serverless, each where platform.yaml asks for it.

Scientists start sessions and jobs that carry their team's tag; these run as the team's Spark role.
"""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import (
    Statement,
    allow,
    allow_principal,
    log_arn,
    make_policy,
    pass_role,
    service,
    tagged_role,
)
from cdk.parts.keys import USE
from cdk.parts.scientists import SPARK_SUBMIT
from cdk.parts.storage import bucket_arn, objects, under
from cdk.parts.team_tag import NEW, NOT_ANOTHERS, OWN, TEAM
from isthmus import names
from isthmus.config import Platform, Studio, Team
from isthmus.network import references

SPARK = "spark"
GLUE, EMR = "glue.amazonaws.com", "emr-serverless.amazonaws.com"
RELEASE = "emr-7.10.0"
IDLE_MINUTES = 15
MOST = {"cpu": "64 vCPU", "memory": "256 GB", "disk": "1000 GB"}


def spark_policies(scope: Construct, platform: Platform, studio: Studio, *, data_key: str) -> None:
    """What Spark itself may do for a team, and what the team's scientists may do with it."""
    stack, bucket = Stack.of(scope), names.experiment_bucket(platform)
    make_policy(
        scope,
        "SparkPolicy",
        names.policy(platform, SPARK),
        "For each team's own things: Spark",
        [
            allow(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], objects(bucket, f"{TEAM}/")),
            allow("s3:ListBucket", bucket_arn(bucket), under(f"{TEAM}/")),
            allow(USE, data_key),
            *(_write_logs(stack) if studio.glue else []),
        ],
    )
    make_policy(
        scope,
        "SparkSubmitPolicy",
        names.policy(platform, SPARK_SUBMIT),
        "For each team's own things: scientists' Spark sessions and jobs",
        list(_submit(stack, platform, studio)),
    )


def spark(scope: Construct, platform: Platform, studio: Studio, team: Team) -> None:
    """What the team's Spark sessions and jobs run as, and its EMR Serverless application if asked for."""
    account = Stack.of(scope).account
    tagged_role(
        scope,
        "Spark",
        names.spark_role(platform, team.name),
        trust=[allow_principal(service(who, account), "sts:AssumeRole") for who in _services(studio)],
        description=f"Spark sessions and jobs of team {team.name}",
        policies=[names.policy(platform, SPARK)],
    )
    if studio.emr_serverless:
        _application(scope, platform, team)


def _application(scope: Construct, platform: Platform, team: Team) -> None:
    """The team's application: it starts with a job, stops when idle, and costs nothing in between."""
    from isthmus.resource_types import aws_emrserverless

    network = references(platform, "dev")
    aws_emrserverless.CfnApplication(
        scope,
        "EmrServerless",
        name=names.team_resource(platform, team.name),
        release_label=RELEASE,
        type="SPARK",
        auto_start_configuration={"enabled": True},
        auto_stop_configuration={"enabled": True, "idleTimeoutMinutes": IDLE_MINUTES},
        maximum_capacity=MOST,
        network_configuration={
            "subnetIds": list(network.subnets),
            "securityGroupIds": [network.security_group],
        }
        if network
        else None,
    )


def _services(studio: Studio) -> Iterator[str]:
    if studio.glue:
        yield GLUE
    if studio.emr_serverless:
        yield EMR


def _submit(stack: Stack, platform: Platform, studio: Studio) -> Iterator[Statement]:
    role = names.role_arn(stack.account, names.spark_role(platform, TEAM))
    for who in _services(studio):
        yield pass_role(role, who)
    if studio.glue:
        yield from _glue(f"arn:aws:glue:{stack.region}:{stack.account}:session/*")
    if studio.emr_serverless:
        yield from _emr(f"arn:aws:emr-serverless:{stack.region}:{stack.account}:/applications/*")


def _glue(sessions: str) -> Iterator[Statement]:
    yield allow(["glue:CreateSession", "glue:TagResource"], sessions, {**NEW, **NOT_ANOTHERS})
    yield allow(
        [
            "glue:CancelStatement",
            "glue:DeleteSession",
            "glue:GetSession",
            "glue:GetStatement",
            "glue:ListStatements",
            "glue:RunStatement",
            "glue:StopSession",
        ],
        sessions,
        OWN,
    )


def _emr(applications: str) -> Iterator[Statement]:
    yield allow(
        [
            "emr-serverless:GetApplication",
            "emr-serverless:ListJobRuns",
            "emr-serverless:StartApplication",
            "emr-serverless:StopApplication",
        ],
        applications,
        OWN,
    )
    jobs = f"{applications}/jobruns/*"
    both = {"StringEquals": {**OWN["StringEquals"], **NEW["StringEquals"]}}
    yield allow("emr-serverless:StartJobRun", applications, both)
    yield allow("emr-serverless:TagResource", jobs, {**NEW, **NOT_ANOTHERS})
    yield allow(
        ["emr-serverless:CancelJobRun", "emr-serverless:GetDashboardForJobRun", "emr-serverless:GetJobRun"],
        jobs,
        OWN,
    )
    yield allow("emr-serverless:ListApplications", "*")


def _write_logs(stack: Stack) -> list[Statement]:
    group = log_arn(stack, "/aws-glue/sessions/*")
    return [allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], group)]
