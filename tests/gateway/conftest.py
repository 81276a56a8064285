"""A SageMaker runtime that answers as a test says, and the event that API Gateway gives the Lambda."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import endpoint
from gateway.handler import handle

ROLE = "Predict"
Answer = dict[str, Any]


@dataclass
class Runtime:
    """What the next call is answered with, and what was asked."""

    status: int = 200
    code: str = ""
    body: Any = field(default_factory=lambda: {"predictions": [0.25]})
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def says(self, status: int, code: str, **body: Any) -> None:
        self.status, self.code, self.body = status, code, body


@pytest.fixture(scope="module")
def server() -> Iterator[Runtime]:
    """One for all tests, as the function has one client for all requests: to make it takes half a second."""
    one = Runtime()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            rows = self.rfile.read(int(self.headers["content-length"]))
            one.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, rows))
            answer = one.body if isinstance(one.body, bytes) else json.dumps(one.body).encode()
            self.send_response(one.status)
            if one.code:
                self.send_header("x-amzn-errortype", one.code)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    endpoint._runtime.cache_clear()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": f"http://127.0.0.1:{http.server_port}",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "ROLE": ROLE,
            "RESERVED_IDS": "isthmus-gate-",
        }.items():
            environment.setenv(name, value)
        yield one
    endpoint._runtime.cache_clear()
    http.shutdown()
    http.server_close()


@pytest.fixture
def runtime(server: Runtime) -> Runtime:
    fresh = Runtime()
    server.status, server.code, server.body, server.asked = 200, "", fresh.body, fresh.asked
    return server


def event(
    rows: str = "1,2\n",
    *,
    model: str = "rain",
    headers: dict[str, str] | None = None,
    roles: str | None = "[Predict]",
    **other: Any,
) -> dict[str, Any]:
    """As an HTTP API with a JWT authorizer makes it (payload format 2.0)."""
    claims = {"azp": "caller-1"} | ({"roles": roles} if roles else {})
    return {
        "version": "2.0",
        "routeKey": "POST /models/{model}/predictions",
        "headers": {"content-type": "text/csv"} | (headers or {}),
        "pathParameters": {"model": model},
        "requestContext": {"requestId": "r-1", "authorizer": {"jwt": {"claims": claims, "scopes": []}}},
        "body": rows,
        "isBase64Encoded": False,
    } | other


Call = Callable[..., tuple[int, Answer]]


@pytest.fixture
def call(runtime: Runtime) -> Call:
    def answer(given: dict[str, Any] | None = None, **parts: Any) -> tuple[int, Answer]:
        said = handle(given or event(**parts), SimpleNamespace(aws_request_id="lambda-1"))
        assert said["headers"]["Content-Type"] == "application/json"
        return said["statusCode"], json.loads(said["body"])

    return answer
