"""Policy variables: `${aws:PrincipalTag/model}` in a policy stands for what the request says there.

In the Resource element and in conditions, as IAM has it; a variable that the request gives no value to
matches nothing. Source: IAM User Guide, "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, ParsedStatement

VARIABLE = re.compile(r"\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}")
# What no ARN and no value of a condition key ever is.
NOTHING = "\0"

_matching_statement = iam_evaluator._first_match
_all_conditions_met = iam_evaluator._conditions_met


def install() -> None:
    iam_evaluator._first_match = _first_match
    iam_evaluator._conditions_met = _conditions_met


def filled(text: str, value: Callable[[str], Any]) -> str:
    """The text with each variable replaced by `value` of its key, or by its default after a comma."""

    def one(found: re.Match[str]) -> str:
        key, default = found.groups()
        said = {"$": "$"}.get(key) or value(key)
        if said is None:
            return NOTHING if default is None else default
        # A wildcard in a value is no wildcard of the policy.
        return NOTHING if isinstance(said, list) or set(str(said)) & {"*", "?"} else str(said)

    return VARIABLE.sub(one, text)


def _first_match(
    context: EvalContext, statements: list[ParsedStatement], effect: str
) -> ParsedStatement | None:
    def value(key: str) -> Any:
        return iam_evaluator._resolve_condition_key(key, context)

    def fill(texts: list[str]) -> list[str]:
        return [filled(text, value) for text in texts]

    meant = [
        replace(one, resources=fill(one.resources), not_resources=fill(one.not_resources))
        if any("${" in text for text in (*one.resources, *one.not_resources))
        else one
        for one in statements
    ]
    found: ParsedStatement | None = _matching_statement(context, meant, effect)
    return found


def _conditions_met(conditions: dict[str, Any], context: EvalContext) -> bool:
    return bool(_all_conditions_met(_filled_deeply(conditions, context), context))


def _filled_deeply(value: Any, context: EvalContext) -> Any:
    if isinstance(value, dict):
        return {key: _filled_deeply(one, context) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled_deeply(one, context) for one in value]
    if isinstance(value, str) and "${" in value:
        return filled(value, lambda key: iam_evaluator._resolve_condition_key(key, context))
    return value
