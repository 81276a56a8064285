"""Endpoints, and the API before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from isthmus.config import Platform


ENDPOINT_KINDS: tuple[Literal["realtime", "serverless", "async"], ...] = ("realtime", "serverless", "async")
"""The ways to serve that have an endpoint."""


def endpoint(model: str, kind: str = "realtime") -> str:
    """A model's endpoint, by how it serves: SageMaker makes few kinds of another, so each has its own."""
    return model if kind == "realtime" else f"{model}-{kind}"


def endpoints(model: str) -> list[str]:
    """A model's endpoint, whichever way it serves."""
    return [endpoint(model, kind) for kind in ENDPOINT_KINDS]


def shared_endpoint(name: str) -> str:
    """An endpoint that models share, by its name in platform.yaml; no model's is called so."""
    return f"{name}-shared"


def component(model: str) -> str:
    """The inference component of a model on a shared endpoint."""
    return model


VARIANT = "AllTraffic"
"""The variant of an endpoint that serves; captures and metrics are filed under it."""

CHALLENGER = "Challenger"
"""The variant of a version that is compared with the one that serves."""

GATE_PREFIX = "isthmus-gate-"
"""What the inference ids of gates' requests start with: they are captured too, and are no traffic."""


def api(platform: Platform) -> str:
    """Serving: the API before the endpoints, and its firewall."""
    return f"{platform.name}-api"


def gateway(platform: Platform) -> str:
    """Serving: the function behind the API, and its role."""
    return f"{platform.name}-gateway"
