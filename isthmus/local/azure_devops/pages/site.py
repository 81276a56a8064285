"""Which page stands at which address, and who is shown it: nobody signs in, so only this machine is answered.

Everything that changes something goes over the API, which asks who one is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from isthmus.local.azure_devops.faults import Fault, not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.pages import project, pull_request, repository, run
from isthmus.local.azure_devops.pages.page import Asked, Page
from isthmus.local.azure_devops.pages.rendering import Rendering

STYLE = Path(__file__).parent / "style.css"
STYLE_PATH = "_static/style.css"
# Only our own style is loaded, pictures stand in the page, no script runs, and no other site may frame it.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
NAME = r"[^/_][^/]*"
ROUTES: tuple[tuple[str, Callable[[Asked], Page]], ...] = (
    (r"", project.every),
    (rf"(?P<project>{NAME})", project.one),
    (rf"(?P<project>{NAME})/_build(/definition)?", project.runs),
    (rf"(?P<project>{NAME})/_build/results", run.one),
    (rf"(?P<project>{NAME})/_git/(?P<repository>{NAME})", repository.one),
    (
        rf"(?P<project>{NAME})/_git/(?P<repository>{NAME})/commit/(?P<commit>[0-9a-f]{{7,40}})",
        repository.commit,
    ),
    (rf"(?P<project>{NAME})/_git/(?P<repository>{NAME})/pullrequest/(?P<number>\d+)", pull_request.one),
)


def is_asked_by(request: Request, path: str) -> bool:
    """Whether a browser asks for a page: neither the API nor git is asked so."""
    if request.method not in ("GET", "HEAD") or "_apis" in path.split("/"):
        return False
    return path == STYLE_PATH or "text/html" in request.headers.get("accept", "")


@dataclass(frozen=True)
class Site:
    """The pages of one organization."""

    organization: Organization

    @cached_property
    def rendering(self) -> Rendering:
        return Rendering(self.organization)

    async def answer(self, request: Request, path: str) -> Response:
        """The page at `path` (below the organization); a page that says so where there is none."""
        if not LOOPBACK.fullmatch(request.headers.get("host", "")):
            return PlainTextResponse("These pages are for this machine only.", 403, HEADERS)
        if path == STYLE_PATH:
            return Response(STYLE.read_bytes(), 200, HEADERS, "text/css; charset=utf-8")
        # Pages read git and files, so others need not wait for them.
        status, text = await run_in_threadpool(self._page, path.strip("/"), dict(request.query_params))
        return HTMLResponse(text, status, HEADERS)

    def _page(self, path: str, query: Mapping[str, str]) -> tuple[int, str]:
        try:
            return 200, self.rendering.page(_find(self.organization, path, query))
        except Fault as fault:
            missing: dict[str, Any] = {"message": fault.message}
            return fault.status, self.rendering.page(Page("fault.html", "Not here", (), missing))


def _find(organization: Organization, path: str, query: Mapping[str, str]) -> Page:
    for pattern, view in ROUTES:
        found = re.fullmatch(pattern, path)
        if found:
            return view(Asked(organization, found.groupdict(), {k.lower(): v for k, v in query.items()}))
    raise not_found(f"The local Azure DevOps has no page at {path!r}.")
