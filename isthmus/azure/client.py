"""Azure DevOps over REST: one session, signed in by the environment, whose refusals are `Problem`s.

Microsoft's own client is used where it has the call (`microsoft`); this one is for approvals, checks, and
all that must start quickly.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from isthmus.errors import BadInput, NotFound, Problem, Refused, Unavailable

if TYPE_CHECKING:
    import requests
    from azure.devops.connection import Connection

    from isthmus.config import Platform

VERSION = "7.1"
TIMEOUT = (5, 60)
TOKENS = ("AZURE_DEVOPS_TOKEN", "SYSTEM_ACCESSTOKEN")


@dataclass(frozen=True)
class Client:
    """One project of one organization, as one principal. `token` is a PAT, or a bearer token of Entra."""

    organization_url: str
    project: str
    token: str

    @property
    def project_url(self) -> str:
        """Of the project, whose name may hold a space, an accent or a percent sign."""
        return f"{self.organization_url}/{quote(self.project, safe='')}"

    def get(self, path: str, *, version: str = VERSION, **query: str | int) -> Any:
        return self.call("GET", path, None, version, query)

    def every(self, path: str, *, version: str = VERSION, **query: str | int) -> list[dict[str, Any]]:
        """All of a list, over as many pages as it has."""
        found: list[dict[str, Any]] = []
        while True:
            response = self._send("GET", path, None, version, query)
            found += _content(response)["value"]
            more = response.headers.get("x-ms-continuationtoken")
            if not more:
                return found
            query["continuationToken"] = more

    def post(self, path: str, body: object, *, version: str = VERSION) -> Any:
        return self.call("POST", path, body, version)

    def patch(self, path: str, body: object, *, version: str = VERSION) -> Any:
        return self.call("PATCH", path, body, version)

    def put(self, path: str, body: object, *, version: str = VERSION) -> Any:
        return self.call("PUT", path, body, version)

    def delete(self, path: str, *, version: str = VERSION, **query: str | int) -> None:
        self.call("DELETE", path, None, version, query)

    def call(
        self, method: str, path: str, body: object, version: str, query: dict[str, str | int] | None = None
    ) -> Any:
        """One request below `{organization}/{project}/_apis/`; its answer, None when that is empty.

        A path that begins with `/` is below `{organization}/_apis/`.
        Raises `Refused` (not signed in, not allowed, conflict), `NotFound`, `BadInput` or `Unavailable`.
        """
        return _content(self._send(method, path, body, version, query or {}))

    def text(self, path: str) -> str:
        """A text, such as a log."""
        return self._send("GET", path, None, VERSION, {}, accept="text/plain").text

    def content(self, url: str) -> bytes:
        """What lies at a URL that Azure DevOps gave, such as an artifact's; the caller trusts its host."""
        return self._ask("GET", url, None, {}, "application/zip").content

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        version: str,
        query: dict[str, str | int],
        accept: str = "application/json",
    ) -> requests.Response:
        base = self.organization_url if path.startswith("/") else self.project_url
        url = f"{base}/_apis/{path.removeprefix('/')}"
        return self._ask(method, url, body, query | {"api-version": version}, accept)

    def _ask(
        self, method: str, url: str, body: object, query: dict[str, str | int], accept: str
    ) -> requests.Response:
        import requests

        try:
            response = self._session.request(
                method,
                url,
                params=query,
                json=body,
                headers={"Accept": accept},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unavailable(f"no answer from Azure DevOps: {error}", where=url) from None
        _raise_for(response, url)
        return response

    @cached_property
    def _session(self) -> requests.Session:
        import requests
        from requests.adapters import HTTPAdapter

        from isthmus.azure.patience import patience

        session = requests.Session()
        session.auth = self._sign
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=patience()))
        return session

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Signs in by the token: as `auth`, so that no .netrc takes its place."""
        request.headers["Authorization"] = authorization(self.token)
        return request

    @cached_property
    def microsoft(self) -> Connection:
        """Microsoft's own Python client, on the same organization and token."""
        _give_cache_folder()
        from azure.devops.connection import Connection
        from msrest.authentication import BasicAuthentication, BasicTokenAuthentication

        credentials: Any = BasicAuthentication("", self.token)
        if is_bearer(self.token):
            credentials = BasicTokenAuthentication({"access_token": self.token})
        return Connection(base_url=self.organization_url, creds=credentials, user_agent="isthmus")


def connect(platform: Platform, token: str | None = None) -> Client:
    """A client of the platform's project, by the token given or that of the environment.

    Raises `Refused` when there is none.
    """
    found = token or next((os.environ[name] for name in TOKENS if os.environ.get(name)), "")
    if not found:
        raise Refused(
            "not signed in to Azure DevOps: there is no token in the environment",
            todo=f"set {TOKENS[0]} (in a pipeline's step: env: {TOKENS[1]}: $(System.AccessToken))",
        )
    return Client(platform.azure.organization_url.rstrip("/"), platform.azure.project, found)


def signed_in() -> Client:
    """A client of the project of this folder's platform; raises `Refused` where nobody is signed in."""
    from isthmus.config import read_platform

    return connect(read_platform())


def authorization(token: str) -> str:
    """The header's value: bearer for a token of Entra, basic for a PAT."""
    import base64

    if is_bearer(token):
        return f"Bearer {token}"
    return "Basic " + base64.b64encode(f":{token}".encode()).decode()


def is_bearer(token: str) -> bool:
    return token.count(".") == 2


def not_signed_in(where: str) -> Refused:
    return Refused(
        "Azure DevOps does not accept the token: it is wrong, has expired, or is for another organization",
        where=where,
        todo=f"set {TOKENS[0]} anew; a token of Entra lives for about an hour",
    )


def _raise_for(response: requests.Response, url: str) -> None:
    """Every answer but a good one is a `Problem`; a page to sign in at is not a good one."""
    page = "html" in response.headers.get("Content-Type", "").lower()
    if response.status_code in (203, 302, 401) or page:
        raise not_signed_in(url)
    if response.ok:
        return
    kinds: dict[int, type[Problem]] = {
        400: BadInput,
        403: Refused,
        404: NotFound,
        409: Refused,
        429: Unavailable,
    }
    fallback = Unavailable if response.status_code >= 500 else Problem
    kind = kinds.get(response.status_code, fallback)
    raise kind(f"Azure DevOps answers {response.status_code}: {_message(response)}", where=url)


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200] or response.reason


def _content(response: requests.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise Unavailable("Azure DevOps answers something that is not JSON", where=response.url) from None


def _give_cache_folder() -> None:
    """Importing Microsoft's client makes a folder, by default below a home that may not be writable."""
    if "AZURE_DEVOPS_CACHE_DIR" not in os.environ:
        import atexit
        import shutil
        import tempfile

        folder = os.environ["AZURE_DEVOPS_CACHE_DIR"] = tempfile.mkdtemp(prefix="azure-devops-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
