"""What is asked of logs is asked of groups that there are: CloudWatch refuses a query of one that is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus import names
from isthmus.config import WORKLOADS, AccountRole, Platform

Resource = dict[str, Any]


@pytest.fixture(params=["assembly", "full"])
def synthesized(request: pytest.FixtureRequest) -> Path:
    """A platform that asks for nothing, and one that asks for everything."""
    found: Path = request.getfixturevalue(request.param)
    return found


def resources(folder: Path, platform: Platform, account: AccountRole) -> list[Resource]:
    template = json.loads((folder / f"{names.stack(platform, account)}.template.json").read_text())
    return list(template["Resources"].values())


def properties(found: list[Resource], type_: str) -> Iterator[Resource]:
    yield from (one["Properties"] for one in found if one["Type"] == type_)


def groups(found: list[Resource]) -> dict[str, Resource]:
    """The log groups that the account's stack makes, but for one whose name has an id in it."""
    made = properties(found, "AWS::Logs::LogGroup")
    return {one["LogGroupName"]: one for one in made if isinstance(one["LogGroupName"], str)}


@pytest.mark.parametrize("account", WORKLOADS)
def test_each_group_that_is_searched_counted_or_sent_on_is_made(
    synthesized: Path, platform: Platform, account: AccountRole
) -> None:
    found = resources(synthesized, platform, account)
    asked = {
        one["LogGroupName"]
        for type_ in ("AWS::Logs::MetricFilter", "AWS::Logs::SubscriptionFilter")
        for one in properties(found, type_)
    }
    for query in properties(found, "AWS::Logs::QueryDefinition"):
        assert query["Name"].startswith(f"{platform.name}/") and query["LogGroupNames"], query
        asked |= set(query["LogGroupNames"])
    assert asked and asked <= groups(found).keys()


@pytest.mark.parametrize("account", WORKLOADS)
def test_every_group_has_an_end_and_a_key(
    synthesized: Path, platform: Platform, account: AccountRole
) -> None:
    for name, group in groups(resources(synthesized, platform, account)).items():
        assert group["RetentionInDays"] == platform.logs.retention_days and group["KmsKeyId"], name


@pytest.mark.parametrize("account", WORKLOADS)
def test_what_every_function_and_job_logs_is_searched(
    full: Path, platform: Platform, account: AccountRole
) -> None:
    found = resources(full, platform, account)
    queries = {one["Name"]: one for one in properties(found, "AWS::Logs::QueryDefinition")}
    said = {name for name in groups(found) if name.startswith(("/aws/lambda/", "/aws/sagemaker/"))}
    assert set(queries[f"{platform.name}/who was refused by IAM"]["LogGroupNames"]) == said


def test_each_alarm_on_a_log_is_of_what_is_counted(synthesized: Path, platform: Platform) -> None:
    found = resources(synthesized, platform, "automation")
    counted = {
        (transformation["MetricNamespace"], transformation["MetricName"])
        for one in properties(found, "AWS::Logs::MetricFilter")
        for transformation in one["MetricTransformations"]
    }
    watched = {
        (one.get("Namespace"), one.get("MetricName")) for one in properties(found, "AWS::CloudWatch::Alarm")
    }
    assert counted and counted <= watched


def test_the_search_collection_gets_what_functions_and_jobs_log(full: Path, platform: Platform) -> None:
    found = resources(full, platform, "automation")
    sent = {one["LogGroupName"] for one in properties(found, "AWS::Logs::SubscriptionFilter")}
    assert sent == {name for name in groups(found) if name.startswith(("/aws/lambda/", "/aws/sagemaker/"))}
    (stream,) = properties(found, "AWS::KinesisFirehose::DeliveryStream")
    lines = stream["ExtendedS3DestinationConfiguration"]["Prefix"]
    buckets = {one["BucketName"]: one for one in properties(found, "AWS::S3::Bucket")}
    (told,) = buckets[names.log_search_bucket(platform)]["NotificationConfiguration"]["QueueConfigurations"]
    assert told["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": lines}]


def test_all_accounts_share_their_logs_once_the_sink_is_known(variants: Path, platform: Platform) -> None:
    folder = variants / "excused/http-api"
    (sink,) = properties(resources(folder, platform, "automation"), "AWS::Oam::Sink")
    (statement,) = sink["Policy"]["Statement"]
    shared = set(statement["Condition"]["ForAllValues:StringEquals"]["oam:ResourceTypes"])
    for account in ("dev", "staging", "prod"):
        found = resources(folder, platform, account)  # type: ignore[arg-type]
        (link,) = properties(found, "AWS::Oam::Link")
        assert set(link["ResourceTypes"]) <= shared
        assert getattr(platform.accounts, account) in statement["Principal"]["AWS"]
        clauses = link["LinkConfiguration"]["LogGroupConfiguration"]["Filter"].split(" OR ")
        prefixes = tuple(clause.partition("'")[2].removesuffix("%'") for clause in clauses)
        assert all(name.startswith(prefixes) for name in groups(found)), account
