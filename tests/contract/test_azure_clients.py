"""Microsoft's own clients, unmodified, against the stand-in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.azure_devops.conftest import standin
from tests.local.azure_devops.standin import PROJECT, StandIn, until

__all__ = ["standin"]
CHECKOUT = Path(__file__).resolve().parents[2]
YAML = """
trigger: none
parameters: [{name: who, type: string, default: x}]
steps: [{bash: 'echo ${{ parameters.who }}'}]
"""
# What it gives and takes as numbers, Azure DevOps keeps and answers as words.
NODE = """
const azure = require(process.env.API);
const git_ = require(process.env.API + '/interfaces/GitInterfaces');
const build_ = require(process.env.API + '/interfaces/BuildInterfaces');
const handler = azure.getPersonalAccessTokenHandler(process.env.TOKEN);
const web = new azure.WebApi(process.env.URL_, handler);
const project = 'weather', repository = 'clients';
async function refusal(ask) { try { await ask(); } catch (error) { return error.statusCode; } }
(async () => {
  const me = await web.connect();
  const [git, build, pipelines, core, agents, wiki] = await Promise.all([web.getGitApi(), web.getBuildApi(),
    web.getPipelinesApi(), web.getCoreApi(), web.getTaskAgentApi(), web.getWikiApi()]);
  const number = +process.env.PIPELINE;
  const main = {version: 'main', versionType: git_.GitVersionType.Branch};
  const [tip] = await git.getCommits(repository, {itemVersion: main}, project);
  const change = {changeType: git_.VersionControlChangeType.Add, item: {path: '/node.txt'},
    newContent: {content: 'YQ==', contentType: git_.ItemContentType.Base64Encoded}};
  const push = await git.createPush({refUpdates: [{name: 'refs/heads/node', oldObjectId: tip.commitId}],
    commits: [{comment: 'By node', changes: [change]}]}, repository, project);
  const items = await git.getItems(repository, project, '/', git_.VersionControlRecursionType.Full, false,
    false, false, false, {version: 'node', versionType: git_.GitVersionType.Branch});
  const request = await git.createPullRequest({sourceRefName: 'refs/heads/node',
    targetRefName: 'refs/heads/main', title: 'By node'}, repository, project);
  const thread = await git.createThread({comments: [{content: 'Why?', parentCommentId: 0,
    commentType: git_.CommentType.Text}], status: git_.CommentThreadStatus.Active},
    repository, request.pullRequestId, project);
  const done = await git.updatePullRequest({status: git_.PullRequestStatus.Completed,
    lastMergeSourceCommit: request.lastMergeSourceCommit,
    completionOptions: {mergeStrategy: git_.GitPullRequestMergeStrategy.Squash}},
    repository, request.pullRequestId, project);
  const completed = await git.getPullRequests(repository,
    {status: git_.PullRequestStatus.Completed}, project);
  const run = await pipelines.runPipeline({templateParameters: {who: 'node'}}, project, number);
  const found = await build.getBuild(project, run.id);
  let timeline;
  do timeline = await build.getBuildTimeline(project, run.id); while (!timeline.records.length);
  const second = await build.queueBuild({definition: {id: number}}, project);
  const cancelled = await build.updateBuild({status: build_.BuildStatus.Cancelling}, project, second.id);
  const listed = await build.getBuilds(project, [number], undefined, undefined, undefined, undefined,
    undefined, build_.BuildReason.Manual | build_.BuildReason.PullRequest, build_.BuildStatus.All);
  console.log(JSON.stringify({me: me.authenticatedUser.providerDisplayName, run: run.id,
    items: items.map(one => one.path), parents: push.commits.map(one => one.comment),
    statuses: [request.status, thread.status, done.status, completed[0].status, cancelled.status],
    parameters: found.templateParameters, records: timeline.records.length, listed: listed.map(b => b.id),
    second: second.id, teams: (await core.getTeams(project)).map(one => one.name),
    pools: (await agents.getAgentPools()).map(one => one.name),
    queues: (await agents.getAgentQueues(project)).map(one => one.pool.name),
    nothing: await wiki.getAllWikis(project),
    refused: await refusal(() => git.createPullRequest({sourceRefName: 'refs/heads/none',
      targetRefName: 'refs/heads/main', title: 'x'}, repository, project))}));
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


def test_python_retention(clients: Any, pipeline: int, standin: StandIn) -> None:
    builds = clients.get_build_client()
    run = clients.get_pipelines_client().run_pipeline({}, PROJECT, pipeline)
    until(lambda: builds.get_build(PROJECT, run.id).status == "completed")
    wanted = {"daysValid": 36501, "definitionId": pipeline, "runId": run.id, "protectPipeline": False}
    (lease,) = builds.add_retention_leases([wanted | {"ownerId": "isthmus:a"}], PROJECT)
    assert builds.get_retention_lease(PROJECT, lease.lease_id).valid_until.year == 9999
    minimal = json.dumps({"ownerId": "isthmus:a", "runId": run.id, "definitionId": pipeline})
    matching = builds.get_retention_leases_by_minimal_retention_leases(PROJECT, [minimal])
    assert [one.lease_id for one in matching] == [lease.lease_id]
    changed = builds.update_retention_lease({"daysValid": 7}, PROJECT, lease.lease_id)
    assert changed.valid_until.year < 9999
    with pytest.raises(Exception, match="is retained by a lease"):
        builds.delete_build(PROJECT, run.id)
    kept = builds.get_retention_leases_for_build(PROJECT, run.id)
    builds.delete_retention_leases_by_id(PROJECT, [one.lease_id for one in kept])
    assert builds.get_retention_leases_by_owner_id(PROJECT, owner_id="isthmus:a") == []
    builds.delete_build(PROJECT, run.id)
    with pytest.raises(Exception, match="could not be found"):
        builds.get_build(PROJECT, run.id)
    assert builds.get_retention_settings(PROJECT).purge_runs.value == 30
    said = builds.update_retention_settings({"runRetention": {"value": 400}}, PROJECT)
    assert (said.purge_runs.value, said.purge_artifacts.value) == (400, 30)
    with pytest.raises(Exception, match="from 30 to 731"):
        builds.update_retention_settings({"runRetention": {"value": 800}}, PROJECT)


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


def test_python_stages(clients: Any, pipeline: int) -> None:
    """As Microsoft's Node client does it, by the number of the enumeration."""
    builds = clients.get_build_client()
    run = clients.get_pipelines_client().run_pipeline({}, PROJECT, pipeline)
    until(lambda: builds.get_build(PROJECT, run.id).status == "completed")
    builds.update_stage({"state": 1, "forceRetryAllJobs": True}, run.id, "__default", PROJECT)
    until(lambda: builds.get_build(PROJECT, run.id).status == "completed")
    now = builds.get_build_timeline(PROJECT, run.id).records
    (stage,) = [one for one in now if one.type == "Stage"]
    (attempt,) = stage.previous_attempts
    past = builds.get_build_timeline(PROJECT, run.id, attempt.timeline_id).records
    assert (stage.attempt, attempt.attempt) == (2, 1)
    assert [one.attempt for one in past if one.id == attempt.record_id] == [1]
    with pytest.raises(Exception, match="is completed"):
        builds.update_stage({"state": 0}, run.id, "__default", PROJECT)


def test_python_what_people_look_at(clients: Any, pipeline: int, standin: StandIn) -> None:
    core, agents, git = clients.get_core_client(), clients.get_task_agent_client(), clients.get_git_client()
    (team,) = core.get_teams(PROJECT)
    assert core.get_team(PROJECT, team.name).id == team.id == core.get_all_teams()[0].id
    people = core.get_team_members_with_extended_properties(PROJECT, team.id)
    assert {"Ari Admin", "Robin Release"} <= {one.identity.display_name for one in people}
    (pool,), (queue,) = agents.get_agent_pools(), agents.get_agent_queues(PROJECT)
    assert queue.pool.id == pool.id and len(agents.get_agents(pool.id)) == pool.size
    builds = clients.get_build_client()
    queued = builds.queue_build({"definition": {"id": pipeline}}, PROJECT)
    assert builds.get_latest_build(PROJECT, "clients").id == queued.id
    assert builds.get_build_work_items_refs(PROJECT, queued.id) == []
    tip = git.get_refs("clients", PROJECT, filter="heads/main")[0].object_id
    context = {"name": "scan", "genre": "security"}
    git.create_commit_status({"state": "succeeded", "context": context}, tip, "clients", PROJECT)
    assert [one.state for one in git.get_statuses(tip, "clients", PROJECT)] == ["succeeded"]


def test_python_changes(clients: Any, pipeline: int) -> None:
    """A push may start a new branch at any commit, and says afterwards what it changed."""
    from azure.devops.v7_1.git.models import GitBaseVersionDescriptor, GitTargetVersionDescriptor

    git = clients.get_git_client()
    tip = git.get_refs("clients", PROJECT, filter="heads/main")[0].object_id
    change = {"changeType": "add", "item": {"path": "/b.txt"}, "newContent": {"content": "b"}}
    push = {
        "refUpdates": [{"name": "refs/heads/from-base", "oldObjectId": tip}],
        "commits": [{"comment": "Begin", "changes": [change]}],
    }
    made = git.create_push(push, "clients", PROJECT).ref_updates[0]
    commit = git.get_commit(made.new_object_id, "clients", PROJECT)
    assert (made.old_object_id, commit.parents) == ("0" * 40, [tip])
    found = git.get_changes(commit.commit_id, "clients", PROJECT)
    assert [(one["item"]["path"], one["changeType"]) for one in found.changes] == [("/b.txt", "add")]
    versions = {
        "base_version_descriptor": GitBaseVersionDescriptor(base_version="main"),
        "target_version_descriptor": GitTargetVersionDescriptor(target_version="from-base"),
    }
    diff = git.get_commit_diffs("clients", PROJECT, **versions)
    assert (diff.ahead_count, diff.behind_count, diff.common_commit) == (1, 0, tip)
    assert {one.relative_path for one in git.get_tree("clients", commit.tree_id, PROJECT).tree_entries} >= {
        "b.txt"
    }
    push["refUpdates"][0] |= {"name": "refs/heads/other", "oldObjectId": "1" * 40}
    with pytest.raises(Exception, match="TF401028"):
        git.create_push(push, "clients", PROJECT)


def test_python_variable_groups(clients: Any, standin: StandIn) -> None:
    agents = clients.get_task_agent_client()
    project = clients.get_core_client().get_project(PROJECT)
    reference = {"name": "g", "projectReference": {"id": project.id, "name": PROJECT}}
    body = {"name": "g", "variables": {"a": {"value": "1"}}, "variableGroupProjectReferences": [reference]}
    group = agents.add_variable_group(body)
    body["variables"] = {"a": {"value": "2"}}
    assert agents.update_variable_group(body, group.id).variables["a"].value == "2"
    agents.delete_variable_group(group.id, [project.id])
    assert group.id not in [one.id for one in agents.get_variable_groups(PROJECT)]


def test_python_what_is_not_there_is_told_as_azure_devops_tells_it(clients: Any) -> None:
    from azure.devops.exceptions import AzureDevOpsServiceError

    for ask, said in (
        (lambda: clients.get_work_item_tracking_client().get_work_item(7), "TF401232: Work item 7"),
        (lambda: clients.get_wiki_client().get_all_wikis(PROJECT), "No HTTP resource"),
        (lambda: clients.get_task_agent_client().get_agent_pool(9), "Agent pool 9 was not found"),
        (lambda: clients.get_core_client().get_team(PROJECT, "none"), "The team with id 'none'"),
        (lambda: clients.get_build_client().get_latest_build(PROJECT, "none"), "definition none"),
    ):
        with pytest.raises(AzureDevOpsServiceError, match=said):
            ask()
    with pytest.raises(ValueError, match="is not registered on"):
        clients.get_audit_client().query_log()


def test_node(standin: StandIn, pipeline: int, tmp_path: Path) -> None:
    api = CHECKOUT / "node_modules" / "azure-devops-node-api"
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if not api.is_dir() or node is None:
        pytest.skip("azure-devops-node-api is not in node_modules: make install")
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
    assert found["parents"][0] == "By node" and "/node.txt" in found["items"]
    # Active, active, completed, completed, and of the build: cancelling.
    assert found["statuses"] == [1, 1, 3, 3, 4]
    assert found["parameters"] == {"who": "node"} and found["records"]
    assert {found["run"], found["second"]} <= set(found["listed"])
    assert (found["teams"], found["pools"], found["queues"]) == (
        [f"{PROJECT} Team"],
        ["Azure Pipelines"],
        ["Azure Pipelines"],
    )
    assert (found["nothing"], found["refused"]) == (None, 400)
