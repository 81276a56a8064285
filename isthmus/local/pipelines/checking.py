"""What is wrong with a plan that no schema sees: unknown names, cycles, broken expressions of variables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.conditions import checked
from isthmus.local.pipelines.grammar import Index, Literal, Malformed, Name, parse, walk
from isthmus.local.pipelines.nodes import Place, broken
from isthmus.local.pipelines.plan import Group, Job, Plan, Stage, Step, Variable
from isthmus.local.pipelines.problems import Notes
from isthmus.local.pipelines.runtime import JOB_CONTEXTS, runtime_expression


def check_plan(plan: Plan, notes: Notes) -> list[str]:
    """Note what is wrong; give warnings for what can only come out empty.

    What was noted before left something out of the plan: then nothing is missed in it.
    """
    whole = not notes
    if whole and not plan.stages:
        notes.note(broken("the pipeline has no stages", plan.path))
    _check_variables(plan.variables, notes)
    if whole:
        _check_graph(plan.stages, "stage", notes)
    warnings: list[str] = []
    for stage in plan.stages:
        warnings += _undeclared(stage.condition, stage.at, stage.depends_on, "stage")
        _check_variables(stage.variables, notes)
        if whole and not stage.jobs:
            notes.note(broken(f"the stage {stage.name!r} has no jobs", stage.at))
        if whole:
            _check_graph(stage.jobs, "job", notes)
        for job in stage.jobs:
            warnings += _check_job(job, plan, notes)
    return warnings


def _check_job(job: Job, plan: Plan, notes: Notes) -> list[str]:
    _check_variables(job.variables, notes)
    for step in job.all_steps():
        with notes.noting():
            _check_checkout(step, plan)
    warnings = list(_undeclared(job.condition, job.at, job.depends_on, "job"))
    for variable in job.variables:
        if isinstance(variable, Variable) and runtime_expression(variable.value) is not None:
            warnings += _undeclared(variable.value, variable.at, job.depends_on, "job")
    return warnings


def _check_checkout(step: Step, plan: Plan) -> None:
    alias = step.inputs.get("repository", "") if step.task == "checkout" else "none"
    if alias != "none" and alias not in plan.repositories:
        raise broken(
            f"there is no repository {alias!r} to check out{did_you_mean(alias, plan.repositories)}",
            step.at,
            f"declared: {', '.join(plan.repositories)}",
        )


def _check_variables(variables: Iterable[Variable | Group], notes: Notes) -> None:
    for variable in variables:
        text = None if isinstance(variable, Group) else runtime_expression(variable.value)
        if text is not None:
            with notes.noting():
                checked(text, variable.at, JOB_CONTEXTS, ("counter",))


def _check_graph(nodes: Sequence[Stage] | Sequence[Job], noun: str, notes: Notes) -> None:
    places: dict[str, Place] = {}
    for node in nodes:
        if first := places.get(node.name.lower()):
            notes.note(broken(f"two {noun}s are called {node.name!r}, first at {first}", node.at))
        places[node.name.lower()] = node.at
    known = {node.name: node for node in nodes}
    for node in nodes:
        for name in [name for name in node.depends_on if name not in known]:
            what = f"the {noun} {node.name!r} depends on {name!r}, which does not exist"
            notes.note(broken(what + did_you_mean(name, set(known) - {node.name}), node.at))
    depends = {node.name: tuple(one for one in node.depends_on if one in known) for node in nodes}
    if cycle := find_cycle(depends):
        notes.note(broken(f"{noun}s depend on each other: {' -> '.join(cycle)}", known[cycle[0]].at))


def find_cycle(depends: dict[str, tuple[str, ...]]) -> list[str]:
    """Names along a cycle, the first again at the end; empty when there is none."""
    done: set[str] = set()
    for start in depends:
        path: list[str] = []
        stack = [(start, iter(depends[start]))] if start not in done else []
        path += [start] if stack else []
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                done.add(name)
                stack.pop()
                path.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            elif following not in done:
                path.append(following)
                stack.append((following, iter(depends[following])))
    return []


def _undeclared(text: str, at: Place, names: Collection[str], noun: str) -> Iterator[str]:
    """Warnings for `dependencies.X` where X is not in dependsOn: it is always empty."""
    try:
        expression = parse(runtime_expression(text) or text)
    except Malformed:
        return
    for part in walk(expression):
        if not (isinstance(part, Index) and isinstance(part.of, Name) and isinstance(part.key, Literal)):
            continue
        name = str(part.key.value)
        if part.of.name.lower() == "dependencies" and name.lower() not in (one.lower() for one in names):
            yield (
                f"{at}: dependencies.{name} is empty: the {noun} does not depend on {name!r}"
                f"{did_you_mean(name, names)}"
            )
