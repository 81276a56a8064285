"""The stand-in against the whole of what Microsoft describes: no request makes it stumble."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as some

from isthmus.local.azure_devops.recording import FOLDER
from tests.contract import specs
from tests.contract.azure_documents import ERROR
from tests.contract.azure_swagger import Operation, Swagger, swagger
from tests.local.azure_devops.standin import ORGANIZATION, PROJECT, StandIn, running

JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(max_size=12),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ODD = [
    "0",
    "-1",
    "1",
    "9" * 30,
    "x",
    "%00",
    "a b",
    "..",
    "%F0%9F%8C%A7",
    "refs/heads/main",
    "00000000-0000-0000-0000-000000000000",
]


@pytest.fixture(scope="module")
def description() -> Swagger:
    return swagger(specs.need("azure-devops"))


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One that records nothing: it is asked what no description has."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(FOLDER, raising=False)
        with running(tmp_path_factory.mktemp("azure")) as found:
            found.person("admin").post("/_apis/projects", {"name": PROJECT, "capabilities": {}})
            yield found


@pytest.fixture(scope="module")
def session(standin: StandIn) -> requests.Session:
    admin = standin.person("admin")
    admin.post("git/repositories", {"name": "1"})
    admin.commit("1", {"azure-pipelines.yml": "trigger: none\nsteps: [{bash: 'true'}]\n"})
    admin.pipeline("1", "1")
    admin.post("distributedtask/environments", {"name": "1", "description": ""})
    found = requests.Session()
    found.auth = ("", standin.token("admin"))
    return found


def served(description: Swagger, standin: StandIn) -> list[Operation]:
    """The described operations that the stand-in has a route for."""
    listed = standin.person("admin").ask("OPTIONS", "/_apis").json()["value"]
    templates = [one["routeTemplate"].partition("_apis/")[2].lower() for one in listed]
    routes = {re.sub(r"\{[^}]*\}", "*", one) for one in templates}
    found = []
    for operation in description.operations:
        inner = (
            re.sub(r"\[\^/\]\+", "*", operation.pattern.pattern.replace("\\", ""))
            .partition("_apis/")[2]
            .lower()
        )
        if {inner, inner + "/*"} & routes:
            found.append(operation)
    return found


def test_most_of_what_isthmus_uses_is_served(description: Swagger, standin: StandIn) -> None:
    ids = {one.id for one in served(description, standin)}
    assert {
        "Runs_Run Pipeline",
        "Preview_Preview",
        "Approvals_Query",
        "Approvals_Update",
        "Check Configurations_Add",
        "Pipeline Permissions_Update Pipeline Permisions For Resource",
        "Oidctoken_Create",
        "Environments_Add",
        "Endpoints_Create",
        "Pushes_Create",
        "Pull Requests_Update",
        "Builds_List",
        "Timeline_Get",
        "Configurations_Create",
    } <= ids


@pytest.mark.undescribed
@settings(
    max_examples=200,
    derandomize=True,
)
@given(data=some.data())
def test_no_request_makes_it_stumble(
    data: some.DataObject, description: Swagger, standin: StandIn, session: requests.Session
) -> None:
    operation = data.draw(some.sampled_from(_served(description, standin)), "operation")
    path = _path(operation, lambda: data.draw(some.sampled_from(ODD)))
    method = data.draw(some.sampled_from([operation.method, operation.method, "GET", "POST", "PATCH", "PUT"]))
    query = data.draw(some.dictionaries(some.sampled_from(_QUERY), some.sampled_from(ODD), max_size=3))
    body = data.draw(JSON | some.just(_plausible(operation, description)))
    answer = session.request(
        method,
        f"{standin.url}{path}",
        params=query,
        json=body,
        headers={"Accept": "application/json"},
        timeout=60,
    )
    assert answer.status_code < 500, (
        f"{method} {path} {query} {body}: {answer.status_code} {answer.text[:300]}"
    )
    if answer.status_code >= 400:
        assert set(ERROR["required"]) <= set(answer.json()), answer.text


_QUERY = [
    "$top",
    "$skip",
    "state",
    "definitions",
    "searchCriteria.status",
    "path",
    "artifactId",
    "resourceType",
    "resourceId",
    "versionDescriptor.version",
    "continuationToken",
    "minTime",
    "name",
    "nonsense",
]
_KNOWN: dict[int, list[Operation]] = {}


def _served(description: Swagger, standin: StandIn) -> list[Operation]:
    return _KNOWN.setdefault(id(standin), served(description, standin))


def _path(operation: Operation, draw: Any) -> str:
    plain = operation.pattern.pattern.replace("\\", "").replace("(/[^/]+)?", "/[^/]+")
    plain = plain.replace("[^/]+", ORGANIZATION, 1)
    if "[^/]+/_apis" in plain:
        plain = plain.replace("[^/]+", PROJECT, 1)
    while "[^/]+" in plain:
        plain = plain.replace("[^/]+", draw(), 1)
    return plain


def _plausible(operation: Operation, description: Swagger, depth: int = 3) -> Any:
    """A body with the described keys, and one value of each described type."""
    definitions = description._documents[operation.file]["definitions"]

    def value(schema: dict[str, Any], left: int) -> Any:
        if "$ref" in schema:
            schema = definitions[schema["$ref"].rpartition("/")[2]]
        if "enum" in schema:
            return schema["enum"][-1]
        if schema.get("type") == "array":
            return [value(schema["items"], left - 1)] if left else []
        if "properties" in schema:
            return {key: value(one, left - 1) for key, one in schema["properties"].items()} if left else {}
        return {"string": "1", "integer": 1, "boolean": True, "number": 0.5}.get(schema.get("type", ""), {})

    return value(operation.body, depth) if operation.body else {}


def test_malformed_json_and_unknown_routes(standin: StandIn, session: requests.Session) -> None:
    base = f"{standin.organization_url}/{PROJECT}/_apis"
    for content in (b"{", b"\xff", b"[" * 5000, b"null", b""):
        answer = session.post(f"{base}/pipelines", data=content, timeout=60)
        assert answer.status_code == 400, content
    unknown = session.get(f"{base}/wiki/wikis", timeout=60)
    assert (unknown.status_code, json.loads(unknown.content)["typeKey"]) == (
        404,
        "VssResourceNotFoundException",
    )
    assert "wiki" in unknown.json()["message"]
    assert session.delete(f"{base}/pipelines", timeout=60).status_code == 405
    assert session.get(f"{standin.url}/elsewhere/_apis/projects", timeout=60).status_code == 404
