"""Lambda functions as subprocesses of this Python, told where the local clouds answer."""

from __future__ import annotations

from collections.abc import Mapping

from ministack.core import lambda_runtime

_spawn = lambda_runtime.Worker._spawn


def install(environment: Mapping[str, str]) -> None:
    """Start functions with `environment` over their own.

    A function is deployed with the URLs of the real clouds. On this machine those names lead elsewhere, as
    a resolver would have it, and the function is none the wiser.
    """

    def spawn(worker: lambda_runtime.Worker) -> None:
        own = worker.config.get("Environment", {}).get("Variables", {})
        worker.config = worker.config | {"Environment": {"Variables": own | dict(environment)}}
        _spawn(worker)

    lambda_runtime.Worker._spawn = spawn
