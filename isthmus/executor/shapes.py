"""SageMaker's own service model: which operations exist, what a request may hold, what an answer holds.

The model is botocore's. botocore checks members and types; enums, patterns and upper bounds, which only
the cloud checks, are checked here in the cloud's words.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError, invalid

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel, Shape

# Beyond this a pattern is not tried: the few long strings (definitions, policies) are parsed anyway.
LONGEST_MATCHED = 4096

# Python has no \p{..} classes; inside a character class these say the same for what people write.
_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{M}": "\u0300-\u036f",
    r"\p{Z}": " \u00a0\u2000-\u200a\u2028\u2029\u3000",
    r"\p{P}": r"!-#%-*,-/:;?@\[-\]_{}\u00a1-\u00bf\u2010-\u205e",
    r"\p{S}": r"$+<->^`|~\u00a2-\u00b8\u20a0-\u2bff",
}


class Unknown(str):
    """A text that is not known yet, in a definition that is only checked: it fits every pattern and enum."""

    __slots__ = ()


@functools.cache
def service_model() -> ServiceModel:
    import botocore.session

    return botocore.session.get_session().get_service_model("sagemaker")


def operation(name: str) -> OperationModel:
    """The operation of that name; raises UnknownOperationException."""
    model = service_model()
    if name not in model.operation_names:
        raise ApiError("UnknownOperationException", f"SageMaker has no operation {name!r}.")
    return model.operation_model(name)


def check(name: str, params: Record) -> None:
    """Raise a ValidationException unless `params` is a valid request of the operation `name`."""
    shape = operation(name).input_shape
    if shape is not None:
        check_shape(params, shape)


def check_shape(params: Record, shape: Shape) -> None:
    from botocore.validate import ParamValidator

    report = ParamValidator().validate(params, shape)
    if report.has_errors():
        raise invalid(f"Parameter validation failed: {report.generate_report()}")
    broken = list(_broken(params, shape, ""))
    if broken:
        plural = "s" if len(broken) > 1 else ""
        raise invalid(f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}")


def trim(name: str, record: Record) -> Record:
    """Only what the operation `name` answers with, without members that have no value."""
    shape = operation(name).output_shape
    return _trimmed(record, shape) if shape is not None else {}


def _trimmed(value: Any, shape: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, dict):
        return {
            key: _trimmed(value[key], member)
            for key, member in shape.members.items()
            if value.get(key) is not None
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_trimmed(item, shape.member) for item in value]
    return value


def _broken(value: Any, shape: Any, path: str) -> Iterator[str]:
    """Each constraint of the model that `value` breaks and botocore does not look at."""
    if shape.type_name == "structure":
        for key, item in value.items():
            if item is not None:
                yield from _broken(item, shape.members[key], f"{path}.{_lower(key)}" if path else _lower(key))
        return
    if shape.type_name == "list":
        for index, item in enumerate(value, 1):
            yield from _broken(item, shape.member, f"{path}.{index}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _broken(key, shape.key, f"{path}.{key}.key")
            yield from _broken(item, shape.value, f"{path}.{key}.value")
    yield from _broken_bounds(value, shape, path)
    if shape.type_name == "string":
        yield from _broken_text(value, shape, path)


def _broken_bounds(value: Any, shape: Any, path: str) -> Iterator[str]:
    upper = shape.metadata.get("max")
    if upper is None:
        return
    numeric = shape.type_name in ("integer", "long", "float", "double")
    if (value if numeric else len(value)) > upper:
        rule = "value" if numeric else "length"
        yield _constraint(value, path, f"Member must have {rule} less than or equal to {upper}")


def _broken_text(value: str, shape: Any, path: str) -> Iterator[str]:
    if isinstance(value, Unknown):
        return
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield _constraint(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    source = shape.metadata.get("pattern")
    if source and len(value) <= LONGEST_MATCHED:
        pattern = _pattern(source)
        if pattern is not None and not pattern.fullmatch(value):
            yield _constraint(value, path, f"Member must satisfy regular expression pattern: {source}")


@functools.cache
def _pattern(source: str) -> re.Pattern[str] | None:
    text = re.sub(r"\$\{\d+,\d+\}$", "", source)
    for java, python in _CLASSES.items():
        text = text.replace(java, python)
    try:
        return re.compile(text)
    except re.error:
        return None


def _constraint(value: Any, path: str, rule: str) -> str:
    shown = value if isinstance(value, str | int | float) else "[...]"
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: {rule}"


def _lower(key: str) -> str:
    return key[0].lower() + key[1:]
