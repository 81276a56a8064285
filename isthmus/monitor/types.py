"""Whole numbers that became fractions, as Model Monitor's `data_type_check` tells it."""

from __future__ import annotations

import numpy as np

from isthmus.monitor.baseline import Baseline
from isthmus.monitor.findings import Violation
from isthmus.monitor.numbers import Numbers


def types_changed(baseline: Baseline, current: Baseline) -> list[Violation]:
    """Features of whole numbers with values now that are none, however few: `datatype_check_threshold` is 1.

    Only while their values are counted exactly. What is no number at all is no row of such a feature: its
    request is set aside.
    """
    found: list[Violation] = []
    for name, before in baseline.items():
        now = current[name]
        if not (isinstance(before, Numbers) and isinstance(now, Numbers) and before.integral and now.present):
            continue
        fractions = int(now.rows[now.values != np.rint(now.values)].sum())
        if fractions:
            description = (
                "Data type match requirement is not met. Expected data type: Integral, Expected match: "
                f"100.0%. Observed: Only {1 - fractions / now.present:.2%} of data is Integral."
            )
            found.append(
                {"feature_name": name, "constraint_check_type": "data_type_check", "description": description}
            )
    return found
