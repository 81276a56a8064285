"""Saved queries, sinks and links of Observability Access Manager: by their APIs, and as stacks make them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role, policy
from tests.local.conftest import AUTOMATION, PROD, Aws

LOGS = "AWS::Logs::LogGroup"


def deploy(aws: Aws, account: str, name: str, kind: str, properties: dict[str, Any]) -> dict[str, str]:
    """Make or change a stack of one resource; returns its Ref and ARN."""
    cloudformation = aws.client("cloudformation", account)
    template = {
        "Resources": {"One": {"Type": kind, "Properties": properties}},
        "Outputs": {"Ref": {"Value": {"Ref": "One"}}},
    }
    stacks = {one["StackName"] for one in cloudformation.describe_stacks()["Stacks"]}
    verb, waiter = (
        ("update", "stack_update_complete") if name in stacks else ("create", "stack_create_complete")
    )
    getattr(cloudformation, f"{verb}_stack")(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter(waiter).wait(StackName=name, WaiterConfig={"Delay": 1})
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


def destroy(aws: Aws, account: str, name: str) -> None:
    cloudformation = aws.client("cloudformation", account)
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def test_a_saved_query_stands_with_its_stack(aws: Aws) -> None:
    logs, kind = aws.client("logs", AUTOMATION), "AWS::Logs::QueryDefinition"
    wanted = {"Name": "mine/why", "QueryString": "fields @message", "LogGroupNames": ["/aws/lambda/mine"]}
    made = deploy(aws, AUTOMATION, "asked", kind, wanted)
    (query,) = logs.describe_query_definitions(queryDefinitionNamePrefix="mine/")["queryDefinitions"]
    assert (query["name"], query["queryDefinitionId"]) == ("mine/why", made["Ref"])
    assert deploy(aws, AUTOMATION, "asked", kind, wanted | {"QueryString": "limit 1"}) == made
    (query,) = logs.describe_query_definitions(queryDefinitionNamePrefix="mine/")["queryDefinitions"]
    assert query["queryString"] == "limit 1"
    destroy(aws, AUTOMATION, "asked")
    assert logs.describe_query_definitions(queryDefinitionNamePrefix="mine/")["queryDefinitions"] == []


def test_a_query_is_saved_by_whoever_may(aws: Aws) -> None:
    make_role(aws, AUTOMATION, "asks-nothing")
    nobody = aws.client("logs", "", aws.acting_as("asks-nothing", AUTOMATION))
    with pytest.raises(ClientError, match="AccessDenied"):
        nobody.put_query_definition(name="hers", queryString="fields @message")


def test_a_link_ends_where_the_sinks_policy_lets_it(aws: Aws) -> None:
    sink = {"Name": "all-logs", "Policy": json.loads(lets_in("333344445555"))}
    arn = deploy(aws, AUTOMATION, "sunk", "AWS::Oam::Sink", sink)["Ref"]
    oam, theirs = aws.client("oam", AUTOMATION), aws.client("oam", PROD)
    link = {"LabelTemplate": "$AccountName", "ResourceTypes": [LOGS], "SinkIdentifier": arn}
    with pytest.raises(ClientError, match="does not let this account in"):
        theirs.create_link(**link)
    deploy(aws, AUTOMATION, "sunk", "AWS::Oam::Sink", sink | {"Policy": json.loads(lets_in(PROD))})
    with pytest.raises(ClientError, match="does not let this account in"):
        theirs.create_link(**link | {"ResourceTypes": [LOGS, "AWS::XRay::Trace"]})
    made = deploy(aws, PROD, "linked", "AWS::Oam::Link", link)
    (attached,) = oam.list_attached_links(SinkIdentifier=arn)["Items"]
    assert attached == {"LinkArn": made["Ref"], "Label": PROD, "ResourceTypes": [LOGS]}
    assert theirs.get_link(Identifier=made["Ref"])["SinkArn"] == arn
    with pytest.raises(ClientError, match="Links still end"):
        oam.delete_sink(Identifier=arn)
    destroy(aws, PROD, "linked")
    destroy(aws, AUTOMATION, "sunk")
    assert oam.list_sinks()["Items"] == []


def lets_in(account: str) -> str:
    statement = allow(["oam:CreateLink"], "*", Principal={"AWS": [account]})
    statement["Condition"] = {"ForAllValues:StringEquals": {"oam:ResourceTypes": [LOGS]}}
    return policy(statement)


def test_a_collection_and_its_pipeline_stand_with_their_stack(aws: Aws) -> None:
    rule = {"ResourceType": "collection", "Resource": ["collection/sought"]}
    policy_type, made = "AWS::OpenSearchServerless::SecurityPolicy", "AWS::OpenSearchServerless::Collection"
    encrypted = {"Name": "sought", "Type": "encryption"}
    deploy(
        aws, AUTOMATION, "kept", policy_type, encrypted | {"Policy": _json(Rules=[rule], AWSOwnedKey=True)}
    )
    identity = deploy(aws, AUTOMATION, "sought", made, {"Name": "sought", "Type": "TIMESERIES"})["Ref"]
    serverless, osis = aws.client("opensearchserverless", AUTOMATION), aws.client("osis", AUTOMATION)
    (found,) = serverless.batch_get_collection(names=["sought"])["collectionDetails"]
    assert found["id"] == identity
    wanted = {"PipelineName": "sought-in", "MinUnits": 1, "MaxUnits": 2}
    body = {"PipelineConfigurationBody": "version: 2"}
    deploy(aws, AUTOMATION, "taken", "AWS::OSIS::Pipeline", wanted | body)
    assert osis.get_pipeline(PipelineName="sought-in")["Pipeline"]["MaxUnits"] == 2
    deploy(aws, AUTOMATION, "taken", "AWS::OSIS::Pipeline", wanted | body | {"MaxUnits": 3})
    assert osis.get_pipeline(PipelineName="sought-in")["Pipeline"]["MaxUnits"] == 3
    for stack in ("taken", "sought", "kept"):
        destroy(aws, AUTOMATION, stack)
    assert osis.list_pipelines()["Pipelines"] == []
    assert serverless.list_collections()["collectionSummaries"] == []


def _json(**content: Any) -> str:
    return json.dumps(content)
