"""The operating commands as a person and a script use them, against a local AWS and Azure DevOps."""

from __future__ import annotations

import json
import time
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from isthmus.errors import BadInput, NotFound, Problem, Refused, Unavailable
from tests.local.azure_devops.standin import StandIn
from tests.local.sagemaker.conftest import AUTOMATION, PROD, Aws, until
from tests.operate.conftest import CAPTURES, CHECKOUT, GROUP_ARN, MODEL, Shell, register, signed_in

ARN_1 = f"{GROUP_ARN}/1"


def fails(shell: Shell, kind: type[Problem], *arguments: str, given: str = "", **more: str) -> str:
    """What the command says as it fails with that kind of problem."""
    done = shell.run(*arguments, given=given, **more)
    assert isinstance(done.exception, kind), (done.output, done.exception)
    return str(done.exception)


# ---------------------------------------------------------------- status, models


def test_status_shows_what_runs_where_and_what_waits(shell: Shell) -> None:
    said = shell.says("status")
    (prod,) = (line for line in said.splitlines() if " prod " in line)
    assert prod.split()[:5] == [MODEL, "prod", "InService", f"{MODEL}/1", "51"]
    assert prod.endswith("realtime")
    assert "staging  none" in said
    _, _, waits = said.partition(f"{MODEL}/3 waits for an approver\n")
    assert [line.strip() for line in waits.splitlines()[:3]] == [
        "auc 0.730 [0.680, 0.780]",
        "gain 0.020 [0.010, 0.030] over version 1 on the same 91 rows",
        f"do: isthmus approve {MODEL} 3",
    ]
    assert "Azure DevOps was not asked" in said


def test_a_model_without_a_stack_hides_no_other(
    shell: Shell, aws: Aws, azure: StandIn, tmp_path: Path
) -> None:
    """An operator reads groups by their tags, and is denied one that is not there."""
    described = (CHECKOUT / "platform.yaml").read_text()
    new = "models:\n  - {name: rents, owner: a@b.example, team: weather, "
    new += "build_repository: rents-build, deploy_repository: rents-deploy}\n"
    (tmp_path / "platform.yaml").write_text(described.replace("models:\n", new))
    arns = [f"{GROUP_ARN}*", f"{GROUP_ARN}*".replace(":model-package/", ":model-package-group/")]
    denied = {"Effect": "Deny", "Action": "sagemaker:ListModelPackages", "NotResource": arns}
    iam = aws.client("iam", AUTOMATION)
    policy = {"RoleName": "isthmus-operator", "PolicyName": "tagged"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(**policy, PolicyDocument=document)
    try:
        for command in ("status", "pending"):
            said = shell.says(command, ISTHMUS_PLATFORM=str(tmp_path / "platform.yaml"))
            assert "rents: no stack yet\n  do: isthmus infra deploy" in said and f"{MODEL}/3 " in said
            found = shell.json(command, ISTHMUS_PLATFORM=str(tmp_path / "platform.yaml"))
            assert found["without_stack"] == ["rents"]
        said = shell.says("models", ISTHMUS_PLATFORM=str(tmp_path / "platform.yaml"))
        assert said.endswith("rents: no stack yet\n  do: isthmus infra deploy, after isthmus infra synth\n")
        for command in ("models", "lineage", "evidence"):
            done = shell.run(command, "rents", ISTHMUS_PLATFORM=str(tmp_path / "platform.yaml"))
            assert isinstance(done.exception, Refused)
            assert done.exception.what == "rents has no stack yet, or you may not see its versions"
        audit = shell.run("audit", ISTHMUS_PLATFORM=str(tmp_path / "platform.yaml"), **signed_in(azure))
        assert (audit.exit_code, f"{MODEL}/1: its commit is not one: c0ffee" in audit.output) == (1, True)
        denied["NotResource"] = [f"{GROUP_ARN}-none"]
        iam.put_role_policy(
            **policy, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [denied]})
        )
        assert "ListModelPackages" in str(shell.run("status").exception)
    finally:
        iam.delete_role_policy(**policy)


def test_status_for_machines_says_what_it_does_not_know(shell: Shell) -> None:
    said = shell.json("status")
    assert [one["model_package_arn"] for one in said["endpoints"]] == ["", ARN_1]
    assert {one["number"] for one in said["pending_versions"]} >= {3}
    assert said["pending_stages"] is None
    assert said["azure"].startswith("Azure DevOps was not asked")


def test_status_shows_azures_runs_and_gates(shell: Shell, azure: StandIn) -> None:
    said = shell.says("status", **signed_in(azure))
    found = shell.json("status", **signed_in(azure))
    (first,) = (one for one in found["runs"] if one["parameters"]["modelPackageArn"] == ARN_1)
    run = first["id"]
    (waits,) = (line for line in said.splitlines() if f"run {run} of {MODEL}-deploy waits for" in line)
    assert "release-approvers" in waits
    told = said.partition(waits)[2].splitlines()
    assert told[1:4] == [
        "  environment prod",
        f"  service connection isthmus-{MODEL}-deploy-prod",
        f"  do: isthmus azure approve {run}",
    ]
    assert found["azure"] == "asked"


