"""Typed parameters: what a file declares, and how a value becomes one of that type."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass

from isthmus.errors import BadInput, did_you_mean
from isthmus.local.pipelines.nodes import Mapping, Node, Place, Scalar, Sequence, broken, parse_value
from isthmus.local.pipelines.problems import Notes
from isthmus.local.pipelines.shorthands import long_form
from isthmus.local.pipelines.values import Conversion, Declared, Value, of_node, to_node, to_number

LISTS = {"stringList", "stepList", "jobList", "deploymentList", "stageList", "containerList"}
OBJECTS = {"step", "job", "deployment", "stage", "container"}
TYPES = {"string", "number", "boolean", "object", "legacyObject", *LISTS, *OBJECTS}
KEYS = ("name", "displayName", "type", "default", "values")


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    default: Node | None
    values: tuple[str, ...]
    at: Place
    display_name: str = ""


class MissingParameters(BadInput):
    """Parameters without a default that were not given."""

    def __init__(self, missing: list[str], at: Place) -> None:
        noun = "parameter has" if len(missing) == 1 else "parameters have"
        super().__init__(f"required {noun} no value: {', '.join(missing)}", where=str(at))
        self.missing = missing


def declared(root: Mapping) -> list[Parameter]:
    """The parameters of a file; `BadInput` when a declaration is wrong."""
    node = root.get("parameters")
    if node is None or (isinstance(node, Scalar) and not node.text):
        return []
    if isinstance(node, Mapping):
        # The old way of templates: names and defaults, of any type.
        return [Parameter(key.text, "legacyObject", value, (), key.at) for key, value in node.entries]
    if not isinstance(node, Sequence):
        raise broken("`parameters` is a list: `- name: ...`", node.at)
    found: dict[str, Parameter] = {}
    notes = Notes()
    for item in node.items:
        with notes.noting():
            parameter = _declaration(item)
            if parameter.name.lower() in found:
                raise broken(f"the parameter {parameter.name!r} is declared twice", parameter.at)
            found[parameter.name.lower()] = parameter
    notes.settle()
    return list(found.values())


def is_typed(root: Mapping) -> bool:
    """Whether a template declares a list of parameters; in the old way it takes whatever it is given."""
    return isinstance(root.get("parameters"), Sequence)


def bind_untyped(root: Mapping, arguments: AbstractMapping[str, Node]) -> dict[str, Value]:
    """Defaults of the old way, and every argument."""
    found: dict[str, Value] = {
        one.name: of_node(one.default) for one in declared(root) if one.default is not None
    }
    for name, node in arguments.items():
        same = next((known for known in found if known.lower() == name.lower()), name)
        found[same] = of_node(node)
    return found


def bind(
    parameters: Iterable[Parameter], arguments: AbstractMapping[str, Node], at: Place
) -> dict[str, Value]:
    """Every parameter's value, by the name that it is declared with.

    `at` is where the arguments were given. `BadInput` for an unknown or a missing one, or a wrong type.
    """
    known = {parameter.name.lower(): parameter for parameter in parameters}
    given = {name.lower(): node for name, node in arguments.items()}
    notes = Notes()
    for name, node in arguments.items():
        if name.lower() not in known:
            names = [parameter.name for parameter in known.values()]
            todo = f"it has: {', '.join(names)}" if names else "the file declares no parameters"
            notes.note(
                broken(f"unexpected parameter {name!r}{did_you_mean(name, names)}", _place(node, at), todo)
            )
    missing = [one.name for one in known.values() if one.default is None and one.name.lower() not in given]
    if missing:
        notes.note(MissingParameters(missing, at))
    found: dict[str, Value] = {}
    for key, one in known.items():
        with notes.noting():
            found[one.name] = None if one.name in missing else _bound(one, given.get(key), at)
    notes.settle()
    return Declared(found)


def _bound(parameter: Parameter, given: Node | None, at: Place) -> Value:
    if given is None:
        assert parameter.default is not None  # noqa: S101 - the missing ones were refused
        return convert(parameter, parameter.default, parameter.at)
    return convert(parameter, given, _place(given, at))


def convert(parameter: Parameter, node: Node, at: Place) -> Value:
    """The node as a value of the parameter's type."""
    value = _typed(parameter, node, at)
    given = node.items if isinstance(node, Sequence) and parameter.type == "stringList" else (node,)
    for one in given if parameter.values else ():
        if isinstance(one, Scalar) and one.text not in parameter.values:
            raise broken(
                f"{one.text!r} is not a value of the parameter {parameter.name!r}"
                + did_you_mean(one.text, parameter.values),
                at,
                f"allowed: {', '.join(parameter.values)}",
            )
    return value


