"""A plan as YAML: what `--plan` prints, and the `finalYaml` of a preview."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from isthmus.local.pipelines.plan import DEFAULT_CONDITION, Group, Hook, Job, Plan, Stage, Step, Variable


def final_yaml(plan: Plan) -> str:
    """Every template expanded, every shorthand written out; itself a pipeline that means the same."""
    tree: dict[str, Any] = {"name": plan.name} if plan.name else {}
    tree |= _resources(plan) | _variables(plan.variables)
    tree["stages"] = [_stage(stage) for stage in plan.stages]
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Scripts as blocks, text that looks like something else in quotes."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _resources(plan: Plan) -> dict[str, Any]:
    others = [located.repository for alias, located in plan.repositories.items() if alias != "self"]
    found = [
        _kept(repository=one.alias, type=one.type, name=one.name, ref=one.ref, endpoint=one.endpoint)
        for one in others
    ]
    return {"resources": {"repositories": found}} if found else {}


def _variables(variables: Iterable[Variable | Group]) -> dict[str, Any]:
    found = [
        {"group": one.name}
        if isinstance(one, Group)
        else {"name": one.name, "value": one.value} | ({"readonly": True} if one.readonly else {})
        for one in variables
    ]
    return {"variables": found} if found else {}


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "stage": stage.name,
        **_kept(displayName=stage.display_name),
        "dependsOn": list(stage.depends_on),
        **_condition(stage.condition),
        **_kept(lockBehavior=stage.lock_behavior, trigger="manual" if stage.manual else ""),
        **({} if stage.is_skippable else {"isSkippable": False}),
        **_variables(stage.variables),
        "jobs": [_job(job) for job in stage.jobs],
    }


def _job(job: Job) -> dict[str, Any]:
    strategy: dict[str, Any] = {}
    if job.strategy:
        one = job.strategy
        strategy = {"strategy": _kept(matrix=one.matrix, parallel=one.parallel, maxParallel=one.max_parallel)}
    if job.is_deployment:
        strategy = {"strategy": {job.lifecycle: _lifecycle(job)}}
    return {
        "deployment" if job.is_deployment else "job": job.name,
        **_kept(
            displayName=job.display_name,
            pool=job.pool,
            environment=_environment(job),
            dependsOn=job.depends_on,
        ),
        **_condition(job.condition),
        **({} if job.timeout_minutes == "60" else {"timeoutInMinutes": job.timeout_minutes}),
        **({} if job.continue_on_error == "false" else {"continueOnError": job.continue_on_error}),
        **_variables(job.variables),
        **strategy,
        **({} if job.is_deployment else {"steps": [_step(step) for step in job.steps]}),
    }


def _environment(job: Job) -> str:
    return f"{job.environment}.{job.resource}" if job.resource else job.environment


def _lifecycle(job: Job) -> dict[str, Any]:
    max_parallel = job.strategy.max_parallel if job.strategy else ""
    return _kept(increments=job.increments, maxParallel=max_parallel) | _hooks(job.hooks)


def _hooks(hooks: Iterable[Hook]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for hook in hooks:
        steps = {"steps": [_step(step) for step in hook.steps]}
        if hook.name in ("success", "failure"):
            found.setdefault("on", {})[hook.name] = steps
        else:
            found[hook.name] = steps
    return found


def _step(step: Step) -> dict[str, Any]:
    inputs = dict(step.inputs)
    if step.task == "checkout":
        first: dict[str, Any] = {"checkout": inputs.pop("repository"), **inputs}
    elif step.task == "download":
        first = {"download": inputs.pop("source"), **inputs}
    elif "@" not in step.task:
        first = {step.task: inputs.pop("source", ""), **inputs}
    else:
        first = {"task": step.task} | ({"inputs": inputs} if inputs else {})
    target: dict[str, Any] = {"commands": "restricted"} if step.commands == "restricted" else {}
    if step.container:
        target["container"] = step.container
    if step.settable is not None:
        target["settableVariables"] = list(step.settable) or "none"
    return {
        **first,
        **_kept(name=step.name, displayName=step.display_name),
        **_condition(step.condition),
        **({} if step.continue_on_error == "false" else {"continueOnError": step.continue_on_error}),
        **({} if step.enabled == "true" else {"enabled": step.enabled}),
        **({} if step.timeout_minutes == "0" else {"timeoutInMinutes": step.timeout_minutes}),
        **({} if step.retries == "0" else {"retryCountOnTaskFailure": step.retries}),
        **_kept(target=target, env=dict(step.env)),
    }


def _condition(text: str) -> dict[str, str]:
    return {} if text == DEFAULT_CONDITION else {"condition": text}


def _kept(**values: Any) -> dict[str, Any]:
    """Those that say something; tuples as lists."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items() if value}
