"""What `isthmus doctor` sees of Azure DevOps alone: approvers, connections, the plan; AWS is silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isthmus.azure import marks, provision
from isthmus.azure.bits import BUILD_NAMESPACE
from isthmus.azure.client import Client
from isthmus.azure.contents import Folders
from isthmus.azure.present import Present, translated
from isthmus.config import read_platform
from isthmus.errors import Refused
from tests.azure.conftest import empty, folders
from tests.cdk.conftest import MODEL
from tests.local.azure_devops.standin import StandIn

__all__ = ["empty", "folders"]
ROUTE = "https://bridge.example/callback"
NOWHERE = {
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "a",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_MAX_ATTEMPTS": "1",
}


@pytest.fixture(scope="module")
def environment(empty: StandIn, folders: Folders) -> dict[str, str]:
    """An administrator's, in the folder that Azure DevOps was filled from."""
    file = folders.platform / "platform.yaml"
    for name in ("model-build", "model-deploy"):
        (folders.platform / name).symlink_to(folders.platform.parent / name)
    variables = {
        "AZURE_DEVOPS_URL": empty.organization_url,
        "AZURE_DEVOPS_TOKEN": empty.token("admin"),
        "ISTHMUS_PLATFORM": str(file),
    }
    apply(variables, folders)
    return NOWHERE | variables


def apply(variables: dict[str, str], folders: Folders) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        asked = read_platform()
        provision.apply(asked, folders, callback=ROUTE, token=variables["AZURE_DEVOPS_TOKEN"])


def run(environment: dict[str, str], *words: str) -> Result:
    from isthmus.cli import isthmus

    return CliRunner().invoke(isthmus, ["doctor", *words], env=environment)


def findings(environment: dict[str, str], check: str) -> list[dict[str, str]]:
    done = run(environment, "--only", check, "--json")
    found: list[dict[str, str]] = json.loads(done.output)
    statuses = {one["status"] for one in found}
    assert done.exit_code == (1 if "missing" in statuses else 5 if "could not look" in statuses else 0)
    return [one for one in found if one["status"] != "ok"]


@pytest.fixture
def admin(empty: StandIn) -> Client:
    return Client(empty.organization_url, "weather", empty.token("admin"))


def changed(environment: dict[str, str], folder: Path, old: str, new: str) -> dict[str, str]:
    """With another platform.yaml."""
    file = folder / "platform.yaml"
    file.write_text(Path(environment["ISTHMUS_PLATFORM"]).read_text().replace(old, new))
    return environment | {"ISTHMUS_PLATFORM": str(file)}


def test_one_approver_alone_is_a_warning(environment: dict[str, str]) -> None:
    (found,) = findings(environment, "approvers")
    assert (found["status"], found["about"]) == ("warning", "approvers release-approvers")
    assert found["says"].startswith("one person alone is in the group")
    assert "az devops security group membership add --group-id vssgp." in found["remedy"]


def test_an_approver_who_may_not_see_the_run_sees_no_button(
    environment: dict[str, str], empty: StandIn, admin: Client
) -> None:
    present = Present(admin)
    (group,) = present.identities("release-approvers")
    token = f"{present.project()}/{present.pipeline(f'{MODEL}-deploy')}"

    def say(**bits: int) -> None:
        entry = {"descriptor": group.descriptor, "allow": 0, "deny": 0} | bits
        body = {"token": token, "merge": True, "accessControlEntries": [entry]}
        with translated():
            present.clients.get_security_client().set_access_control_entries(body, BUILD_NAMESPACE)

    say(deny=1)
    robin = Client(empty.organization_url, "weather", empty.token("robin"))
    try:
        (found,) = (one for one in findings(environment, "approvers") if one["status"] == "missing")
        assert Present(robin).definition(f"{MODEL}-deploy") is not None
        with pytest.raises(Refused, match="needs permissions to view pipeline"):
            robin.get(f"pipelines/{present.pipeline(f'{MODEL}-deploy')}/runs")
    finally:
        say(allow=1025)
    assert found["about"] == "approvers release-approvers"
    assert found["says"] == f"Robin Release may not see the runs of {MODEL}-deploy: they see no button"
    assert found["remedy"].startswith(
        f"az devops security permission update --id {BUILD_NAMESPACE} --token {token} --subject vssgp."
    )
    assert "--allow-bit 1025 " in found["remedy"]
    # As that command says it.
    assert [one["status"] for one in findings(environment, "approvers")] == ["warning"]


