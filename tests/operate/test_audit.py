"""`isthmus audit` against a local AWS and Azure DevOps, in each of its formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from isthmus.audit import deployments, evaluation
from isthmus.audit.rules import RULES
from isthmus.azure import provision, runs
from isthmus.azure.client import Client
from isthmus.azure.contents import Folders
from isthmus.azure.present import CHECKS, Present
from isthmus.azure.retention import LEASES, VERSION
from isthmus.build import content, manifest
from isthmus.build.content import File
from isthmus.config import read_platform
from isthmus.errors import Problem
from isthmus.operate import registry
from isthmus.s3 import split_uri
from tests.local.azure_devops.standin import PROJECT, StandIn, until
from tests.local.sagemaker.conftest import PROD
from tests.operate.conftest import ARTIFACTS, CHECKOUT, GROUP_ARN, MODEL, Aws, Shell, register, signed_in
from tests.operate.test_lineage import ODD_MANIFESTS
from tests.operate.test_promote import compared, served

__all__ = ["compared"]

EVERY = [rule.id for rule in RULES]


def test_the_table_names_each_rule_and_what_breaks_it(shell: Shell, azure: StandIn) -> None:
    done = shell.run("audit", **signed_in(azure))
    assert done.exit_code == 1, done.exception
    rules = [line.split()[1] for line in done.output.splitlines() if line[:1] in "✓✗–" and line.strip()]
    assert rules == EVERY
    assert "– role-width          No role is other than its stack says. Not asked." in done.output
    assert "✓ version-approver" in done.output
    assert f"✗ version-commit      Every version in prod is built from the commit that it names.\n    {MODEL}/1: its commit is not one: c0ffee" in done.output  # fmt: skip  # noqa: E501
    assert "✓ deployment-guards" in done.output
    assert "✓ no-stored-token" in done.output


def test_the_formats_agree(shell: Shell, azure: StandIn, tmp_path: Path) -> None:
    found = json.loads(shell.run("audit", "--format", "json", **signed_in(azure)).output)
    broken = [one["rule"] for one in found["findings"]]
    assert [one["id"] for one in found["rules"] if not one["asked"]] == ["role-width"]
    assert "version-run" in broken and "deployment-run" in broken
    sarif = json.loads(shell.run("audit", "--format", "sarif", **signed_in(azure)).output)
    (run,) = sarif["runs"]
    assert (sarif["version"], [one["id"] for one in run["tool"]["driver"]["rules"]]) == ("2.1.0", EVERY)
    assert [one["ruleId"] for one in run["results"]] == broken
    (unasked,) = run["invocations"][0]["toolExecutionNotifications"]
    assert unasked["message"]["text"] == "role-width: Not asked."
    assert all(
        run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"]
    )
    file = tmp_path / "audit.xml"
    shell.run("audit", "--format", "junit", "--output", str(file), **signed_in(azure))
    cases = list(ElementTree.parse(file).iter("testcase"))

    def named(what: str) -> list[str]:
        return [one.get("name", "").partition(":")[0] for one in cases if one.find(what) is not None]

    assert named("failure") == [rule for rule in EVERY if rule in broken]
    assert named("skipped") == ["role-width"]


def test_the_metric_is_what_the_evaluation_found_and_not_what_the_registry_says(
    shell: Shell, azure: StandIn, aws: Aws
) -> None:
    """The version's metadata say 0.71."""
    found = {"metric": "auc", "value": 0.71, "threshold": 0.7, "higher_is_better": True, "gain": None}
    where = {"Bucket": ARTIFACTS, "Key": f"{MODEL}/runs/41/evaluation.json"}
    said = shell.run("audit", **signed_in(azure)).output
    assert f"{MODEL}/1: no evaluation with its metric is where its build left it: s3://{ARTIFACTS}/" in said
    try:
        aws.client("s3").put_object(**where, Body=json.dumps(found | {"meets_threshold": True}).encode())
        said = shell.run("audit", **signed_in(azure)).output
        assert "✓ version-metric" in said
        # It was put there now, and the version was registered before.
        assert f"{MODEL}/1: its evaluation was written anew at 20" in said and "✗ version-evidence" in said
        low = found | {"value": 0.61, "meets_threshold": False}
        aws.client("s3").put_object(**where, Body=json.dumps(low).encode())
        said = shell.run("audit", **signed_in(azure)).output
        assert f"{MODEL}/1: auc 0.61 does not reach its bar 0.7" in said
        aws.client("s3").put_object(**where, Body=b"[]")
        assert "no evaluation with its metric" in shell.run("audit", **signed_in(azure)).output
    finally:
        aws.client("s3").delete_object(**where)


