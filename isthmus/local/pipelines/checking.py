"""What is wrong with a plan that no schema sees: unknown names, cycles, broken conditions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from isthmus.local.pipelines.expressions import Failed, check_text, walk
from isthmus.local.pipelines.grammar import Expression, Index, Literal, Name
from isthmus.local.pipelines.nodes import Place, broken, nearest
from isthmus.local.pipelines.plan import Group, Job, Plan, Stage, Step, Variable
from isthmus.local.pipelines.runtime import JOB_CONTEXTS, STATUS, STEP_CONTEXTS, runtime_expression

_HINTS = {
    "parameters": "; a condition sees no parameters: write ${{ parameters.x }}",
    "dependencies": "; a step sees no dependencies: give the job a variable with $[ dependencies... ]",
    "stageDependencies": "; a step sees no stages: give the job a variable with $[ stageDependencies... ]",
}


def check_plan(plan: Plan) -> list[str]:
    """Raise `BadInput` for the first error; give warnings for what can only come out empty."""
    if not plan.stages:
        raise broken("the pipeline has no stages", plan.path)
    _check_variables(plan.variables)
    _check_graph(plan.stages, "stage")
    warnings: list[str] = []
    for stage in plan.stages:
        expression = _condition(stage.condition, stage.at, JOB_CONTEXTS)
        warnings += _undeclared(expression, stage.at, stage.depends_on, "stage")
        _check_variables(stage.variables)
        if not stage.jobs:
            raise broken(f"the stage {stage.name!r} has no jobs", stage.at)
        _check_graph(stage.jobs, "job")
        for job in stage.jobs:
            warnings += _check_job(job, plan)
    return warnings


def _check_job(job: Job, plan: Plan) -> list[str]:
    expression = _condition(job.condition, job.at, JOB_CONTEXTS)
    _check_variables(job.variables)
    for step in job.all_steps():
        _check_step(step, plan)
    warnings = list(_undeclared(expression, job.at, job.depends_on, "job"))
    for variable in job.variables:
        text = runtime_expression(variable.value) if isinstance(variable, Variable) else None
        if text is not None:
            checked = _expression(text, variable.at, JOB_CONTEXTS, ("counter",))
            warnings += _undeclared(checked, variable.at, job.depends_on, "job")
    return warnings


def _check_step(step: Step, plan: Plan) -> None:
    _condition(step.condition, step.at, STEP_CONTEXTS)
    if step.task != "checkout":
        return
    alias = step.inputs.get("repository", "")
    if alias != "none" and alias not in plan.repositories:
        raise broken(
            f"there is no repository {alias!r} to check out{nearest(alias, plan.repositories)}",
            step.at,
            f"declared: {', '.join(plan.repositories)}",
        )


def _check_variables(variables: Iterable[Variable | Group]) -> None:
    for variable in variables:
        text = None if isinstance(variable, Group) else runtime_expression(variable.value)
        if text is not None:
            _expression(text, variable.at, JOB_CONTEXTS, ("counter",))


def _check_graph(nodes: Sequence[Stage] | Sequence[Job], noun: str) -> None:
    places: dict[str, Place] = {}
    for node in nodes:
        if node.name.lower() in places:
            first = places[node.name.lower()]
            raise broken(f"two {noun}s are called {node.name!r}, first at {first}", node.at)
        places[node.name.lower()] = node.at
    known = {node.name: node for node in nodes}
    for node in nodes:
        for name in node.depends_on:
            if name not in known:
                others = [other for other in known if other != node.name]
                raise broken(
                    f"the {noun} {node.name!r} depends on {name!r}, which does not exist"
                    + nearest(name, others),
                    node.at,
                )
    cycle = find_cycle({node.name: node.depends_on for node in nodes})
    if cycle:
        raise broken(f"{noun}s depend on each other: {' -> '.join(cycle)}", known[cycle[0]].at)


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


def _condition(text: str, at: Place, contexts: Collection[str]) -> Expression:
    inside = runtime_expression(text)
    return _expression(text if inside is None else inside, at, contexts, STATUS, "the condition: ")


def _expression(
    text: str, at: Place, contexts: Collection[str], functions: Collection[str], what: str = ""
) -> Expression:
    try:
        return check_text(text, contexts, functions)
    except Failed as error:
        hints = (hint for name, hint in _HINTS.items() if f"unknown name {name!r}" in str(error))
        raise broken(f"{what}{error}{next(hints, '')}", at) from None


def _undeclared(expression: Expression, at: Place, names: Collection[str], noun: str) -> Iterator[str]:
    """Warnings for `dependencies.X` where X is not in dependsOn: it is always empty."""
    for part in walk(expression):
        if not (isinstance(part, Index) and isinstance(part.of, Name) and isinstance(part.key, Literal)):
            continue
        name = str(part.key.value)
        if part.of.name.lower() == "dependencies" and name.lower() not in (one.lower() for one in names):
            yield (
                f"{at}: dependencies.{name} is empty: the {noun} does not depend on {name!r}"
                f"{nearest(name, names)}"
            )
