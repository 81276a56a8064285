"""`condition:` as it is written: checked where it stands, before anything runs."""

from __future__ import annotations

from collections.abc import Collection

from isthmus.local.pipelines.expressions import Failed, check_text
from isthmus.local.pipelines.fields import Fields
from isthmus.local.pipelines.grammar import Expression
from isthmus.local.pipelines.library import Library
from isthmus.local.pipelines.nodes import Place, broken
from isthmus.local.pipelines.plan import DEFAULT_CONDITION
from isthmus.local.pipelines.runtime import STATUS, runtime_expression

_HINTS = {
    "parameters": "; a condition sees no parameters: write ${{ parameters.x }}",
    "dependencies": "; a step sees no dependencies: give the job a variable with $[ dependencies... ]",
    "stageDependencies": "; a step sees no stages: give the job a variable with $[ stageDependencies... ]",
}


def read_condition(fields: Fields, library: Library, contexts: Collection[str]) -> str:
    """The condition of a stage, a job or a step; one that is broken is noted."""
    with library.notes.noting():
        text = fields.text("condition", DEFAULT_CONDITION)
        inside = runtime_expression(text)
        at = fields.part("condition").at
        checked(text if inside is None else inside, at, contexts, STATUS, "the condition: ")
        return text
    return DEFAULT_CONDITION


def checked(
    text: str, at: Place, contexts: Collection[str], functions: Collection[str], what: str = ""
) -> Expression:
    """Parse an expression that waits for the run; `BadInput` for what it may not name."""
    try:
        return check_text(text, contexts, functions)
    except Failed as error:
        hints = (hint for name, hint in _HINTS.items() if f"unknown name {name!r}" in str(error))
        raise broken(f"{what}{error}{next(hints, '')}", at) from None
