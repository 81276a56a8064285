"""The pipeline `infrastructure` on the local clouds, from a request for a team to the account prod."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from isthmus import names
from isthmus.azure import approvals, pull_requests, runs
from isthmus.azure.guards import EXCLUSIVE_LOCK
from isthmus.azure.present import CHECKS as CHECKS_VERSION
from isthmus.azure.present import Present
from isthmus.errors import Refused
from isthmus.local.scene import lay
from isthmus.local.world import World
from tests.furnished import furnished

PIPELINE = names.INFRASTRUCTURE_PIPELINE
CHECKS = names.PLATFORM_PULL_REQUEST_PIPELINE
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state = tmp_path_factory.mktemp("infrastructure")
    with furnished(lay(state / "scene"), state) as found:
        yield found


def start(world: World, **parameters: str) -> runs.Run:
    return runs.queue(world.client(), PIPELINE, parameters)


def root(world: World, account: str, service: str) -> Any:
    """Somebody who changes things past the pipeline."""
    return world.local.root.client(service, getattr(world.platform.accounts, account), world.platform.region)


def test_a_team_is_asked_for_reviewed_and_deployed_to_every_account(world: World) -> None:
    with world.acting("dana"):
        asked = start(world, do="add a team", name="hail", scientists="ada bob")
        world.succeeded(asked)
        dana = world.client()
        (found,) = dana.get("git/repositories/platform/pullrequests")["value"]
        request = pull_requests.get(dana, found["pullRequestId"])
        checked = world.succeeded(world.newest(CHECKS))
        (thread,) = dana.get(f"git/repositories/platform/pullRequests/{request.number}/threads")["value"]
    assert request.title == "Add hail to the platform"
    assert found["createdBy"]["displayName"].startswith("weather Build Service")
    said = thread["comments"][0]["content"]
    assert "### Security: who may do what" in said
    assert "| isthmus-dev-hail | + | AWS::IAM::Role |" in said

    with world.acting("dana"), pytest.raises(Refused, match="not all required policies are met"):
        pull_requests.merge(dana, request)
    with world.acting("robin"):
        pull_requests.agree(world.client(), request)
    with world.acting("dana"):
        pull_requests.merge(dana, request)
        run = world.until(
            lambda: next((one for one in runs.every(dana, PIPELINE) if one.id > checked.id), None),
            "the merge starts the pipeline",
        )
        waiting = world.until(lambda: _waiting(world, run), "prod waits for a person")
        assert {one.about for one in waiting} == {
            "environment infrastructure-prod",
            "service connection isthmus-infrastructure-prod",
        }
    with world.acting("robin"):
        approvals.decide_run(world.client(), run.id, "As the comment said")
        ended = world.succeeded(run)
        records = {one["name"]: one for one in runs.timeline(world.client(), ended.id)}
    assert records["Deploy to management"]["result"] == "skipped"
    for account in ("dev", "automation", "staging", "prod"):
        assert records[f"Deploy to {account}"]["result"] == "succeeded"
    roles = root(world, "dev", "iam").get_paginator("list_roles").paginate().build_full_result()["Roles"]
    assert any("hail" in one["RoleName"] for one in roles)


def _waiting(world: World, run: runs.Run) -> list[approvals.Approval]:
    now = runs.get(world.client(), run.id)
    world.assert_not_failed(now)
    assert not now.is_over
    return approvals.pending(world.client(), run.id)


def test_the_audit_runs_by_a_role_of_its_own_and_is_red_where_a_guard_was_taken_away(world: World) -> None:
    with world.acting("admin"):
        client = world.client()
        world.succeeded(start(world, do="audit"))
        present = Present(client)
        lock = next(
            one for one in present.checks("environment", "prod") if one["type"]["id"] == EXCLUSIVE_LOCK
        )
        client.call("DELETE", f"pipelines/checks/configurations/{lock['id']}", None, CHECKS_VERSION)
        red = runs.wait(client, start(world, do="audit").id, every_seconds=0.2, timeout=300)
        names_of = {one["name"]: one for one in client.get(f"build/builds/{red.id}/artifacts")["value"]}
        tests = client.get("test/runs", buildUri=f"vstfs:///Build/Build/{red.id}")["value"]
    assert red.result == "failed"
    assert "the audit found 1 breach;" in " ".join(runs.failures(client, red.id))
    assert "CodeAnalysisLogs-1" in names_of
    (audited,) = [one for one in tests if one["name"] == "Audit"]
    # Nothing was left unasked, the roles neither.
    assert audited["totalTests"] - audited["passedTests"] == 1


def test_the_audit_finds_roles_that_were_widened_or_made_past_the_stacks(world: World) -> None:
    """What a template sets and what it does not; one role of the bootstrap, and one that nobody deployed."""
    iam, deploy = root(world, "prod", "iam"), names.deploy_role(world.platform, world.model.name)
    number = world.platform.accounts.prod
    lookup = names.bootstrap_role(number, world.platform.region, "lookup")
    deployer = names.bootstrap_role(number, world.platform.region, "deploy")
    publisher = names.bootstrap_role(number, world.platform.region, "file-publishing")
    operator, door = names.operator_role(world.platform), f"{world.platform.name}-back-door"
    trust = iam.get_role(RoleName=deploy)["Role"]["AssumeRolePolicyDocument"]
    anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    open_ = json.dumps(trust | {"Statement": [*trust["Statement"], anybody]})
    all_ = json.dumps({"Version": "2012-10-17", "Statement": [ANYTHING]})
    iam.update_assume_role_policy(RoleName=deploy, PolicyDocument=open_)
    iam.put_role_policy(RoleName=operator, PolicyName="more", PolicyDocument=all_)
    iam.put_role_policy(RoleName=lookup, PolicyName="more", PolicyDocument=all_)
    iam.attach_role_policy(RoleName=operator, PolicyArn=ADMINISTRATOR)
    held = iam.get_role(RoleName=deployer)["Role"]["AssumeRolePolicyDocument"]
    words = iam.get_role_policy(RoleName=publisher, PolicyName="file-publishing")["PolicyDocument"]
    iam.update_assume_role_policy(RoleName=deployer, PolicyDocument=open_)
    iam.put_role_policy(RoleName=publisher, PolicyName="file-publishing", PolicyDocument=all_)
    # The boundary of all roles, and a role that is left without it.
    boundary = f"arn:aws:iam::{number}:policy/{names.boundary(number, world.platform.region)}"
    most = iam.get_policy_version(PolicyArn=boundary, VersionId="v1")["PolicyVersion"]["Document"]
    iam.create_policy_version(PolicyArn=boundary, PolicyDocument=all_, SetAsDefault=True)
    iam.delete_role_permissions_boundary(RoleName=operator)
    iam.create_role(RoleName=door, AssumeRolePolicyDocument=open_)
    with world.acting("admin"):
        red = runs.wait(world.client(), start(world, do="audit").id, every_seconds=0.2, timeout=300)
        log = world.tail(red)
    iam.delete_role(RoleName=door)
    iam.detach_role_policy(RoleName=operator, PolicyArn=ADMINISTRATOR)
    iam.delete_role_policy(RoleName=lookup, PolicyName="more")
    iam.delete_role_policy(RoleName=operator, PolicyName="more")
    iam.update_assume_role_policy(RoleName=deploy, PolicyDocument=json.dumps(trust))
    iam.update_assume_role_policy(RoleName=deployer, PolicyDocument=json.dumps(held))
    iam.put_role_permissions_boundary(RoleName=operator, PermissionsBoundary=boundary)
    iam.create_policy_version(PolicyArn=boundary, PolicyDocument=json.dumps(most), SetAsDefault=True)
    iam.put_role_policy(RoleName=publisher, PolicyName="file-publishing", PolicyDocument=json.dumps(words))
    assert red.result == "failed"
    assert "✗ role-width" in log and "AWS::IAM::Role Deploy is modified" in log, log
    past = "account prod, stack CDKToolkit: changed past its stack: AWS::IAM::Role"
    assert f"{past} DeploymentActionRole is modified (/AssumeRolePolicyDocument" in log, log
    assert f"{past} FilePublishingRole is modified (/Policies" in log, log
    bound = "changed past its stack: AWS::IAM::ManagedPolicy Boundary is modified (/PolicyDocument"
    assert f"account prod, stack CDKToolkit: {bound}" in log, log
    assert "AWS::IAM::Role Operator is modified (/PermissionsBoundary)" in log, log
    found = {line.strip() for line in log.splitlines() if "role " in line and "changed past" in line}
    past = {line[line.index("account ") :] for line in found}
    more = "changed past its stack: its stack gives it no policy"
    assert {one for one in past if ", role " in one} == {
        f"account prod, role {operator}: {more} more",
        f"account prod, role {operator}: {more} {ADMINISTRATOR}",
        f"account prod, role {lookup}: {more} more",
        f"account prod, role {door}: changed past its stack: no stack has it",
    }, log


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (
            {
                "do": "add a model",
                "name": "hail-tomorrow",
                "owner": "hail",
                "team": "weather",
            },
            "- name: hail-tomorrow",
        ),
        ({"do": "add an account", "name": "management", "id": "555566667777"}, 'management: "555566667777"'),
    ],
    ids=["model", "account"],
)
def test_models_and_accounts_are_asked_for_by_pull_requests(
    world: World, asked: dict[str, str], line: str
) -> None:
    """What becomes of the request is played with a team above; here it is abandoned."""
    with world.acting("dana"):
        world.succeeded(start(world, **asked))
        client = world.client()
        request = pull_requests.ensure(client, "platform", f"isthmus/add-{asked['name']}", "")
        client.patch(f"git/repositories/platform/pullrequests/{request.number}", {"status": "abandoned"})
        for run in pull_requests.runs_of_checks(client, request):
            runs.cancel(client, run)
        version = {
            "versionDescriptor.version": request.commit,
            "versionDescriptor.versionType": "commit",
            "includeContent": "true",
        }
        file = client.get("git/repositories/platform/items?path=/platform.yaml", **version)
    assert request.title == f"Add {asked['name']} to the platform"
    assert line in file["content"]


def test_what_aws_would_refuse_opens_no_request(world: World) -> None:
    with world.acting("dana"):
        ended = world.ended(start(world, do="add a model", name="Hail Tomorrow", owner="hail"))
        log = world.tail(ended)
    assert ended.result == "failed"
    assert "small letters and digits" in log and "platform.yaml" in log


def test_a_model_that_still_serves_is_not_left_behind(world: World) -> None:
    """Somebody took it out of platform.yaml; the run ends at the account where its endpoint stands."""
    gone, account = "hail-last-year", "staging"
    cfn = root(world, account, "cloudformation")
    stack = names.endpoint_stack(world.platform, gone, account)
    made = {"Endpoint": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "serves"}}}
    tags = {"platform": world.platform.name, "account": account, "model": gone}
    cfn.create_stack(
        StackName=stack,
        TemplateBody=json.dumps({"Resources": made}),
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    with world.acting("dana"):
        run = world.ended(start(world, do="deploy"))
        records = {one["name"]: one for one in runs.timeline(world.client(), run.id)}
        log = world.tail(run)
    cfn.delete_stack(StackName=stack)
    results = {one: records[f"Deploy to {one}"]["result"] for one in ("automation", account, "prod")}
    assert results == {"automation": "succeeded", account: "failed", "prod": "skipped"}
    assert f"model {gone} is not in platform.yaml, and its endpoint {gone} still serves in {account}" in log
    assert f"isthmus destroy prod staging automation --model {gone}" in log


def test_a_change_past_the_pipeline_is_found_and_told_loudly(world: World) -> None:
    parameter = f"{names.model_parameters(world.platform)}/{world.model.name}"
    with world.acting("dana"):
        world.succeeded(start(world, do="detect drift"))
        root(world, "automation", "ssm").put_parameter(Name=parameter, Value="mine now", Overwrite=True)
        ended = world.ended(start(world, do="detect drift"))
        records = runs.timeline(world.client(), ended.id)
    assert ended.result == "failed"
    looked = {one["name"]: one["result"] for one in records if one["name"].startswith("Drift in")}
    assert looked == {
        "Drift in management": "skipped",
        "Drift in dev": "succeeded",
        "Drift in automation": "failed",
        "Drift in staging": "succeeded",
        "Drift in prod": "succeeded",
    }
    issues = [issue for one in records if one["type"] == "Task" for issue in one.get("issues") or []]
    (warning,) = (issue["message"] for issue in issues if issue["type"] == "warning")
    stack = names.model_stack(world.platform, "automation", world.model.name)
    assert warning == f"{stack}: AWS::SSM::Parameter Model is modified (/Value)"