def test_a_refused_token_is_an_error_after_what_aws_knows(shell: Shell, azure: StandIn) -> None:
    done = shell.run("status", AZURE_DEVOPS_URL=azure.organization_url, AZURE_DEVOPS_TOKEN="expired")
    assert isinstance(done.exception, Refused)
    assert "does not accept the token" in str(done.exception)
    assert f"{MODEL}/1" in done.output


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", ["status", "models", "events"])
def test_what_is_shown_fits_the_terminal(shell: Shell, azure: StandIn, command: str, columns: int) -> None:
    said = shell.says(command, COLUMNS=str(columns), **signed_in(azure))
    assert max(map(len, said.splitlines())) <= columns
    assert "arn:" not in said and "…" not in said


def test_columns_that_a_narrow_terminal_has_no_room_for_are_named(shell: Shell) -> None:
    assert "no room for: registered" in shell.says("models", MODEL, COLUMNS="60")
    assert "no room for" not in shell.says("models", MODEL, COLUMNS="240")


def test_models_says_how_a_model_gets_its_first_version(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text(
        (CHECKOUT / "platform.yaml").read_text()
        + "  - {name: hail, owner: weather, build_repository: hail-build, deploy_repository: hail-deploy}\n"
    )
    said = shell.says("models", ISTHMUS_PLATFORM=str(file))
    assert "first version of hail\n  do: isthmus azure run hail-build" in said
    assert f"first version of {MODEL}" not in said
    alone = shell.says("models", "hail", ISTHMUS_PLATFORM=str(file))
    assert alone.startswith("no versions yet\na build registers")


def test_models_shows_metric_approver_and_where_each_runs(shell: Shell) -> None:
    said = shell.says("models", MODEL)
    (first,) = (line for line in said.splitlines() if line.startswith(f"{MODEL}/1 "))
    assert first.split()[1:7] == ["Approved", "auc", "0.710", "[0.660,", "0.760]", "ada,"]
    assert "ada, 2026-11-20 " in first
    assert " prod " in first
    (third,) = (line for line in said.splitlines() if line.startswith(f"{MODEL}/3 "))
    assert "0.020 [0.010, 0.030] over 1" in third
    found = {one["number"]: one for one in shell.json("models")}
    assert found[1]["runs_in"] == ["prod"]
    assert (found[1]["approved_by"], found[1]["approved_at"]) == ("ada", "2026-11-20T10:00:30+00:00")
    assert found[1]["gain"] is None
    assert found[3]["gain"] == {"value": 0.02, "ci_low": 0.01, "ci_high": 0.03, "over": 1, "rows": 91}
    assert found[3]["status"] == "PendingManualApproval"
    assert found[3]["decided_by"] == found[3]["decided_at"] == found[3]["approved_at"] == ""


# ---------------------------------------------------------------- approve, reject


def test_approve_reject_and_approve_again(shell: Shell, aws: Aws) -> None:
    arn = register(aws, value=0.8, run_id="60")
    number = arn.rpartition("/")[2]
    assert shell.says("approve", MODEL, number, "--comment", "[b]good[/b]").startswith(
        f"{MODEL} version {number}"
    )
    found = aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "[b]good[/b]")
    person = found["LastModifiedBy"]["IamIdentity"]["Arn"].rpartition("/")[2]
    assert person and "approved_by" not in found["CustomerMetadataProperties"]
    assert found["CustomerMetadataProperties"]["commit"] == "c0ffee"
    assert "[b]good[/b]" in shell.says("models")
    shown = next(one for one in shell.json("models") if one["arn"] == arn)
    assert shown["approved_at"] == found["LastModifiedTime"].astimezone(UTC).isoformat(timespec="seconds")
    assert f"is Approved already by {person}" in fails(shell, Refused, "approve", MODEL, arn)
    shell.says("reject", MODEL, arn)
    found = aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert found["ModelApprovalStatus"] == "Rejected"
    assert next(one for one in shell.json("models") if one["arn"] == arn)["decided_by"] == person
    recorded = {"approved_by": "ada", "approved_at": "2026-11-20T10:00:30+00:00", "rejected_by": "ada"}
    aws.client("sagemaker").update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=recorded)
    shell.says("approve", MODEL, number)
    found = aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert not recorded.keys() & found["CustomerMetadataProperties"].keys()


