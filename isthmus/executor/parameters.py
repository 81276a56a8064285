"""Pipeline parameters: what the caller gave, as text, bound to the types and defaults of the definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from isthmus.executor.definition import Parameter
from isthmus.executor.record import Record
from isthmus.executor.references import as_text
from isthmus.executor.refusals import invalid

_BOOLEANS = {"true": True, "false": False}


def bind(parameters: Mapping[str, Parameter], given: Iterable[Record]) -> dict[str, Any]:
    """A value for each parameter; raises a ValidationException for what is unknown, missing or ill-typed."""
    texts = {one["Name"]: one["Value"] for one in given}
    unknown = sorted(set(texts) - set(parameters))
    if unknown:
        raise invalid(f"Parameters [{', '.join(unknown)}] are not defined in the pipeline definition.")
    values = {name: _value(one, texts.get(name)) for name, one in parameters.items()}
    missing = sorted(name for name, value in values.items() if value is None)
    if missing:
        raise invalid(f"Parameters [{', '.join(missing)}] do not have a default value and must be given.")
    return values


def as_list(values: Mapping[str, Any]) -> list[Record]:
    """Bound values as ListPipelineParametersForExecution shows them."""
    return [{"Name": name, "Value": as_text(value)} for name, value in values.items()]


def _value(parameter: Parameter, text: str | None) -> Any:
    value = parameter.default if text is None else _parsed(parameter, text)
    if value is not None and parameter.choices and value not in parameter.choices:
        allowed = ", ".join(as_text(one) for one in parameter.choices)
        raise invalid(f"Value '{as_text(value)}' of parameter '{parameter.name}' is none of [{allowed}].")
    return value


def _parsed(parameter: Parameter, text: str) -> Any:
    try:
        if parameter.type == "Integer":
            return int(text)
        if parameter.type == "Float":
            return float(text)
        if parameter.type == "Boolean":
            return _BOOLEANS[text.lower()]
    except (KeyError, ValueError):
        raise invalid(f"Value '{text}' of parameter '{parameter.name}' is no {parameter.type}.") from None
    return text
