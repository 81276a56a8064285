"""What other processes exchange with the stand-in is recorded as it was, and judged when a session ends."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from isthmus.local.azure_devops.recording import FOLDER
from tests.contract import recorded, specs
from tests.contract.azure_swagger import Exchange, Swagger, swagger
from tests.local.azure_devops.standin import ORGANIZATION, running

PROJECT = {"name": "Wetter für alle", "capabilities": {}}
# A process of its own, as a pipeline's job is: it sends what is in its arguments.
ASK = """
import json, sys, urllib.error, urllib.request
url, body = sys.argv[1:]
signed = {"Authorization": "Bearer " + sys.stdin.read(), "Content-Type": "application/json"}
try:
    urllib.request.urlopen(urllib.request.Request(url, body.encode() or None, signed)).read()
except urllib.error.HTTPError as refused:
    refused.read()
"""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a stand-in recorded that two other processes asked, one of them twice, before it was killed."""
    folder = tmp_path_factory.mktemp("records")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(FOLDER, str(folder))
        with running(tmp_path_factory.mktemp("azure")) as standin:
            for path, body in (
                ("projects?api-version=7.1", json.dumps(PROJECT)),
                ("resourceAreas", ""),
                ("resourceAreas", ""),
                ("projects/absent", ""),
            ):
                subprocess.run(
                    [sys.executable, "-c", ASK, f"{standin.organization_url}/_apis/{path}", body],
                    input=standin.token("admin").encode(),
                    check=True,
                )
            standin.kill()
    return folder


@pytest.fixture(scope="module")
def description() -> Swagger:
    return swagger(specs.need("azure-devops"))


def test_each_exchange_is_there_once_and_no_token(records: Path) -> None:
    made, areas, absent = recorded.exchanges(records)
    assert (made.method, made.url) == ("POST", f"/{ORGANIZATION}/_apis/projects?api-version=7.1")
    assert (json.loads(made.sent), made.status, areas.status, absent.status) == (PROJECT, 200, 200, 404)
    assert json.loads(areas.received) == {"count": 0, "value": []}
    assert b"uthorization" not in b"".join(file.read_bytes() for file in records.iterdir())


def test_half_a_line_of_a_killed_server_is_left_out(records: Path, tmp_path: Path) -> None:
    (whole,) = records.iterdir()
    (tmp_path / "1.jsonl").write_bytes(whole.read_bytes()[:-5])
    assert len(list(recorded.exchanges(tmp_path))) == 2


def test_what_is_not_as_described_is_named(records: Path, description: Swagger, tmp_path: Path) -> None:
    problems, unused = recorded.judged(records, description)
    assert not problems
    assert "GET connectionData" in unused
    assert "GET resourceAreas" not in unused
    made, areas, absent = recorded.exchanges(records)
    write(
        tmp_path,
        replace(made, sent=b'{"name": 1}'),
        replace(made, url=made.url + "&colour=red"),
        replace(made, received=b'{"id": 5}'),
        replace(made, status=201),
        replace(areas, url=f"/{ORGANIZATION}/_apis/wiki"),
        replace(absent, received=b"no"),
        replace(absent, status=503),
    )
    assert recorded.judged(tmp_path, description)[0] == [
        'POST /contoso/_apis/projects sent: name: 1 is not of type "string"',
        "POST /contoso/_apis/projects asked: colour is not described",
        'POST /contoso/_apis/projects answered 200: id: 5 is not of type "string"',
        "POST /contoso/_apis/projects answered 201: Projects_Create declares ['200']",
        "GET /contoso/_apis/wiki: Microsoft's description has no such operation",
        "GET /contoso/_apis/projects/absent answered 404: not JSON: b'no'",
        f"GET /contoso/_apis/projects/absent answered 503: {absent.received[:300]!r}",
    ]


def write(folder: Path, *exchanges: Exchange) -> None:
    lines = []
    for one in exchanges:
        bodies = {name: getattr(one, name).decode("latin-1") for name in ("sent", "received")}
        lines.append(json.dumps(asdict(one) | bodies) + "\n")
    (folder / "1.jsonl").write_text("".join(lines))
