"""Jobs and deployment jobs, as they are written."""

from __future__ import annotations

from isthmus.local.pipelines.expressions import Scope
from isthmus.local.pipelines.fields import Fields, opened
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Plain, Scalar, broken, nearest, plain
from isthmus.local.pipelines.plan import DEFAULT_CONDITION, HOOKS, Hook, Job, Step, Strategy
from isthmus.local.pipelines.steps import read_steps
from isthmus.local.pipelines.templating import Part, expand, settle
from isthmus.local.pipelines.variables import read_variables

COMMON = (
    "displayName",
    "dependsOn",
    "condition",
    "continueOnError",
    "timeoutInMinutes",
    "cancelTimeoutInMinutes",
    "variables",
    "strategy",
    "pool",
    "container",
    "services",
    "workspace",
    "uses",
    "templateContext",
)
JOB = ("job", "steps", *COMMON)
DEPLOYMENT = ("deployment", "environment", *COMMON)
# What a pipeline without `jobs:` may say about its only job.
ROOT_JOB = ("steps", "strategy", "continueOnError", "pool", "container", "services", "workspace")


def read_jobs(part: Part, base: Scope, library: Library, pool: Plain) -> tuple[Job, ...]:
    found: list[Job] = []
    for number, fields in enumerate(opened(part, base, library, "jobs"), 1):
        found.append(read_job(fields, library, pool, number))
    return tuple(found)


def read_job(fields: Fields, library: Library, pool: Plain, number: int) -> Job:
    kind = next((kind for kind in ("job", "deployment") if kind in fields), None)
    if kind is None:
        written = next(iter(fields.entries), "")
        known = ("job", "deployment", "template")
        raise broken(f"not a job: it begins with {written!r}{nearest(written, known)}", fields.at)
    fields.allow(f"a {kind}", JOB if kind == "job" else DEPLOYMENT)
    variables, scope = read_variables(fields.part("variables"), fields.base, library)
    return Job(
        name=fields.identifier(kind) or f"Job{number}",
        at=fields.at,
        display_name=fields.text("displayName"),
        depends_on=fields.names("dependsOn"),
        condition=fields.text("condition", DEFAULT_CONDITION),
        variables=variables,
        steps=() if kind == "deployment" else _steps(fields, scope, library),
        pool=read_pool(fields) or pool,
        timeout_minutes=fields.text("timeoutInMinutes", "60"),
        cancel_timeout_minutes=fields.text("cancelTimeoutInMinutes", "5"),
        continue_on_error=fields.truth("continueOnError", "false"),
        strategy=_strategy(fields) if kind == "job" else None,
        environment=_environment(fields) if kind == "deployment" else "",
        hooks=_hooks(fields, scope, library) if kind == "deployment" else (),
        container=any(key in fields for key in ("container", "services")),
        uses=_uses(fields),
    )


def read_pool(fields: Fields) -> Plain:
    return plain(expand(fields.part("pool")))


def _steps(fields: Fields, scope: Scope, library: Library) -> tuple[Step, ...]:
    if "steps" not in fields:
        raise broken("the job has no `steps`", fields.at)
    return read_steps(seeing(fields.part("steps"), scope), scope, library)


def seeing(part: Part, scope: Scope) -> Part:
    """The part, with the variables of a scope that was opened after it."""
    if part.scope is None:
        return part
    return Part(part.node, part.scope.with_context("variables", scope.contexts.get("variables")))


def _strategy(fields: Fields) -> Strategy | None:
    if "strategy" not in fields:
        return None
    inner = Fields.open(fields.part("strategy"), fields.base)
    inner.allow("`strategy` of a job", ("matrix", "parallel", "maxParallel"))
    parallel = inner.text("parallel")
    if parallel and not parallel.startswith("$") and not (parallel.isdigit() and 0 < int(parallel) <= 99):
        raise broken(f"`parallel` is a number of jobs up to 99, not {parallel!r}", inner.place("parallel"))
    return Strategy(_matrix(inner), parallel, inner.text("maxParallel"))


def _matrix(fields: Fields) -> dict[str, dict[str, str]] | str:
    part = settle(fields.part("matrix"))
    if isinstance(part.node, Scalar):
        return part.node.text
    instances = Fields.open(part, fields.base)
    return {name: instances.pairs(name) for name in instances.entries}


def _environment(fields: Fields) -> str:
    part = settle(fields.part("environment"))
    if isinstance(part.node, Scalar):
        name = part.node.text.partition(".")[0]
    else:
        name = Fields.open(part, fields.base).text("name")
    if not name:
        raise broken("a deployment needs an `environment`", fields.at)
    return name


def _hooks(fields: Fields, scope: Scope, library: Library) -> tuple[Hook, ...]:
    strategy = Fields.open(fields.part("strategy"), fields.base)
    strategy.allow("`strategy` of a deployment", ("runOnce", "rolling", "canary"))
    for other in ("rolling", "canary"):
        if other in strategy:
            raise broken(f"the strategy `{other}` does not run here", strategy.place(other), "use runOnce")
    if "runOnce" not in strategy:
        raise broken("a deployment needs a `strategy` with `runOnce`", fields.at)
    once = Fields.open(strategy.part("runOnce"), fields.base)
    once.allow("`runOnce`", (*HOOKS, "on"))
    found = [_hook(once, name, scope, library) for name in HOOKS if name in once]
    if "on" in once:
        on = Fields.open(once.part("on"), once.base)
        on.allow("`on`", ("success", "failure"))
        found += [_hook(on, name, scope, library) for name in ("success", "failure") if name in on]
    if "deploy" not in once:
        raise broken("`runOnce` needs `deploy`", strategy.place("runOnce"))
    return tuple(found)


def _hook(fields: Fields, name: str, scope: Scope, library: Library) -> Hook:
    hook = Fields.open(fields.part(name), fields.base)
    hook.allow(f"`{name}`", ("steps", "pool"))
    return Hook(name, read_steps(seeing(hook.part("steps"), scope), scope, library))


def _uses(fields: Fields) -> tuple[str, ...]:
    if "uses" not in fields:
        return ()
    uses = Fields.open(fields.part("uses"), fields.base)
    uses.allow("`uses`", ("repositories", "pools"))
    return uses.names("repositories")
