"""Jobs and deployment jobs, as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.conditions import read_condition
from isthmus.local.pipelines.deployments import read_deployment, read_environment
from isthmus.local.pipelines.expressions import Scope
from isthmus.local.pipelines.fields import Fields, opened, seeing
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Plain, Scalar, broken, plain
from isthmus.local.pipelines.plan import Job, Step, Strategy
from isthmus.local.pipelines.runtime import JOB_CONTEXTS
from isthmus.local.pipelines.steps import read_steps
from isthmus.local.pipelines.templating import Part, expand, settle
from isthmus.local.pipelines.values import to_count
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
        with library.notes.noting():
            found.append(read_job(fields, library, pool, number))
    spelt = {job.name.lower(): job.name for job in found}
    return tuple(replace(job, depends_on=as_spelt(job.depends_on, spelt)) for job in found)


def read_job(fields: Fields, library: Library, pool: Plain, number: int) -> Job:
    kind = next((kind for kind in ("job", "deployment") if kind in fields), None)
    if kind is None:
        written = next(iter(fields.entries), "")
        known = ("job", "deployment", "template")
        raise broken(f"not a job: it begins with {written!r}{did_you_mean(written, known)}", fields.at)
    with library.notes.noting():
        fields.allow(f"a {kind}", JOB if kind == "job" else DEPLOYMENT)
    variables, scope = read_variables(fields.part("variables"), fields.base, library)
    deployment = read_deployment(fields, scope, library) if kind == "deployment" else None
    environment, resource = read_environment(fields) if deployment else ("", "")
    return Job(
        name=fields.identifier(kind) or f"Job{number}",
        at=fields.at,
        display_name=fields.text("displayName"),
        depends_on=fields.names("dependsOn"),
        condition=read_condition(fields, library, JOB_CONTEXTS),
        variables=variables,
        steps=() if deployment else _steps(fields, scope, library),
        pool=read_pool(fields) or pool,
        timeout_minutes=fields.text("timeoutInMinutes", "60"),
        cancel_timeout_minutes=fields.text("cancelTimeoutInMinutes", "5"),
        continue_on_error=fields.truth("continueOnError", "false"),
        strategy=Strategy(max_parallel=deployment.max_parallel) if deployment else _strategy(fields),
        environment=environment,
        hooks=deployment.hooks if deployment else (),
        resource=resource,
        lifecycle=deployment.lifecycle if deployment else "runOnce",
        increments=deployment.increments if deployment else (),
        container=any(key in fields for key in ("container", "services")),
        uses=_uses(fields),
    )


def as_spelt(names: Iterable[str], spelt: Mapping[str, str]) -> tuple[str, ...]:
    """Names of other jobs as these spell them: their case does not matter."""
    return tuple(dict.fromkeys(spelt.get(name.lower(), name) for name in names))


def read_pool(fields: Fields) -> Plain:
    return plain(expand(fields.part("pool")))


def _steps(fields: Fields, scope: Scope, library: Library) -> tuple[Step, ...]:
    if "steps" not in fields:
        raise broken("the job has no `steps`", fields.at)
    return read_steps(seeing(fields.part("steps"), scope), scope, library)


def _strategy(fields: Fields) -> Strategy | None:
    if "strategy" not in fields:
        return None
    inner = Fields.open(fields.part("strategy"), fields.base)
    inner.allow("`strategy` of a job", ("matrix", "parallel", "maxParallel"))
    parallel = inner.text("parallel")
    if parallel and not parallel.startswith("$") and not 0 < (to_count(parallel) or 0) <= 99:
        raise broken(f"`parallel` is a number of jobs up to 99, not {parallel!r}", inner.place("parallel"))
    return Strategy(_matrix(inner), parallel, inner.text("maxParallel"))


def _matrix(fields: Fields) -> dict[str, dict[str, str]] | str:
    part = settle(fields.part("matrix"))
    if isinstance(part.node, Scalar):
        return part.node.text or {}
    instances = Fields.open(part, fields.base)
    return {name: instances.pairs(name) for name in instances.entries}


def _uses(fields: Fields) -> tuple[str, ...]:
    if "uses" not in fields:
        return ()
    uses = Fields.open(fields.part("uses"), fields.base)
    uses.allow("`uses`", ("repositories", "pools"))
    return uses.names("repositories")
