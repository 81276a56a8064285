"""Lambda functions as subprocesses of this Python, told where the local clouds answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core import lambda_runtime

from isthmus.errors import Refused
from isthmus.local.aws import roles

_spawn = lambda_runtime.Worker._spawn


def install(environment: Mapping[str, str]) -> None:
    """Start functions with `environment` over their own.

    A function is deployed with the URLs of the real clouds. On this machine those names lead elsewhere, as
    a resolver would have it, and the function is none the wiser. Its role must trust Lambda.
    """

    def spawn(worker: lambda_runtime.Worker) -> None:
        _require_trust(worker.config)
        own = worker.config.get("Environment", {}).get("Variables", {})
        worker.config = worker.config | {"Environment": {"Variables": own | dict(environment)}}
        _spawn(worker)

    lambda_runtime.Worker._spawn = spawn


def _require_trust(config: Mapping[str, Any]) -> None:
    try:
        roles.service_credentials(config["Role"], "lambda.amazonaws.com", config["FunctionName"])
    except Refused:
        raise RuntimeError("The role defined for the function cannot be assumed by Lambda.") from None