def test_an_evaluation_is_told_from_one_that_was_written_anew(aws: Aws) -> None:
    """By S3's own clock: what the run left is older than its version."""
    s3, sagemaker = aws.client("s3"), aws.client("sagemaker")
    found = {"metric": "auc", "value": 0.71, "threshold": 0.7, "higher_is_better": True, "gain": None}
    where = {"Bucket": ARTIFACTS, "Key": f"{MODEL}/runs/77/evaluation.json"}
    body = json.dumps(found | {"meets_threshold": True}).encode()
    s3.put_object(**where, Body=body)
    arn = register(aws, value=0.71, run_id="77")
    try:
        version = registry.describe(sagemaker, arn)
        left = evaluation.read(s3, ARTIFACTS, version)
        assert left is not None and left.rewritten == ""
        # S3 says whole seconds: it is told from the next on.
        until(lambda: s3.put_object(**where, Body=body) and evaluation.read(s3, ARTIFACTS, version).rewritten)
    finally:
        sagemaker.delete_model_package(ModelPackageName=arn)
        s3.delete_object(**where)


def test_a_guard_that_was_taken_away_is_found_until_it_is_back(
    shell: Shell, azure: StandIn, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = Client(azure.organization_url, "weather", azure.token("admin"))
    environments = admin.get("distributedtask/environments")["value"]
    prod = next(one["id"] for one in environments if one["name"] == "prod")
    query = {"resourceType": "environment", "resourceId": prod}
    checks = admin.get("pipelines/checks/configurations", version="7.1-preview.1", **query)["value"]
    lock = next(one["id"] for one in checks if one["type"]["name"] == "ExclusiveLock")
    admin.call("DELETE", f"pipelines/checks/configurations/{lock}", None, "7.1-preview.1")
    listed = admin.get("policy/configurations")["value"]
    policy = next(one for one in listed if one["type"]["displayName"] == "Required reviewers")
    admin.put(f"policy/configurations/{policy['id']}", policy | {"isEnabled": False})
    said = shell.run("audit", **signed_in(azure)).output
    assert "environment prod: not as platform.yaml asks: + exclusive lock on environment prod" in said
    assert "not as platform.yaml asks: ~ branch policy on platform main: " in said
    monkeypatch.setenv("AZURE_DEVOPS_URL", azure.organization_url)
    provision.apply(read_platform(CHECKOUT / "platform.yaml"), folders, token=azure.token("admin"))
    assert "✓ deployment-guards" in shell.run("audit", **signed_in(azure)).output


def test_a_version_that_is_only_compared_is_judged_as_the_one_that_serves(
    shell: Shell, azure: StandIn, compared: str
) -> None:
    said = shell.run("audit", **signed_in(azure)).output
    assert f"{MODEL}/3: its commit is not one: c0ffee" in said
    assert f"{MODEL}/3: no run is recorded that deployed it to prod" in said
    assert f"{MODEL}/1: its commit is not one: c0ffee" in said


def test_what_serves_and_is_no_version_is_found(shell: Shell, azure: StandIn, aws: Aws) -> None:
    sagemaker = aws.client("sagemaker", PROD)
    assert "✓ version-registered" in shell.run("audit", **signed_in(azure)).output
    sagemaker.create_model(
        ModelName="smuggled",
        ExecutionRoleArn=f"arn:aws:iam::{PROD}:role/isthmus-model",
        Containers=[{"Image": aws.image, "ModelDataUrl": aws.model("rain")}],
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="smuggled",
        ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": "smuggled", "InitialInstanceCount": 1,
                             "InstanceType": "ml.m5.large"}],
    )  # fmt: skip
    served(aws, "smuggled")
    try:
        said = shell.run("audit", **signed_in(azure)).output
        assert f"endpoint {MODEL}: it serves a model that is no version of the registry" in said
    finally:
        served(aws, f"{MODEL}-c0ffee")
        sagemaker.delete_endpoint_config(EndpointConfigName="smuggled")
        sagemaker.delete_model(ModelName="smuggled")


