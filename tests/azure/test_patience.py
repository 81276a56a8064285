"""How often each kind of request is sent to an Azure DevOps that says it has had too many."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from isthmus.azure import patience
from isthmus.azure.client import Client
from isthmus.errors import Unavailable

# What answers here is no Azure DevOps, only how often it turns away.
pytestmark = pytest.mark.undescribed


class Crowded(ThreadingHTTPServer):
    """Answers `status` so many times, and then well; keeps the methods that it was asked."""

    status, times, retry_after = 429, 2, "0"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[str] = []

    @property
    def client(self) -> Client:
        return Client(f"http://127.0.0.1:{self.server_port}/contoso", "weather", "token")


class _Answer(BaseHTTPRequestHandler):
    server: Crowded

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.command)
        refused = len(self.server.asked) <= self.server.times
        body = b'{"message": "too many"}' if refused else b"{}"
        self.send_response(self.server.status if refused else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if refused:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_PATCH = do_POST = _answer

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def crowded() -> Iterator[Crowded]:
    server = Crowded()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_what_was_turned_away_is_asked_again(crowded: Crowded, method: str) -> None:
    assert crowded.client.call(method, "x", None, "7.1") == {}
    assert crowded.asked == [method] * 3


def test_a_post_is_sent_once(crowded: Crowded) -> None:
    with pytest.raises(Unavailable, match="429: too many"):
        crowded.client.post("x", {})
    assert crowded.asked == ["POST"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_what_may_have_been_done_is_not_done_again(crowded: Crowded, method: str) -> None:
    crowded.status = 503
    with pytest.raises(Unavailable, match="503"):
        crowded.client.call(method, "x", {}, "7.1")
    assert crowded.asked == [method]


def test_patience_ends(crowded: Crowded, monkeypatch: pytest.MonkeyPatch) -> None:
    crowded.times, crowded.retry_after = 99, "3600"
    monkeypatch.setattr(patience, "LONGEST_SECONDS", 0.0)
    with pytest.raises(Unavailable, match="429: too many"):
        crowded.client.get("x")
    assert len(crowded.asked) == 1 + patience.TIMES
