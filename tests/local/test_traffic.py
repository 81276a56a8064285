"""Rows that come later, as the demo sends them to an endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import boto3
import pytest

from isthmus.build.table import Table
from isthmus.config import ModelConfig
from isthmus.local import traffic
from tests.own_models import COINS


@dataclass
class Endpoint:
    """A runtime that predicts 1; who connected to it, and what each request asked."""

    url: str = ""
    connected: list[object] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    found = Endpoint()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            found.connected.append(self.client_address)
            super().setup()

        def do_POST(self) -> None:
            found.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"1\n")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def test_however_many_rows_come_they_need_no_more_connections_than_ask_at_a_time(endpoint: Endpoint) -> None:
    config = ModelConfig.model_validate(COINS)
    rows = [[str(number), "1", "0"] for number in range(60)]
    runtime = boto3.client(
        "sagemaker-runtime",
        region_name="eu-west-1",
        endpoint_url=endpoint.url,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    assert traffic.send(runtime, config, traffic.Later(Table(["height", "spin", "heads"], rows))) == 60
    assert sorted(endpoint.asked) == sorted(f"height,spin\n{number},1\n" for number in range(60))
    assert len(endpoint.connected) <= traffic.WORKERS
