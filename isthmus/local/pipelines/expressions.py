"""Check and evaluate expressions in a scope: which contexts and functions there are, and what they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.functions import PURE, SPELLING, Function
from isthmus.local.pipelines.grammar import Call, Expression, Index, Literal, Name, Wildcard
from isthmus.local.pipelines.grammar import parse as parse
from isthmus.local.pipelines.grammar import walk as walk
from isthmus.local.pipelines.values import Conversion, Value, entries, index, items, kind, to_boolean


class Failed(ValueError):
    """An expression cannot be evaluated, or names what is not there."""


MAX_SHOWN = 300
MAX_ITEMS = 20_000


class Budget:
    """How many turns the loops of a pipeline may take in all: loops within loops multiply."""

    def __init__(self) -> None:
        self._left = MAX_ITEMS

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise Failed(f"the loops of a pipeline go over {MAX_ITEMS:,} items and no more")


class Filtered(list[Value]):
    """What `.*` gives: further steps apply to each item."""


@dataclass(frozen=True)
class Scope:
    """What an expression may name. Names ignore case."""

    contexts: Mapping[str, Value] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    """Besides the pure ones, by lower-case name."""
    budget: Budget = field(default_factory=Budget, compare=False)

    def with_context(self, name: str, value: Value) -> Scope:
        return replace(self, contexts={**self.contexts, name: value})


def evaluate_text(text: str, scope: Scope) -> Value:
    """Parse, check and evaluate; raises `Failed` with the expression in the message."""
    try:
        expression = parse(text)
        check(expression, scope.contexts, scope.functions)
        value = evaluate(expression, scope)
    except (ValueError, OverflowError, RecursionError) as error:
        raise Failed(f"{error}, in the expression {_shown(text)}") from None
    return list(value) if isinstance(value, Filtered) else value


def check_text(text: str, contexts: Collection[str], functions: Collection[str]) -> Expression:
    """Parse and check without evaluating, as is done for branches that are not taken."""
    try:
        expression = parse(text)
        check(expression, contexts, functions)
    except (ValueError, OverflowError, RecursionError) as error:
        raise Failed(f"{error}, in the expression {_shown(text)}") from None
    return expression


def _shown(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + " ...")


def check(expression: Expression, contexts: Collection[str], functions: Collection[str]) -> None:
    """Raise `Failed` for an unknown context or function, or a wrong number of arguments."""
    known = {name.lower() for name in contexts}
    for part in walk(expression):
        if isinstance(part, Name) and part.name.lower() not in known:
            raise Failed(f"unknown name {part.name!r}{did_you_mean(part.name, contexts)}")
        if isinstance(part, Call):
            _check_call(part, functions)


def evaluate(expression: Expression, scope: Scope) -> Value:
    if isinstance(expression, Literal):
        return expression.value
    if isinstance(expression, Name):
        return index(dict(scope.contexts), expression.name)
    if isinstance(expression, Wildcard):
        return _all_of(evaluate(expression.of, scope))
    if isinstance(expression, Index):
        return _indexed(evaluate(expression.of, scope), evaluate(expression.key, scope))
    return _called(expression, scope)


def _called(call: Call, scope: Scope) -> Value:
    name = call.function.lower()
    if name in ("and", "or"):
        return _short_circuit(call, scope, name == "or")
    if name == "coalesce":
        for argument in call.arguments:
            value = evaluate(argument, scope)
            if value is not None and value != "":
                return value
        return None
    function = PURE.get(name) or scope.functions[name]
    try:
        return function.call(*(evaluate(argument, scope) for argument in call.arguments))
    except Conversion as error:
        raise Failed(f"{call.function}: {error}") from None


def _short_circuit(call: Call, scope: Scope, ends: bool) -> bool:
    return any(to_boolean(evaluate(one, scope)) is ends for one in call.arguments) is ends


def _all_of(value: Value) -> Filtered:
    if isinstance(value, Filtered):
        return Filtered(item for one in value for item in _all_of(one))
    found, pairs = items(value), entries(value)
    if found is not None:
        return Filtered(found)
    return Filtered(item for _, item in pairs) if pairs is not None else Filtered()


def _indexed(value: Value, key: Value) -> Value:
    if isinstance(value, Filtered):
        found = (index(item, key) for item in value)
        return Filtered(item for item in found if item is not None)
    if kind(key) in ("Array", "Object"):
        raise Failed(f"an index is text or a number, not {kind(key)}")
    return index(value, key)


def _check_call(call: Call, functions: Collection[str]) -> None:
    name = call.function.lower()
    function = PURE.get(name)
    if function is None and isinstance(functions, Mapping):
        function = functions.get(name)
    if function is None and name not in functions:
        known = [SPELLING.get(one, one) for one in (*PURE, *functions)]
        raise Failed(f"unknown function {call.function!r}{did_you_mean(call.function, known)}")
    if function is None:
        return
    count = len(call.arguments)
    if not function.least <= count <= function.most:
        wanted = str(function.least) if function.least == function.most else f"at least {function.least}"
        raise Failed(f"{call.function} takes {wanted} arguments, not {count}")