@pytest.mark.parametrize("version", ["99", "0", "latest", "", f"{GROUP_ARN}/99", "arn:aws:sagemaker:x"])
def test_a_version_that_is_not_there_is_named_with_those_that_are(shell: Shell, version: str) -> None:
    said = fails(shell, NotFound, "approve", MODEL, version)
    assert f"{MODEL} has no version {version!r}" in said
    assert "versions there are: " in said


def test_a_failed_package_is_not_approved() -> None:
    from isthmus.operate.registry import Version, decide

    version = Version(ARN_1, MODEL, 1, "PendingManualApproval", "Failed", "", "", {}, {}, "", "", "", "")
    with pytest.raises(Refused, match="is Failed: only a complete one"):
        decide(None, version, "Approved", "")


def test_a_comment_that_is_too_long_changes_nothing(shell: Shell) -> None:
    assert "1025 characters" in fails(shell, BadInput, "approve", MODEL, "3", "--comment", "x" * 1025)
    assert shell.json("models")[-3]["status"] == "PendingManualApproval"


# ---------------------------------------------------------------- invoke, lineage


def test_invoke_predicts_from_a_row_a_file_and_standard_input(shell: Shell, tmp_path: Any) -> None:
    (tmp_path / "rows.csv").write_text("1,2\n3,4\n")
    assert shell.says("invoke", MODEL, "--row", "1,2") == "0.5\n"
    assert shell.says("invoke", MODEL, "--data", "rows.csv") == "0.5\n0.5\n"
    assert shell.run("invoke", MODEL, given="1,2\n3,4\n5,6\n").output == "0.5\n0.5\n0.5\n"
    assert shell.json("invoke", MODEL, "--row", "1,2")["predictions"] == ["0.5"]


def test_invoke_leaves_out_columns_that_the_model_does_not_take_and_says_so(shell: Shell) -> None:
    done = shell.run("invoke", MODEL, given="date,b,target,a\n2013-01-01,2,1,1\n2013-01-02,4,0,3\n")
    assert done.exit_code == 0, done.exception
    assert done.stderr == "left out, because the model does not take them: date, target\n"
    assert done.stdout.splitlines()[-2:] == ["0.5", "0.5"]


@pytest.mark.parametrize("rows", ["date,a\n2013-01-01,1\n", "date,a,b\n2013-01-01,1\n"])
def test_invoke_keeps_the_models_own_words_where_leaving_out_does_not_help(shell: Shell, rows: str) -> None:
    assert "unknown column 'date'" in fails(shell, BadInput, "invoke", MODEL, given=rows)


def test_invoke_says_what_is_wrong(shell: Shell) -> None:
    assert "row 1 has 1 cell" in fails(shell, BadInput, "invoke", MODEL, "--row", "bad")
    assert f"no endpoint of {MODEL} in staging" in fails(
        shell, NotFound, "invoke", MODEL, "--stage", "staging", "--row", "1,2"
    )
    assert "no rows" in fails(shell, BadInput, "invoke", MODEL, given=" \n")
    assert "both" in fails(shell, BadInput, "invoke", MODEL, "--row", "1", "--data", __file__)


def test_lineage_of_a_version(shell: Shell) -> None:
    said = shell.says("lineage", MODEL, "1")
    for fact in (
        ARN_1,
        "Approved by ada",
        "c0ffee",
        "da7a",
        "arn:execution",
        "build run          41",
        "runs now",
    ):
        assert fact in said
    assert "compared           gain 0.020 [0.010, 0.030] over version 1" in shell.says("lineage", MODEL, "3")
    assert "correlation id" not in said
    found = shell.json("lineage", MODEL, "1")
    assert found["origin"]["data version"] == "da7a"
    assert [(one["stage"], one["run_id"], one["running"]) for one in found["deployments"]] == [
        ("prod", "51", True)
    ]


def test_lineage_of_a_prediction(shell: Shell, aws: Aws) -> None:
    shell.says("invoke", MODEL, "--row", "7,8", "--inference-id", "order-77")
    s3 = aws.client("s3", PROD)
    until(lambda: s3.list_objects_v2(Bucket=CAPTURES).get("Contents"), bool)
    found = until(
        lambda: shell.run("lineage", MODEL, "--inference-id", "order-77", "--json"),
        lambda done: done.exit_code == 0,
    )
    said = json.loads(found.output)
    assert said["version"]["arn"] == ARN_1
    assert (said["capture"]["request"], said["capture"]["answer"].strip()) == ("7,8", "0.5")
    row = shell.json("lineage", MODEL, "--inference-id", "order-77/0")
    assert row["capture"] == said["capture"]
    for unknown in ("order-78", "order-78/0", "order-77/x"):
        assert "no captured request" in fails(shell, NotFound, "lineage", MODEL, "--inference-id", unknown)


