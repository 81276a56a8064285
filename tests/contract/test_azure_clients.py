"""Microsoft's own clients, unmodified, against the stand-in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.azure_devops.conftest import described, standin
from tests.local.azure_devops.standin import PROJECT, StandIn, until

__all__ = ["described", "standin"]
CHECKOUT = Path(__file__).resolve().parents[2]
YAML = """
trigger: none
parameters: [{name: who, type: string, default: x}]
steps: [{bash: 'echo ${{ parameters.who }}'}]
"""
NODE = """
const azure = require(process.env.API);
const handler = azure.getPersonalAccessTokenHandler(process.env.TOKEN);
const web = new azure.WebApi(process.env.URL_, handler);
(async () => {
  const me = await web.connect();
  const git = await web.getGitApi();
  const build = await web.getBuildApi();
  const pipelines = await web.getPipelinesApi();
  const number = +process.env.PIPELINE;
  const run = await pipelines.runPipeline({templateParameters: {who: 'node'}}, 'weather', number);
  const repositories = await git.getRepositories('weather');
  const found = await build.getBuild('weather', run.id);
  const timeline = await build.getBuildTimeline('weather', run.id);
  const listed = await build.getBuilds('weather', [number]);
  console.log(JSON.stringify({me: me.authenticatedUser.providerDisplayName, run: run.id,
    repositories: repositories.map(r => r.name), parameters: found.templateParameters,
    records: timeline.records.length, listed: listed.map(b => b.id)}));
})().catch(error => { console.error(error); process.exit(1); });
"""


@pytest.fixture(scope="module")
def clients(standin: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    patch = pytest.MonkeyPatch()
    patch.setenv("AZURE_DEVOPS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    from azure.devops.connection import Connection
    from msrest.authentication import BasicAuthentication

    credentials = BasicAuthentication("", standin.token("admin"))
    yield Connection(base_url=standin.organization_url, creds=credentials).clients_v7_1
    patch.undo()


@pytest.fixture(scope="module")
def pipeline(standin: StandIn) -> int:
    admin = standin.person("admin")
    admin.post("git/repositories", {"name": "clients"})
    admin.commit("clients", {"azure-pipelines.yml": YAML})
    return admin.pipeline("clients", "clients")


def test_python_git(clients: Any, pipeline: int) -> None:
    from azure.devops.v7_1.git.models import GitQueryCommitsCriteria

    git, criteria = clients.get_git_client(), GitQueryCommitsCriteria(item_path="/a.txt")
    repository = git.create_repository({"name": "by-client"}, PROJECT)
    change = {
        "changeType": "add",
        "item": {"path": "/a.txt"},
        "newContent": {"content": "a", "contentType": "rawText"},
    }
    push = {
        "refUpdates": [{"name": "refs/heads/main", "oldObjectId": "0" * 40}],
        "commits": [{"comment": "First", "changes": [change]}],
    }
    made = git.create_push(push, repository.id, PROJECT)
    first = made.ref_updates[0].new_object_id
    assert [one.object_id for one in git.get_refs(repository.id, PROJECT)] == [first]
    git.update_refs(
        [{"name": "refs/heads/topic", "oldObjectId": "0" * 40, "newObjectId": first}], repository.id, PROJECT
    )
    push["refUpdates"] = [{"name": "refs/heads/topic", "oldObjectId": first}]
    change |= {"changeType": "edit", "newContent": {"content": "b", "contentType": "rawText"}}
    git.create_push(push, repository.id, PROJECT)
    body = {"sourceRefName": "refs/heads/topic", "targetRefName": "refs/heads/main", "title": "T"}
    request = git.create_pull_request(body, repository.id, PROJECT)
    done = git.update_pull_request(
        {
            "status": "completed",
            "lastMergeSourceCommit": {"commitId": request.last_merge_source_commit.commit_id},
        },
        repository.id,
        request.pull_request_id,
        PROJECT,
    )
    assert done.status == "completed"
    assert b"".join(git.get_item_content(repository.id, "/a.txt", PROJECT)) == b"b"
    assert len(git.get_commits(repository.id, criteria, PROJECT)) == 2


def test_python_pipelines_and_builds(clients: Any, pipeline: int) -> None:
    pipelines, builds = clients.get_pipelines_client(), clients.get_build_client()
    assert pipeline in [one.id for one in pipelines.list_pipelines(PROJECT)]
    run = pipelines.run_pipeline({"templateParameters": {"who": "python"}}, PROJECT, pipeline)
    build = until(lambda: (one := builds.get_build(PROJECT, run.id)).status == "completed" and one)
    assert (build.result, build.template_parameters) == ("succeeded", {"who": "python"})
    records = builds.get_build_timeline(PROJECT, run.id).records
    step = next(one for one in records if one.type == "Task" and one.log and one.name.startswith("Bash"))
    assert any("python" in line for line in builds.get_build_log_lines(PROJECT, run.id, step.log.id))
    builds.add_build_tag(PROJECT, run.id, "seen")
    assert [one.id for one in builds.get_builds(PROJECT, [pipeline], tag_filters=["seen"])] == [run.id]
    assert pipelines.preview({"previewRun": True}, PROJECT, pipeline).final_yaml
    assert builds.get_artifacts(PROJECT, run.id) == []


def test_python_environments_endpoints_policies_permissions(clients: Any, pipeline: int) -> None:
    agents = clients.get_task_agent_client()
    environment = agents.add_environment({"name": "by-client", "description": "d"}, PROJECT)
    assert environment.id in [one.id for one in agents.get_environments(PROJECT)]
    permissions = clients.get_pipeline_permissions_client()
    body = {"pipelines": [{"id": pipeline, "authorized": True}]}
    permissions.update_pipeline_permisions_for_resource(body, PROJECT, "environment", str(environment.id))
    found = permissions.get_pipeline_permissions_for_resource(PROJECT, "environment", str(environment.id))
    assert [one.id for one in found.pipelines] == [pipeline]
    repository = clients.get_git_client().get_repository("clients", PROJECT)
    scope = [{"repositoryId": repository.id, "refName": "refs/heads/x", "matchKind": "Exact"}]
    settings = {"buildDefinitionId": pipeline, "scope": scope}
    policy = {
        "type": {"id": "0609b952-1397-4640-95ec-e00a01b2c241"},
        "isEnabled": True,
        "isBlocking": True,
        "settings": settings,
    }
    made = clients.get_policy_client().create_policy_configuration(policy, PROJECT)
    assert made.id in [one.id for one in clients.get_policy_client().get_policy_configurations(PROJECT)]
    assert clients.get_identity_client().get_self().display_name == "Ari Admin"


def test_python_errors_are_microsofts(clients: Any) -> None:
    from azure.devops.exceptions import AzureDevOpsServiceError

    with pytest.raises(AzureDevOpsServiceError, match="TF401019"):
        clients.get_git_client().get_repository("nowhere", PROJECT)


def test_node(standin: StandIn, pipeline: int, tmp_path: Path) -> None:
    api = next((one for one in _node_modules() if one.is_dir()), None)
    node = shutil.which("node")
    if api is None or node is None:
        pytest.skip("azure-devops-node-api is not in node_modules (npm install azure-devops-node-api)")
    script = tmp_path / "try.js"
    script.write_text(NODE)
    env = {
        "PATH": os.environ["PATH"],
        "API": str(api),
        "TOKEN": standin.token("dana"),
        "URL_": standin.organization_url,
        "PIPELINE": str(pipeline),
    }
    done = subprocess.run(
        [node, str(script)], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["me"] == "Dana Scientist"
    assert "clients" in found["repositories"]
    assert found["parameters"] == {"who": "node"}
    assert found["run"] in found["listed"]


def _node_modules() -> list[Path]:
    folders = [CHECKOUT, *map(Path, filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)))]
    return [
        path
        for folder in folders
        for path in (folder / "node_modules" / "azure-devops-node-api", folder / "azure-devops-node-api")
    ]
