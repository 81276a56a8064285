"""Git over smart HTTP: git's own `http-backend` behind our sign-in, and what a push sets off."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from isthmus.local.azure_devops import gitcli
from isthmus.local.azure_devops.access import CONTRIBUTE, CREATE_BRANCH, may_in, reaches
from isthmus.local.azure_devops.faults import Fault
from isthmus.local.azure_devops.organization import NOTHING, Organization, RefUpdate, enabled, no_repository
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.store import Document

SERVICES = ("git-upload-pack", "git-receive-pack")


async def serve(organization: Organization, principal: Principal, request: Request, path: str) -> Response:
    """Answer `{project}/_git/{repository}/...`, or `_git/{repository}/...` where both have one name."""
    project, _, rest = path.partition("_git/")
    name, _, inner = rest.partition("/")
    try:
        found = organization.project(project.strip("/") or name)
        repository = enabled(organization.repository(name.removesuffix(".git"), found), name)
        if not reaches(principal, repository):
            raise no_repository(name)
    except Fault as fault:
        return PlainTextResponse(fault.message, 404)
    service = request.query_params.get("service", "") if inner == "info/refs" else inner
    if service not in SERVICES:
        return PlainTextResponse("Clone this URL with git.", 404)
    pushing = service == "git-receive-pack"
    if pushing and request.method == "POST":
        return await _push(organization, repository, principal, request)
    return await _backend(organization.git(repository), principal, request, inner, await _body(request))


async def _push(
    organization: Organization, repository: Document, principal: Principal, request: Request
) -> Response:
    folder, body = organization.git(repository), await _body(request)
    try:
        wanted = moved_by(body)
    except ValueError:
        return PlainTextResponse("This is no push of git's.", 400)
    for ref in wanted:
        if not gitcli.is_ref(ref):
            return PlainTextResponse(f"{ref} is no branch, tag or note.", 400)
        if not may_in(organization, principal, repository, CONTRIBUTE | CREATE_BRANCH, ref):
            told = f"TF401027: You need the Git 'GenericContribute' permission to push {ref}."
            return PlainTextResponse(told, 403)
    before = await asyncio.to_thread(gitcli.refs, folder)
    response = await _backend(folder, principal, request, "git-receive-pack", body)
    after = await asyncio.to_thread(gitcli.refs, folder)
    moved = [
        RefUpdate(name, before.get(name, NOTHING), after.get(name, NOTHING))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and not name.startswith("refs/pull/")
    ]
    if moved:
        await asyncio.to_thread(organization.refs_updated, repository, principal, moved)
    return response


def moved_by(body: bytes) -> list[str]:
    """The refs that a push asks to move, as its first lines say; raises `ValueError` where they are none.

    https://git-scm.com/docs/pack-protocol#_reference_update_request_and_packfile_transfer
    """
    stream, found = io.BytesIO(body), []
    while length := int(stream.read(4), 16):
        line = stream.read(length - 4).partition(b"\0")[0].decode().rstrip("\n")
        if not line.startswith("shallow "):
            _old, _new, name = line.split(" ", 2)
            found.append(name)
    return found


async def _body(request: Request) -> bytes:
    body = await request.body()
    return gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body


async def _backend(folder: Path, principal: Principal, request: Request, inner: str, body: bytes) -> Response:
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=gitcli.ENVIRONMENT | _cgi(folder, principal, request, inner, len(body)),
    )
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise RuntimeError("git http-backend was started without pipes")
    feeding = asyncio.create_task(_feed(stdin, body))
    status, headers = await _head(stdout)
    if inner == "git-receive-pack":
        # The push must be over before its consequences are looked for.
        content = await stdout.read()
        await feeding
        await process.wait()
        return Response(content, status, headers)
    return StreamingResponse(_rest(process, stdout, feeding), status, headers)


def _cgi(folder: Path, principal: Principal, request: Request, inner: str, length: int) -> dict[str, str]:
    return {
        "GIT_PROJECT_ROOT": str(folder.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{folder.name}/{inner}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.url.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(length),
        "REMOTE_USER": principal.name,
        "REMOTE_ADDR": "127.0.0.1",
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
    }


async def _feed(stdin: asyncio.StreamWriter, body: bytes) -> None:
    if stdin.is_closing():
        # Git wanted nothing, and is over already.
        return
    try:
        stdin.write(body)
        await stdin.drain()
        stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        # Git has read all that it wanted, or given up; its answer says which.
        pass


async def _head(stdout: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    headers: dict[str, str] = {}
    while line := (await stdout.readline()).decode("latin-1").strip():
        key, _, value = line.partition(":")
        headers[key.strip()] = value.strip()
    status = headers.pop("Status", "200 OK" if headers else "500 git failed")
    return int(status.split()[0]), headers


async def _rest(
    process: asyncio.subprocess.Process, stdout: asyncio.StreamReader, feeding: asyncio.Task[None]
) -> AsyncIterator[bytes]:
    try:
        while chunk := await stdout.read(65536):
            yield chunk
        await feeding
    except BaseException:
        # The client has gone: git need not go on, if it still does.
        with suppress(ProcessLookupError):
            process.kill()
        raise
    finally:
        await process.wait()