def test_lineage_of_a_prediction_by_an_endpoint_that_is_no_more(shell: Shell, aws: Aws) -> None:
    record = {
        "captureData": {
            "endpointInput": {"data": "MSwy", "encoding": "BASE64"},
            "endpointOutput": {"data": "0.1", "encoding": "CSV"},
        },
        "eventMetadata": {"eventId": "old-1", "inferenceTime": "2026-01-01T00:00:00Z"},
    }
    key = f"captures/{MODEL}/{MODEL}-01d/{MODEL}/AllTraffic/2026/01/01/00/x.jsonl"
    aws.client("s3", PROD).put_object(Bucket=CAPTURES, Key=key, Body=json.dumps(record).encode())
    ask = ("lineage", MODEL, "--inference-id", "old-1")
    assert "is there no more" in fails(shell, NotFound, *ask)
    aws.client("sagemaker").update_model_package(
        ModelPackageArn=f"{GROUP_ARN}/2", CustomerMetadataProperties={"prod_endpoint_config": f"{MODEL}-01d"}
    )
    assert shell.json(*ask)["version"]["number"] == 2
    assert shell.json(*ask)["capture"]["request"] == "1,2"


# ---------------------------------------------------------------- events, schema


def test_events_of_a_bridge_that_never_ran(shell: Shell) -> None:
    assert "no event has come over the bridge yet" in shell.says("events")


def test_events_reads_the_hops_among_lambdas_own_lines(shell: Shell, aws: Aws) -> None:
    logs, group = aws.client("logs"), "/aws/lambda/isthmus-bridge"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    now = time.time()
    about = {"correlation_id": "e-1", "event_type": "approval", "model": MODEL, "model_package_arn": ARN_1}
    lines = [
        "START RequestId: 1",
        json.dumps({"message": "not a hop", "at": now}),
        json.dumps({"hop": "queued", "at": now, "run_id": "1", "latency_ms": 42.3, **about}) + "\n",
        json.dumps({"hop": "received", "at": now - 0.04, "latency_ms": 2.1, **about}),
        json.dumps(
            {"hop": "refused", "at": now + 1, "reason": "an event of another account", "latency_ms": 1}
        ),
        json.dumps({"hop": "broken", "at": "yesterday"}),
    ]
    logs.put_log_events(
        logGroupName=group,
        logStreamName="one",
        logEvents=[{"timestamp": int(now * 1000), "message": line} for line in lines],
    )
    found = shell.json("events")
    assert [one["hop"] for one in found] == ["received", "queued", "refused"]
    assert (found[1]["latency_ms"], found[1]["run_id"], found[1]["correlation_id"]) == (42.3, "1", "e-1")
    assert found[2]["reason"] == "an event of another account"
    assert [one["hop"] for one in shell.json("events", "--model", MODEL)] == ["received", "queued"]
    said = shell.says("events", "--correlation-id", "e-", COLUMNS="80")
    assert max(map(len, said.splitlines()[:3])) <= 80
    assert said.count(f"{MODEL}/1") == 2 and "another account" not in said


def test_what_stands_among_the_dead_letters_is_told(shell: Shell, aws: Aws) -> None:
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="isthmus-bridge-dlq")["QueueUrl"]
    assert shell.json("status")["dead_letters"] == 0
    assert "lost" not in shell.says("events") + shell.says("status")
    for body in ("one", "another"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    sqs.receive_message(QueueUrl=queue)
    for command in ("events", "status"):
        assert "2 events are lost" in shell.says(command) and "/isthmus-bridge-dlq" in shell.says(command)
    assert shell.json("status")["dead_letters"] == 2
    sqs.delete_queue(QueueUrl=queue)


@pytest.mark.parametrize("file", ["platform", "model", "deploy"])
def test_schema_is_one(shell: Shell, file: str) -> None:
    import jsonschema

    schema = json.loads(shell.says("schema", file))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False


# ---------------------------------------------------------------- for all of them


COMMANDS = (
    ("models",),
    ("approve", "1"),
    ("reject", "1"),
    ("invoke", "--row", "1"),
    ("lineage",),
    ("events",),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_unknown_model_gives_the_nearest_name(shell: Shell, command: tuple[str, ...]) -> None:
    name = "--model=seatle-rain" if command[0] == "events" else "seatle-rain"
    assert "did you mean 'seattle-rain'?" in fails(shell, BadInput, command[0], name, *command[1:])


def test_without_permission_it_says_who_one_cannot_be(shell: Shell, aws: Aws) -> None:
    key = aws.client("iam")
    key.create_user(UserName="visitor")
    made = key.create_access_key(UserName="visitor")["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
    assert "act as isthmus-operator in account" in fails(shell, Refused, "status", **keys)
    assert "act as isthmus-approver in account" in fails(shell, Refused, "approve", MODEL, "3", **keys)


def test_without_aws_it_says_so(shell: Shell) -> None:
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    assert "no answer from AWS" in fails(shell, Unavailable, "models", **nowhere)
