"""The environment and the strategy of a deployment job, as they are written."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.local.pipelines.expressions import Scope
from isthmus.local.pipelines.fields import Fields, seeing
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Scalar, broken
from isthmus.local.pipelines.plan import HOOKS, LIFECYCLES, Hook, Lifecycle
from isthmus.local.pipelines.steps import read_steps
from isthmus.local.pipelines.templating import settle
from isthmus.local.pipelines.values import to_count

ENVIRONMENT = ("name", "resourceName", "resourceId", "resourceType", "tags")


@dataclass(frozen=True)
class Deployment:
    lifecycle: Lifecycle
    hooks: tuple[Hook, ...]
    increments: tuple[str, ...]
    max_parallel: str


def read_environment(fields: Fields) -> tuple[str, str]:
    """The environment's name, and the resource in it, often none."""
    part = settle(fields.part("environment"))
    if isinstance(part.node, Scalar):
        name, _, resource = part.node.text.partition(".")
    else:
        inner = Fields.open(part, fields.base)
        inner.allow("`environment`", ENVIRONMENT)
        name, resource = inner.text("name"), inner.text("resourceName")
    if not name:
        raise broken("a deployment needs an `environment`", fields.at)
    return name, resource


def read_deployment(fields: Fields, scope: Scope, library: Library) -> Deployment:
    strategy = Fields.open(fields.part("strategy"), fields.base)
    strategy.allow("`strategy` of a deployment", LIFECYCLES)
    name: Lifecycle | None = next((one for one in LIFECYCLES if one in strategy), None)
    if name is None:
        raise broken("a deployment needs a `strategy`: `runOnce`, `rolling` or `canary`", fields.at)
    inner = Fields.open(strategy.part(name), fields.base)
    inner.allow(f"`{name}`", (*HOOKS, "on", *_OWN[name]))
    if "deploy" not in inner:
        raise broken(f"`{name}` needs `deploy`", strategy.place(name))
    return Deployment(name, _hooks(inner, scope, library), _increments(inner), _max_parallel(inner))


_OWN: dict[Lifecycle, tuple[str, ...]] = {
    "runOnce": (),
    "rolling": ("maxParallel",),
    "canary": ("increments",),
}


def _hooks(strategy: Fields, scope: Scope, library: Library) -> tuple[Hook, ...]:
    found = [_hook(strategy, name, scope, library) for name in HOOKS if name in strategy]
    if "on" in strategy:
        on = Fields.open(strategy.part("on"), strategy.base)
        on.allow("`on`", ("success", "failure"))
        found += [_hook(on, name, scope, library) for name in ("success", "failure") if name in on]
    return tuple(found)


def _hook(fields: Fields, name: str, scope: Scope, library: Library) -> Hook:
    hook = Fields.open(fields.part(name), fields.base)
    hook.allow(f"`{name}`", ("steps", "pool"))
    return Hook(name, read_steps(seeing(hook.part("steps"), scope), scope, library))


def _increments(fields: Fields) -> tuple[str, ...]:
    found = fields.names("increments")
    for text in found:
        if not 0 < (to_count(text) or 0) <= 100:
            raise broken(
                f"`increments` are percentages from 1 to 100, not {text!r}", fields.place("increments")
            )
    return found


def _max_parallel(fields: Fields) -> str:
    text = fields.text("maxParallel")
    if text and not text.startswith("$") and to_count(text.removesuffix("%")) is None:
        raise broken(f"`maxParallel` is a number or a percentage, not {text!r}", fields.place("maxParallel"))
    return text