def test_data_that_no_manifest_lists_are_found(shell: Shell, azure: StandIn, aws: Aws) -> None:
    """Version 1 names data version da7a."""
    s3, sagemaker = aws.client("s3"), aws.client("sagemaker")

    def record(**metadata: str) -> str:
        sagemaker.update_model_package(ModelPackageArn=f"{GROUP_ARN}/1", CustomerMetadataProperties=metadata)
        return shell.run("audit", **signed_in(azure)).output

    rows = [
        File("0000-rain.csv", b"a,b\n1,2\n", "data/rain.csv"),
        File("0001-2013.csv", b"a,b\n", "s3://d/2013.csv", "v"),
    ]
    uri = manifest.publish(s3, ARTIFACTS, MODEL, rows)
    try:
        assert f"{MODEL}/1: it names data version da7a, and no manifest of it" in record(data_version="da7a")
        assert f"names data version da7a, and its manifest lists the files of {content.version(rows)}" in (
            record(data_manifest=uri)
        )
        assert "✓ version-data" in record(data_version=content.version(rows))
        # A manifest that was written over lies no longer where its content says.
        bucket, key = split_uri(uri)
        s3.put_object(Bucket=bucket, Key=key, Body=b'{"objects": []}')
        assert "no manifest of it is where its build left it" in record()
        # Whoever may write one may write anything, and name it as it is to be.
        for odd in ODD_MANIFESTS.values():
            name = content.version([File(manifest.NAME, odd)])
            key = f"{MODEL}/manifests/{name}/{manifest.NAME}"
            s3.put_object(Bucket=bucket, Key=key, Body=odd)
            said = record(data_manifest=f"s3://{bucket}/{key}")
            assert f"no manifest of it is where its build left it: s3://{bucket}/{key}" in said
    finally:
        sagemaker.update_model_package(
            ModelPackageArn=f"{GROUP_ARN}/1",
            CustomerMetadataProperties={"data_version": "da7a"},
            CustomerMetadataPropertiesToRemove=["data_manifest"],
        )