def test_a_group_that_is_not_there(environment: dict[str, str], tmp_path: Path) -> None:
    other = changed(environment, tmp_path, "[release-approvers]", "[release-approvers, auditors]")
    (missing,) = (one for one in findings(other, "approvers") if one["status"] == "missing")
    assert (missing["about"], missing["says"]) == (
        "approvers auditors",
        "Azure DevOps knows nobody called so",
    )
    assert missing["remedy"].startswith("az devops security group create --name auditors --project weather")


def test_a_group_that_the_check_does_not_ask(environment: dict[str, str], tmp_path: Path) -> None:
    other = changed(environment, tmp_path, "[release-approvers]", "[administrators]")
    found = findings(other, "approvers")
    says = "the approval of environment prod does not ask them: they see no button"
    assert (says, "isthmus azure apply") in [(one["says"], one["remedy"]) for one in found]


def test_a_check_that_is_gone_until_it_is_applied_again(
    environment: dict[str, str], admin: Client, folders: Folders
) -> None:
    environments = admin.get("distributedtask/environments")["value"]
    prod = next(one["id"] for one in environments if one["name"] == "prod")
    query = {"resourceType": "environment", "resourceId": prod}
    checks = admin.get("pipelines/checks/configurations", version="7.1-preview.1", **query)["value"]
    approval = next(one["id"] for one in checks if one["type"]["name"] == "Approval")
    admin.call("DELETE", f"pipelines/checks/configurations/{approval}", None, "7.1-preview.1")
    assert "missing" in [one["status"] for one in findings(environment, "approvers")]
    planned = [(one["about"], one["says"], one["remedy"]) for one in findings(environment, "project")]
    assert ("approval on environment prod", "it is not there", "isthmus azure apply") in planned
    apply(environment, folders)
    assert [one["status"] for one in findings(environment, "approvers")] == ["warning"]


def test_what_apply_did_not_make_is_taken_over_on_request(environment: dict[str, str], admin: Client) -> None:
    present = Present(admin)
    (mark,) = (one for one in marks.read(present) if (one.kind, one.name) == ("environment", "prod"))
    marks.erase(present, [mark])
    planned = [(one["about"], one["says"], one["remedy"]) for one in findings(environment, "project")]
    says = "it is there, and apply did not make it"
    assert ("environment prod", says, "isthmus azure apply --adopt") in planned
    marks.put(present, [mark])


def test_the_plan_is_empty_and_the_route_could_not_be_looked_at(environment: dict[str, str]) -> None:
    (found,) = findings(environment, "project")
    assert (found["status"], found["about"]) == ("could not look", "the bridge's route")
    assert "no answer from AWS" in found["says"]


def test_a_connection_whose_tokens_say_otherwise(environment: dict[str, str], tmp_path: Path) -> None:
    assert findings(environment, "connections") == []
    other = changed(
        environment, tmp_path, "project: weather", "project: weather\n  issuer: https://other.example"
    )
    found = findings(other, "connections")
    assert len(found) == len({one["about"] for one in found}) > 0
    assert all(one["says"].endswith("but roles trust https://other.example") for one in found)


def test_a_connection_of_a_model_that_was_not_applied(environment: dict[str, str], tmp_path: Path) -> None:
    other = changed(environment, tmp_path, f"name: {MODEL}", "name: snow")
    found = findings(other, "connections")
    assert "service connection isthmus-snow-build: it is not there: isthmus azure apply" in [
        f"{one['about']}: {one['says']}: {one['remedy']}" for one in found
    ]


def test_who_sees_nothing_is_not_told_that_all_is_well(environment: dict[str, str]) -> None:
    done = run(environment | {"AZURE_DEVOPS_TOKEN": "", "COLUMNS": "240"})
    assert done.exit_code == 5, done.exception
    assert "not signed in to Azure DevOps" in done.output
    assert "no answer from AWS" in done.output
    assert done.output.splitlines()[-1].endswith("could not look")


def test_a_check_that_there_is_not_is_bad_input(environment: dict[str, str]) -> None:
    done = run(environment, "--only", "trusts")
    assert getattr(done.exception, "exit_code", None) == 2
    assert "there is no check 'trusts'; did you mean 'trust'?" in str(done.exception)
