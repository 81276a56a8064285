"""What is wrong with a plan that no schema sees: unknown names, cycles, broken expressions of variables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.conditions import checked
from isthmus.local.pipelines.grammar import Expression, Index, Literal, Malformed, Name, parse, walk
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
        warnings += _undeclared(stage.condition, stage.at, plan, stage)
        for variable in _computed(stage.variables):
            warnings += _undeclared(variable.value, variable.at, plan, stage)
        _check_variables(stage.variables, notes)
        if whole and not stage.jobs:
            notes.note(broken(f"the stage {stage.name!r} has no jobs", stage.at))
        if whole:
            _check_graph(stage.jobs, "job", notes)
        for job in stage.jobs:
            warnings += _check_job(job, stage, plan, notes)
    return warnings


def _check_job(job: Job, stage: Stage, plan: Plan, notes: Notes) -> list[str]:
    _check_variables(job.variables, notes)
    for step in job.all_steps():
        with notes.noting():
            _check_checkout(step, plan)
    warnings = list(_undeclared(job.condition, job.at, plan, stage, job))
    for variable in _computed(job.variables):
        warnings += _undeclared(variable.value, variable.at, plan, stage, job)
    return warnings


def _computed(variables: Iterable[Variable | Group]) -> Iterator[Variable]:
    """Those whose value is known when it runs."""
    for variable in variables:
        if isinstance(variable, Variable) and runtime_expression(variable.value) is not None:
            yield variable


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


def _undeclared(text: str, at: Place, plan: Plan, stage: Stage, job: Job | None = None) -> Iterator[str]:
    """Warnings for what is always empty: the output of a stage, a job or a step that is not depended on."""
    for root, keys in _paths(text):
        for what, name, known in _links(root, keys, plan, stage, job):
            if name.lower() not in map(str.lower, known):
                yield f"{at}: {'.'.join((root, *keys))} is empty: {what} {name!r}{did_you_mean(name, known)}"
                break


def _paths(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each name of an expression with its whole path of keys: `dependencies`, ["a", "result"]."""
    try:
        parts = [*walk(parse(runtime_expression(text) or text))]
    except Malformed:
        return
    within = {id(one.of) for one in parts if isinstance(one, Index)}
    for part in (one for one in parts if isinstance(one, Index) and id(one) not in within):
        keys: list[str] = []
        node: Expression = part
        while isinstance(node, Index):
            # What is not written out is known when it runs, and so is all below it.
            keys = [str(node.key.value), *keys] if isinstance(node.key, Literal) else []
            node = node.of
        if isinstance(node, Name) and keys:
            yield node.name, keys


Link = tuple[str, str, Collection[str]]


def _links(root: str, keys: Sequence[str], plan: Plan, stage: Stage, job: Job | None) -> Iterator[Link]:
    """Each name on a path: what is said where it is unknown, the name, and the names that are known there."""
    stages = {one.name.lower(): one for one in plan.stages}
    jobs = {one.name.lower(): one for one in stage.jobs}
    if root.lower() == "dependencies" and job:
        yield "the job does not depend on", keys[0], job.depends_on
        yield from _outputs(jobs.get(keys[0].lower()), keys[1:])
    elif root.lower() in ("dependencies", "stagedependencies"):
        yield "the stage does not depend on", keys[0], stage.depends_on
        of = stages.get(keys[0].lower())
        jobs = {one.name.lower(): one for one in of.jobs} if of else {}
        named = keys[1:]
        if root.lower() == "dependencies":
            # Of a stage, outputs are called by their job as well.
            called, _, rest = (keys[2] if len(keys) > 2 else "").partition(".")
            named = [called, keys[1], rest] if rest else []
        if named and of:
            yield f"the stage {keys[0]!r} has no job", named[0], [one.name for one in jobs.values()]
            yield from _outputs(jobs.get(named[0].lower()), named[1:])


def _outputs(job: Job | None, keys: Sequence[str]) -> Iterator[Link]:
    """The step of `outputs['step.variable']`; a matrix and a deployment put other names before it."""
    if job is None or job.strategy or job.is_deployment or len(keys) < 2 or keys[0].lower() != "outputs":
        return
    step, _, variable = keys[1].partition(".")
    if variable and "." not in variable:
        yield f"the job {job.name!r} has no step", step, [one.name for one in job.steps if one.name]
