"""What a text says of the classes that a model tells apart, however it is written: `1.0` is the class 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

# What programs write for no value.
NOTHING = ("", "nan", "none", "null")


def class_of(text: str, classes: Sequence[str]) -> str | None:
    """The class that a text names; None where training never saw it."""
    if text in classes:
        return text
    number = number_of(text)
    return next((one for one in classes if number_of(one) == number), None)


def no_label(text: str, classes: Sequence[str]) -> str:
    """Why a text is no label; empty where it is one. A model without classes predicts a finite number.

    A class that training never saw is a label: what was true, and nothing that the model could say.
    """
    if not classes:
        return "" if math.isfinite(number_of(text)) else "the label is no number"
    nothing = text.lower() in NOTHING and class_of(text, classes) is None
    return "the label is empty" if nothing else ""


def number_of(told: Any) -> float:
    """What was told as a number; nan where it is none."""
    try:
        return float(told)
    except (TypeError, ValueError):
        return math.nan
