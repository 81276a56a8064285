"""Compile an Azure Pipelines file: expand every template, and check what Microsoft's schema cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from isthmus.errors import Problem, did_you_mean
from isthmus.local.pipelines.checking import check_plan
from isthmus.local.pipelines.expressions import Scope
from isthmus.local.pipelines.fields import Fields, included, seeing
from isthmus.local.pipelines.host import Repository, Request, Sources
from isthmus.local.pipelines.jobs import ROOT_JOB, read_job, read_jobs, read_pool
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Mapping, Place, Plain, Scalar, Source, broken, plain
from isthmus.local.pipelines.parameters import bind, declared, from_request
from isthmus.local.pipelines.plan import Job, Plan, Stage, Trigger
from isthmus.local.pipelines.resources import described, read_repositories, read_trigger
from isthmus.local.pipelines.stages import Lock, read_lock, read_stages
from isthmus.local.pipelines.templating import Part
from isthmus.local.pipelines.values import Value, to_node
from isthmus.local.pipelines.variables import Variables, read_variables

BODIES = ("stages", "jobs", "steps", "extends")
ROOT = (
    "name",
    "appendCommitMessageToRunName",
    "trigger",
    "pr",
    "schedules",
    "resources",
    "variables",
    "lockBehavior",
    *ROOT_JOB,
    *BODIES,
)
DEFAULT_STAGE = "__default"


def compile_pipeline(
    path: str,
    sources: Sources,
    request: Request | None = None,
    *,
    declared_elsewhere: Iterable[Repository] = (),
    also: Callable[[Plan], None] | None = None,
) -> Plan:
    """The plan of the pipeline file at `path` in the repository `self`.

    `declared_elsewhere` are repositories that a template expects of the file that extends it. Where something
    is wrong, what `also` raises about the rest of the plan is told with it.

    Raises `BadInput` naming file, line and the nearest spelling for whatever is wrong; and what `sources`
    raises for repositories and variable groups.
    """
    library = Library(sources, request or Request())
    for repository in declared_elsewhere:
        library.locate(repository)
    source = Source(library.locate(Repository("self")), path.lstrip("/"))
    try:
        plan = _Compilation(library).root(source)
    except Problem as problem:
        library.notes.note(problem)
        library.notes.settle()
        raise
    except RecursionError:
        raise broken("the templates are nested too deeply", str(source)) from None
    warnings = check_plan(plan, library.notes)
    if library.notes and also:
        with library.notes.noting():
            also(plan)
    library.notes.settle()
    return Plan(**{**plan.__dict__, "warnings": (*plan.warnings, *warnings)})


class _Compilation:
    """What files add to while they are read, outermost first: variables, pool, trigger, extends."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.variables: Variables = ()
        self.pool: Plain = ""
        self.lock: Lock = ""
        self.name = ""
        self.trigger: Trigger | None = None

    def root(self, source: Source) -> Plan:
        library = self.library
        root = library.read(source)
        values = self._parameters(root, Place(source, 1))
        contexts: dict[str, Value] = {
            "parameters": values,
            "variables": self._first_variables(),
            "resources": {"repositories": {}},
        }
        scope = Scope(contexts)
        stages = self._body(Fields.open(Part(_body_of(root), scope), scope), top=True)
        at = Place(source, 1)
        return Plan(
            path=source.path,
            name=self.name,
            stages=stages,
            variables=self.variables,
            repositories=dict(library.repositories),
            parameters={name: plain(to_node(value, at)) for name, value in values.items()},
            trigger=self.trigger,
            extends=tuple(library.extends),
            warnings=tuple(library.warnings),
        )

    def _parameters(self, root: Mapping, at: Place) -> dict[str, Value]:
        parameters = declared(root)
        by_name = {one.name.lower(): one for one in parameters}
        given = self.library.request.parameters
        arguments = {
            name: from_request(by_name[name.lower()], value)
            if name.lower() in by_name
            else Scalar(str(value), at)
            for name, value in given.items()
        }
        return bind(parameters, arguments, at)

    def _first_variables(self) -> dict[str, str]:
        request = self.library.request
        # Names know no case: what is predefined is nobody's to say, however it is written.
        taken = {name.lower() for name in request.predefined}
        asked = {
            name: one.value
            for name, one in request.variables.items()
            if not one.secret and name.lower() not in taken
        }
        return {**asked, **request.predefined}

    def _body(self, fields: Fields, *, top: bool) -> tuple[Stage, ...]:
        fields.allow("the pipeline", ROOT)
        scope = self._resources(fields)
        if self.variables and "variables" in fields:
            raise broken(
                "`variables` stands in the file that extends this template already", fields.place("variables")
            )
        variables, scope = read_variables(seeing_all(fields.part("variables"), scope), scope, self.library)
        self.variables += variables
        self.lock = read_lock(fields, self.lock)
        if top:
            self.name = fields.text("name")
            self.trigger = read_trigger(fields.part("trigger"), scope)
        return self._stages(fields, scope)

    def _resources(self, fields: Fields) -> Scope:
        seen = read_repositories(fields.part("resources"), fields.base, self.library)
        own = {"self": described(self.library.repositories["self"])}
        before = fields.base.contexts["resources"]
        assert isinstance(before, dict)  # noqa: S101 - made above
        return fields.base.with_context(
            "resources", {"repositories": {**own, **before["repositories"], **seen}}
        )

    def _stages(self, fields: Fields, scope: Scope) -> tuple[Stage, ...]:
        bodies = [key for key in BODIES if key in fields]
        if len(bodies) != 1:
            raise _not_one_body(fields, bodies)
        self.pool = read_pool(fields) or self.pool
        part, library = seeing_all(fields.part(bodies[0]), scope), self.library
        if bodies[0] == "extends":
            return self._extended(part, scope)
        if bodies[0] == "stages":
            return read_stages(part, scope, library, self.pool, self.lock)
        if bodies[0] == "jobs":
            jobs = read_jobs(part, scope, library, self.pool)
        else:
            jobs = (self._only_job(fields, part, scope),)
        return (Stage(DEFAULT_STAGE, fields.at, jobs=jobs, lock_behavior=self.lock),)

    def _only_job(self, fields: Fields, steps: Part, scope: Scope) -> Job:
        entries = {key: fields.entries[key] for key in ROOT_JOB if key in fields}
        entries["steps"] = (entries["steps"][0], steps)
        entries["job"] = (Scalar("job", fields.at), Part(Scalar("Job", fields.at), None))
        return read_job(Fields(entries, fields.at, scope), self.library, self.pool, 1)

    def _extended(self, part: Part, scope: Scope) -> tuple[Stage, ...]:
        fields = Fields.open(part, scope)
        fields.allow("`extends`", ("template", "parameters"))
        if "template" not in fields:
            raise broken("`extends` needs a `template`", fields.at)
        template, _ = included(fields, self.library, "")
        located = template.at.source.located
        repository = located.repository
        self.library.extends.append(
            (repository.type, f"{located.project}/{located.name}", located.ref, template.at.source.path)
        )
        with self.library.within():
            return self._body(template, top=False)


def seeing_all(part: Part, scope: Scope) -> Part:
    """The part, with the variables and resources of a scope that was opened after it."""
    part = seeing(part, scope)
    if part.scope is None:
        return part
    return Part(part.node, part.scope.with_context("resources", scope.contexts["resources"]))


def _body_of(root: Mapping) -> Mapping:
    return Mapping(tuple(entry for entry in root.entries if entry[0].text != "parameters"), root.at)


def _not_one_body(fields: Fields, bodies: list[str]) -> Exception:
    if bodies:
        return broken(f"a pipeline has one of {', '.join(bodies)}, not several", fields.place(bodies[1]))
    if set(fields.entries) == {"variables"}:
        return broken("this is a template of variables: it has no steps, jobs or stages to run", fields.at)
    close = next((did_you_mean(key, BODIES) for key in fields.entries if did_you_mean(key, BODIES)), "")
    return broken(f"a pipeline needs `steps`, `jobs`, `stages` or `extends`{close}", fields.at)
