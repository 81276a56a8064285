"""`serve`: the entry point of endpoints; answers /ping and /invocations with the model under /opt/ml/model.

The model's own code is `code/serving/inference.py` beside the artifact: `features(folder)` names the columns
and their kind, `model_fn(folder)` loads the model, and `predict_fn(frame, model)` takes a data frame of the
feature columns and returns one value a row.
Contract: SageMaker's "Use your own inference code with hosting services".
"""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isthmus.container import payload
from isthmus.container.artifact import inference, missing_marks
from isthmus.container.paths import model_dir
from isthmus.errors import BadInput, Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# SageMaker refuses larger requests to realtime endpoints before they reach the container.
LARGEST_REQUEST = 6 * 1024 * 1024


def application(folder: Path) -> Starlette:
    """The web application that serves the model in `folder`."""
    code = inference(folder)
    features: dict[str, str] = code.features(folder)
    missing = frozenset(missing_marks(folder))

    @asynccontextmanager
    async def loaded(app: Starlette) -> AsyncIterator[None]:
        app.state.model = await run_in_threadpool(code.model_fn, folder)
        yield

    async def ping(_request: Request) -> Response:
        return Response(status_code=200)

    async def invocations(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _refusal(f"the request is larger than {LARGEST_REQUEST} bytes", 413)
        try:
            kind = request.headers.get("content-type", "text/csv")
            frame = payload.read(body, kind, features, missing)
            predictions = await run_in_threadpool(code.predict_fn, frame, request.app.state.model)
        except BadInput as problem:
            return _refusal(problem.what, 400)
        return _answer(predictions, request.headers.get("accept", "text/csv"))

    routes = [Route("/ping", ping), Route("/invocations", invocations, methods=["POST"])]
    return Starlette(routes=routes, lifespan=loaded)


def _answer(predictions: Any, accept: str) -> Response:
    content, media_type = payload.write(list(predictions), accept)
    return Response(content, media_type=media_type)


def _refusal(message: str, status: int) -> Response:
    return Response(message + "\n", status_code=status, media_type="text/plain")


async def _body(request: Request) -> bytes | None:
    """The request's body, or None as soon as it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_REQUEST:
            return None
    return bytes(body)


def main() -> None:
    """Serve until SIGTERM, then finish the requests under way."""
    import uvicorn

    # A request has few rows: threads of one prediction only wait for each other. Requests run side by side.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    host = os.environ.get("ISTHMUS_BIND_HOST", "0.0.0.0")  # noqa: S104  SageMaker calls from outside the container
    try:
        served = application(model_dir())
    except Problem as problem:
        sys.exit(f"serve: {problem}")
    uvicorn.run(served, host=host, port=port, log_level="warning", timeout_graceful_shutdown=10)
