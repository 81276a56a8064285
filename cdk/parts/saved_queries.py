"""Saved queries of CloudWatch Logs Insights: what people ask the logs of an account, ready to run."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import Statement, allow, log_arns
from cdk.parts.logs import JOB_KINDS
from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.resource_types import aws_logs


@dataclass(frozen=True)
class Query:
    """What is asked, of which log groups; a line that begins with # is for whoever fills in a name."""

    id: str
    question: str
    groups: tuple[str, ...]
    lines: tuple[str, ...]


def saved_queries(scope: Construct, platform: Platform, account: AccountRole) -> None:
    """The questions that the account's logs can answer. They cost nothing until they are run."""
    for query in queries(platform, account):
        aws_logs.CfnQueryDefinition(
            scope,
            f"Ask{query.id}",
            name=f"{platform.name}/{query.question}",
            log_group_names=list(query.groups),
            query_string="\n".join(query.lines),
        )


def ask(stack: Stack, platform: Platform, account: AccountRole) -> list[Statement]:
    """Find these questions and run them: on their log groups, and on no others."""
    groups = sorted({group for query in queries(platform, account) for group in query.groups})
    return [
        allow(["logs:GetQueryResults", "logs:StartQuery"], log_arns(stack, *groups)),
        allow("logs:DescribeQueryDefinitions", "*"),
    ]


def queries(platform: Platform, account: AccountRole) -> list[Query]:
    """The account's questions."""
    functions = _functions(platform, account)
    found = [_refused_by_iam(tuple(log_groups(platform, account)))]
    if "bridge" in functions:
        found += [_bridge(functions["bridge"])]
    if "landing" in functions:
        found += [_landing(functions["landing"])]
    if "gateway" in functions:
        found += [_slowest(functions["gateway"])]
    if platform.network.mode == "managed":
        found += [_refused_by_network(names.flow_logs(platform))]
    return found


def log_groups(platform: Platform, account: AccountRole) -> list[str]:
    """The log groups of the account's functions and jobs."""
    return [*_functions(platform, account).values(), *map(names.job_log, JOB_KINDS[account])]


def _functions(platform: Platform, account: AccountRole) -> dict[str, str]:
    """The log group of each of our functions in the account, by its noun in `names`."""
    names_of = {}
    if account == "automation":
        names_of["bridge"] = names.bridge(platform)
        names_of["callback"] = names.callback(platform)
        if platform.lands:
            names_of["landing"] = names.landing(platform)
    elif account in ("staging", "prod") and platform.api:
        names_of["gateway"] = names.gateway(platform)
    return {noun: names.function_log(name) for noun, name in names_of.items()}


def _bridge(group: str) -> Query:
    return Query(
        "Bridge",
        "what the bridge did with a version",
        (group,),
        (
            "# Put the model and the version's number in the place of these.",
            "fields @timestamp, hop, event_type, pipeline, run_id, reason, latency_ms, correlation_id",
            "| filter ispresent(hop)",
            "| filter model_package_arn like /model-package\\/seattle-rain\\/1$/",
            "| sort @timestamp asc",
            "| limit 1000",
        ),
    )


def _landing(group: str) -> Query:
    return Query(
        "Landing",
        "what was rejected when it landed, and why",
        (group,),
        (
            "fields @timestamp, model, data_set, file, reason",
            "| filter hop = 'rejected'",
            "| sort @timestamp desc",
            "| limit 1000",
        ),
    )


def _slowest(group: str) -> Query:
    return Query(
        "Slowest",
        "the slowest predictions",
        (group,),
        (
            "fields @timestamp, milliseconds, model, status, bytes, caller, inference_id, message",
            "| filter ispresent(milliseconds) and ispresent(model)",
            "| sort milliseconds desc",
            "| limit 50",
        ),
    )


def _refused_by_iam(groups: tuple[str, ...]) -> Query:
    """As functions and jobs saw it: AWS says who may not do what in the error that it gives them."""
    return Query(
        "RefusedByIam",
        "who was refused by IAM",
        groups,
        (
            "fields @timestamp, @message, @log",
            "| filter @message like /is not authorized to perform/",
            "| parse @message /User: (?<who>\\S+) is not authorized to perform: (?<action>[\\w:-]+)/",
            "| stats count(*) as times, latest(@timestamp) as last by who, action, @log",
            "| sort times desc",
        ),
    )


def _refused_by_network(group: str) -> Query:
    return Query(
        "RefusedByNetwork",
        "who was refused by the network",
        (group,),
        (
            "fields srcAddr, dstAddr, dstPort, protocol",
            "| filter action = 'REJECT'",
            "| stats count(*) as times by srcAddr, dstAddr, dstPort, protocol",
            "| sort times desc",
            "| limit 100",
        ),
    )