def from_request(parameter: Parameter, value: object) -> Node:
    """What the REST API or a command line gave: text is read as YAML where a structure is wanted."""
    if isinstance(value, str) and parameter.type not in ("string", "number", "boolean"):
        return parse_value(value, parameter.at)
    return to_node(_json(value), parameter.at)


def _json(value: object) -> Value:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    return value if value is None or isinstance(value, (bool, float, str)) else str(value)


def _typed(parameter: Parameter, node: Node, at: Place) -> Value:
    kind = parameter.type
    if kind in ("string", "number", "boolean"):
        if not isinstance(node, Scalar):
            raise _wrong(parameter, _shown(node), at)
        return _scalar(parameter, node.text, at)
    empty = isinstance(node, Scalar) and not node.text.strip()
    if kind in LISTS:
        if not isinstance(node, Sequence) and not empty:
            raise _wrong(parameter, _shown(node), at)
        return Sequence((), at) if empty else of_node(long_form(kind, node))
    if kind in OBJECTS:
        if not isinstance(node, Mapping) and not empty:
            raise _wrong(parameter, _shown(node), at)
        return of_node(long_form(kind, node))
    return of_node(node)


def _shown(node: Node) -> str:
    return (
        repr(node.text)
        if isinstance(node, Scalar)
        else "a list"
        if isinstance(node, Sequence)
        else "a mapping"
    )


def _scalar(parameter: Parameter, text: str, at: Place) -> Value:
    if parameter.type == "string":
        return text
    if parameter.type == "boolean":
        if text.lower() not in ("true", "false"):
            raise _wrong(parameter, repr(text), at)
        return text.lower() == "true"
    try:
        return to_number(text if text.strip() else "?")
    except Conversion:
        raise _wrong(parameter, repr(text), at) from None


def _wrong(parameter: Parameter, found: str, at: Place) -> Exception:
    return broken(f"the parameter {parameter.name!r} is of type {parameter.type}, not {found}", at)


def _declaration(node: Node) -> Parameter:
    if not isinstance(node, Mapping):
        raise broken("a parameter is declared as `- name: ...` with `type:` and `default:`", node.at)
    for key, _ in node.entries:
        if key.text not in KEYS:
            raise broken(f"unknown key {key.text!r}{did_you_mean(key.text, KEYS)}", key.at)
    name, kind = node.get("name"), node.get("type")
    if not isinstance(name, Scalar) or not name.text:
        raise broken("a parameter has no name", node.at)
    type_ = kind.text if isinstance(kind, Scalar) and kind.text else "string"
    if type_ not in TYPES:
        raise broken(f"there is no parameter type {type_!r}{did_you_mean(type_, TYPES)}", node.at)
    default, shown = node.get("default"), node.get("displayName")
    parameter = Parameter(
        name=name.text,
        type=type_,
        default=default,
        values=_values(node.get("values")),
        at=node.at,
        display_name=shown.text if isinstance(shown, Scalar) else "",
    )
    if default is not None:
        _refuse_expressions(default)
        convert(parameter, default, default.at)
    return parameter


def _values(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    if not isinstance(node, Sequence):
        raise broken("`values` is a list", node.at)
    return tuple(item.text for item in node.items if isinstance(item, Scalar))


def _refuse_expressions(node: Node) -> None:
    if isinstance(node, Scalar):
        if "${{" in node.text:
            raise broken("a template expression is not allowed in a parameter's default", node.at)
    elif isinstance(node, Sequence):
        for item in node.items:
            _refuse_expressions(item)
    else:
        for _, item in node.entries:
            _refuse_expressions(item)


def _place(node: Node, at: Place) -> Place:
    return node.at or at
