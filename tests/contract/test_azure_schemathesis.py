"""schemathesis asks the stand-in all that Microsoft describes, as it is described: it does not stumble."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.config import SchemathesisConfig

from isthmus.local.azure_devops.recording import FOLDER
from isthmus.local.azure_devops.routing import Router
from isthmus.local.azure_devops.server import AREAS, STUMBLED
from tests.contract import specs
from tests.contract.azure_documents import ERROR, FILES, document
from tests.local.azure_devops.standin import ORGANIZATION, PROJECT, Person, StandIn, running

# Parts before wholes, and what is removed after all that is asked of it.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
EXAMPLES = 4
# Of the about 155 described operations that are served; the others name what this organization has not.
ANSWERED = 100
YAML = "trigger: none\njobs: [{job: never, condition: 'false', steps: [{bash: 'true'}]}]\n"
Known = dict[str, object]
Operation = schemathesis.APIOperation


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    """One that records nothing: names that nobody has stand in what it is asked."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(FOLDER, raising=False)
        with running(tmp_path) as found:
            found.person("admin").post("/_apis/projects", {"name": PROJECT, "capabilities": {}})
            yield found


@pytest.mark.undescribed
def test_no_described_request_makes_it_stumble(standin: StandIn) -> None:
    folder, admin = specs.need("azure-devops"), standin.person("admin")
    session, known = requests.Session(), furnished(admin)
    session.auth = ("", admin.token)
    answered, problems = set(), []

    def ask(case: schemathesis.Case) -> None:
        answer = case.call(session=session, timeout=60)
        if answer.status_code >= 500 or STUMBLED in answer.text:
            asked = f"{case.method} {case.formatted_path} {case.query} {case.body}"
            problems.append(f"{asked} answered {answer.status_code}: {answer.text[:300]}")
        elif answer.status_code < 300:
            answered.add(case.operation.label)

    asked = operations(folder, standin.url, known)
    for operation in asked:
        quick = settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        quick(given(operation.as_strategy())(ask))()
    assert not problems, "\n".join(problems[:10])
    assert len(answered) >= ANSWERED, f"{len(answered)} of {len(asked)}: {sorted(answered)}"


def furnished(admin: Person) -> Known:
    """What stands in the organization, by the names of parameters and of members of bodies."""
    admin.post("git/repositories", {"name": "code"})
    commit = admin.commit("code", {"azure-pipelines.yml": YAML})
    admin.commit("code", {"a": "a"}, "topic")
    pipeline = admin.pipeline("code", "code")
    run = admin.run(pipeline)["id"]
    asked = {"sourceRefName": "refs/heads/topic", "targetRefName": "refs/heads/main", "title": "t"}
    request = admin.post("git/repositories/code/pullrequests", asked)
    path = f"git/repositories/code/pullrequests/{request['pullRequestId']}"
    thread = admin.post(f"{path}/threads", {"comments": [{"content": "x"}]})
    place = admin.post("distributedtask/environments", {"name": "prod", "description": ""})["id"]
    project = request["repository"]["project"]["id"]
    shared = {"projectReference": {"id": project}, "name": "shared"}
    group = {"name": "shared", "variables": {}, "variableGroupProjectReferences": [shared]}
    return {
        "api-version": "7.1-preview",
        "organization": ORGANIZATION,
        "project": PROJECT,
        "projectId": project,
        "projectIds": project,
        "repositoryId": "code",
        "commitId": commit,
        "pullRequestId": request["pullRequestId"],
        "threadId": thread["id"],
        "commentId": thread["comments"][0]["id"],
        "reviewerId": request["createdBy"]["id"],
        "pushId": 1,
        "pipelineId": pipeline,
        "definitionId": pipeline,
        "definition": str(pipeline),
        "runId": run,
        "buildId": run,
        "environmentId": place,
        "resourceType": "environment",
        "resourceId": str(place),
        "groupId": admin.post("/_apis/distributedtask/variablegroups", group)["id"],
        "artifactId": f"vstfs:///CodeReview/CodeReviewId/{project}/{request['pullRequestId']}",
        "sourceRefName": "refs/heads/topic",
        "targetRefName": "refs/heads/main",
    }


def operations(folder: Path, url: str, known: Known) -> list[Operation]:
    """All that are described and served, in the order to ask them."""
    router = Router(resource for area in AREAS for resource in area.RESOURCES)
    config = SchemathesisConfig.from_dict({"base-url": url, "generation": {"deterministic": True}})
    found = []
    for name in FILES:
        described = document(folder, name)
        paths: dict[str, dict[str, Any]] = {}
        for path, methods in described["paths"].items():
            plain = path.partition("?")[0]
            route = router.find(plain.partition("/_apis")[2])
            while plain in paths:
                # Operations that differ in their query alone; to the stand-in a slash more is nothing.
                plain += "/"
            paths[plain] = {
                method: _narrowed(one, described["definitions"], known)
                for method, one in methods.items()
                if route and method.upper() in route.handlers
            }
        # Who asks is the session's to say.
        whole = described | {"paths": paths, "securityDefinitions": {}, "security": []}
        schema = schemathesis.openapi.from_dict(whole, config=config)
        found += [one.ok() for one in schema.get_all_operations()]
    return sorted(found, key=lambda one: (METHODS.index(one.method.upper()), -one.path.count("/")))


def _narrowed(operation: dict[str, Any], definitions: dict[str, Any], known: Known) -> dict[str, Any]:
    """The operation, about what is there; with whole bodies, as well as with some of their members."""
    for parameter in operation["parameters"]:
        name = parameter.get("name")
        if parameter.get("in") == "body":
            whole = definitions.get(parameter["schema"].get("$ref", "").rpartition("/")[2], {})
            if members := _known(whole.get("properties", {}), known):
                full = whole | {"properties": members, "required": sorted(members)}
                parameter["schema"] = {"anyOf": [parameter["schema"], full]}
        elif name in known:
            parameter["enum"] = [known[name]]
    operation["responses"]["default"] = {"description": "refused", "schema": ERROR}
    return operation | {"security": []}


def _known(members: dict[str, Any], known: Known) -> dict[str, Any]:
    return {name: one | {"enum": [known[name]]} if name in known else one for name, one in members.items()}
