"""Every exchange with Azure DevOps in a test, held against Microsoft's description of it.

Of what goes by `requests` (our client's, Microsoft's Python client's, the tests' own) and by `urllib3` alone
(the bridge's) to `.../_apis/...`, the first 500 of each test; what programs exchange that a test starts is
held against it when all tests have ended (`session`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import urllib3

from tests.contract.azure_swagger import Exchange, swagger

MARK = "/_apis/"
# Of one test: a property test of the bridge makes tens of thousands, all of a few shapes.
MOST = 500


@contextmanager
def described(folder: Path) -> Iterator[None]:
    """Fails with the first ten things that are not as described, once the block is over."""
    seen: list[Exchange] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", _sending(seen))
        patch.setattr(urllib3.PoolManager, "urlopen", _opening(seen))
        yield
    problems = [problem for one in dict.fromkeys(seen) for problem in swagger(folder).problems(one)]
    assert not problems, "\n".join(problems[:10])


def _sending(seen: list[Exchange]) -> object:
    send = requests.Session.send

    def recorded(
        self: requests.Session, request: requests.PreparedRequest, **more: object
    ) -> requests.Response:
        response = send(self, request, **more)  # type: ignore[arg-type]
        if MARK in str(request.url) and len(seen) < MOST:
            seen.append(Exchange.of(response))
        return response

    return recorded


def _opening(seen: list[Exchange]) -> object:
    urlopen = urllib3.PoolManager.urlopen

    def recorded(
        self: urllib3.PoolManager, method: str, url: str, redirect: bool = True, **more: object
    ) -> urllib3.BaseHTTPResponse:
        response = urlopen(self, method, url, redirect, **more)
        if MARK in url and len(seen) < MOST and more.get("preload_content", True):
            sent = more.get("body") or b""
            body = sent.encode() if isinstance(sent, str) else bytes(sent)  # type: ignore[call-overload]
            kind = response.headers.get("Content-Type", "")
            seen.append(Exchange(method, url, body, response.status, kind, response.data))
        return response

    return recorded