SECRETS = {
    "group": ("variable group forecasts", "its variable key is a secret"),
    "called": ("variable group forecasts", "its variable API_TOKEN is called as a secret is"),
    "shaped": ("variable group forecasts", "its variable where looks like a secret"),
    "pipeline": (f"pipeline {MODEL}-deploy", "its variable pat is a secret"),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_that_the_project_keeps_is_found(shell: Shell, azure: StandIn, kind: str) -> None:
    assert "✓ no-stored-token" in shell.run("audit", **signed_in(azure)).output
    about, why = SECRETS[kind]
    admin = azure.person("admin")
    if kind == "pipeline":
        number = next(one["id"] for one in admin.every("pipelines") if one["name"] == f"{MODEL}-deploy")
        before = admin.get(f"build/definitions/{number}")
        kept = before | {"variables": {"pat": {"value": "x", "isSecret": True}}}
        admin.ask("PUT", f"build/definitions/{number}", kept).raise_for_status()
    else:
        variables = {
            "group": {"key": {"value": "x", "isSecret": True}},
            "called": {"API_TOKEN": {"value": "x"}},
            "shaped": {"where": {"value": "https://me:mine@example.com"}},
        }[kind]
        projects = [{"projectReference": {"name": PROJECT}, "name": "forecasts"}]
        body = {"name": "forecasts", "type": "Vsts", "variables": variables}
        group = admin.post(
            "distributedtask/variablegroups", body | {"variableGroupProjectReferences": projects}
        )
    said = shell.run("audit", **signed_in(azure)).output
    if kind == "pipeline":
        after = admin.get(f"build/definitions/{number}")
        admin.ask("PUT", f"build/definitions/{number}", after | {"variables": {}}).raise_for_status()
    else:
        ids = [one["id"] for one in admin.every("/_apis/projects") if one["name"] == PROJECT]
        path = f"/_apis/distributedtask/variablegroups/{group['id']}"
        admin.ask("DELETE", path, projectIds=ids[0]).raise_for_status()
    assert f"{about}: {why}" in said
    assert "✗ no-stored-token" in said


def past(azure: StandIn, environment: str, name: str, branch: str = "main") -> runs.Run:
    """A run that says main and runs a branch's commit: it deploys once the environment's checks are gone."""
    admin, client = azure.person("admin"), Client(azure.organization_url, PROJECT, azure.token("admin"))
    present = Present(client)
    for check in present.checks("environment", environment):
        client.delete(f"pipelines/checks/configurations/{check['id']}", version=CHECKS)
    admin.post("git/repositories", {"name": name})
    admin.commit(name, {"azure-pipelines.yml": PAST.replace("PLACE", environment)})
    tip = admin.commit(name, {"more.txt": "more"}, branch)
    number = admin.pipeline(name, name)
    let = {"pipelines": [{"id": number, "authorized": True}]}
    place = present.environment(environment).id
    admin.patch(f"pipelines/pipelinepermissions/environment/{place}", let)
    it = {"refName": "refs/heads/main", "version": tip}
    made = admin.post(f"pipelines/{number}/runs", {"resources": {"repositories": {"self": it}}})
    run = runs.wait(client, made["id"], every_seconds=0.1, timeout=60)
    assert run.result == "succeeded"
    return run


PAST = """
trigger: none
stages:
- stage: quick
  jobs:
  - deployment: quick
    environment: PLACE
    strategy: {runOnce: {deploy: {steps: [{bash: 'true'}]}}}
- stage: again
  jobs:
  - deployment: again
    environment: PLACE
    strategy: {runOnce: {deploy: {steps: [{bash: 'true'}]}}}
"""


def test_a_deployment_past_template_and_checks_is_found_though_another_serves(
    shell: Shell, azure: StandIn, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prod's guards were taken away, a pipeline deployed, and the guards were put back."""
    said = shell.run("audit", **signed_in(azure)).output
    assert "✓ deployment-template" in said and "✓ deployment-check" in said
    run = past(azure, "prod", "aside")
    monkeypatch.setenv("AZURE_DEVOPS_URL", azure.organization_url)
    provision.apply(read_platform(CHECKOUT / "platform.yaml"), folders, token=azure.token("admin"))
    said = shell.run("audit", **signed_in(azure)).output
    assert "✓ deployment-guards" in said
    assert f"run {run.id} of aside: no check found the required template when it deployed to prod" in said
    assert f"run {run.id} of aside: it passed the environment and the service connection without" in said
    asked: list[str] = []

    class Asking(Client):
        def get(self, path: str, **more: Any) -> Any:
            asked.append(path)
            return super().get(path, **more)

    client = Asking(azure.organization_url, PROJECT, azure.token("admin"))
    found = [one for one in deployments.every(client, Present(client)) if one.number == run.id]
    assert len(found) == 2, "two stages deployed"
    for path in (f"build/builds/{run.id}", f"build/builds/{run.id}/timeline"):
        assert asked.count(path) == 1, path
    kept = client.get(LEASES, version=VERSION, definitionId=run.definition, runId=run.id)["value"]
    client.delete(LEASES, version=VERSION, ids=",".join(str(one["leaseId"]) for one in kept))
    client.delete(f"build/builds/{run.id}")
    assert f"run {run.id} of aside: it deployed to prod, and Azure DevOps has it no more" in (
        shell.run("audit", **signed_in(azure)).output
    )


def test_stacks_of_an_account_that_came_by_a_commit_on_no_main_are_found(
    shell: Shell, azure: StandIn, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prod takes what automation holds: its stacks are as well guarded."""
    assert "✓ commits-merged" in shell.run("audit", **signed_in(azure)).output
    run = past(azure, "infrastructure-automation", "astray", branch="evil")
    monkeypatch.setenv("AZURE_DEVOPS_URL", azure.organization_url)
    provision.apply(read_platform(CHECKOUT / "platform.yaml"), folders, token=azure.token("admin"))
    said = shell.run("audit", **signed_in(azure)).output
    about = f"run {run.id} of astray: "
    assert (
        f"{about}no check found the required template when it deployed to infrastructure-automation" in said
    )
    assert f"{about}run {run.id} ran commit {run.commit[:9]} of self, which is not on main" in said
    assert "without an approval" not in said


def test_an_audit_that_cannot_be_made_ends_with_two(shell: Shell) -> None:
    done = shell.run("audit")
    assert isinstance(done.exception, Problem)
    assert done.exception.exit_code == 2
    assert "not signed in to Azure DevOps" in str(done.exception)
