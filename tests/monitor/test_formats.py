"""The files that a monitor leaves, held against what AWS documents of Model Monitor's and Clarify's.

What a file must have and may have is written down from SageMaker's developer guide
(https://docs.aws.amazon.com/sagemaker/latest/dg/), of which each test names the pages.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator

from isthmus.monitor.baseline import describe
from isthmus.monitor.clarify import analysis, attribution_violations, bias_violations
from isthmus.monitor.findings import BiasMetric, Explained
from isthmus.monitor.profile import constraints, statistics
from tests.monitor.job import cloudwatch
from tests.monitor.test_step import output

__all__ = ["cloudwatch", "output"]
Schema = dict[str, Any]
NUMBER, COUNT, TEXT = {"type": "number"}, {"type": "integer", "minimum": 0}, {"type": "string"}


def having(required: Schema, **optional: Schema) -> Schema:
    """An object with these keys, and no others."""
    return {
        "type": "object",
        "properties": required | optional,
        "required": [*required],
        "additionalProperties": False,
    }


def listed(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def one_of(*words: str | float) -> Schema:
    return {"enum": [*words]}


COMMON = having({"num_present": COUNT, "num_missing": COUNT})
# A column without a value has no mean; whatever has one has all.
MOMENTS = dict.fromkeys(("mean", "sum", "std_dev", "min", "max"), NUMBER)
KLL = having(
    {"buckets": listed(having({"lower_bound": NUMBER, "upper_bound": NUMBER, "count": NUMBER}))},
    sketch=having({"parameters": having({"c": NUMBER, "k": NUMBER}), "data": listed(listed(NUMBER))}),
)
CATEGORIES = having({"buckets": listed(having({"value": TEXT, "count": COUNT}))})
NUMBERS = having({"common": COMMON, "distribution": having({"kll": KLL})}, **MOMENTS) | {
    "dependentRequired": {name: [*MOMENTS] for name in MOMENTS}
}
TEXTS = having(
    {"common": COMMON, "distinct_count": NUMBER, "distribution": having({"categorical": CATEGORIES})}
)
STATISTICS = having(
    {
        "version": one_of(0),
        "dataset": having({"item_count": COUNT}),
        "features": listed(
            {
                "oneOf": [
                    having(
                        {
                            "name": TEXT,
                            "inferred_type": one_of("Fractional", "Integral"),
                            "numerical_statistics": NUMBERS,
                        }
                    ),
                    having({"name": TEXT, "inferred_type": one_of("String"), "string_statistics": TEXTS}),
                ]
            }
        ),
    }
)
SWITCH = one_of("Enabled", "Disabled")
CONSTRAINTS = having(
    {
        "version": one_of(0),
        "features": listed(
            having(
                {
                    "name": TEXT,
                    "inferred_type": one_of("Integral", "Fractional", "String", "Unknown"),
                    "completeness": {"type": "number", "minimum": 0, "maximum": 1},
                },
                num_constraints=having({"is_non_negative": {"type": "boolean"}}),
                string_constraints=having({"domains": listed(TEXT)}),
                monitoringConfigOverrides={"type": "object"},
            )
        ),
        "monitoring_config": having(
            {
                "evaluate_constraints": SWITCH,
                "emit_metrics": SWITCH,
                "datatype_check_threshold": NUMBER,
                "domain_content_threshold": NUMBER,
                "distribution_constraints": having(
                    {
                        "perform_comparison": SWITCH,
                        "comparison_threshold": NUMBER,
                        "comparison_method": one_of("Simple", "Robust"),
                    },
                    categorical_comparison_threshold=NUMBER,
                    categorical_drift_method=one_of("LInfinity", "ChiSquared"),
                ),
            }
        ),
    }
)
CHECKS = ("data_type_check", "completeness_check", "baseline_drift_check")
CHECKS += ("missing_column_check", "extra_column_check", "categorical_values_check")
VIOLATIONS = having(
    {
        "violations": listed(
            having({"feature_name": TEXT, "constraint_check_type": one_of(*CHECKS), "description": TEXT})
        )
    }
)


def fits(content: Any, schema: Schema) -> list[str]:
    """What is otherwise than documented, and where."""
    Draft202012Validator.check_schema(schema)
    found = Draft202012Validator(schema).iter_errors(json.loads(json.dumps(content)))
    return [f"{one.json_path}: {one.message}" for one in found]


@pytest.mark.parametrize(
    ("name", "schema"),
    [("statistics", STATISTICS), ("constraints", CONSTRAINTS), ("constraint_violations", VIOLATIONS)],
)
def test_what_a_monitor_leaves_is_as_model_monitors(output: Path, name: str, schema: Schema) -> None:
    """model-monitor-interpreting-statistics.html, model-monitor-byoc-constraints.html and
    model-monitor-interpreting-violations.html of the guide."""
    content = json.loads((output / f"{name}.json").read_text())
    assert fits(content, schema) == []
    assert fits(content | {"our_own": 1}, schema) and fits({}, schema)


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([None, None], dtype=pl.Float64),
        pl.Series([None, None], dtype=pl.String),
        pl.Series([], dtype=pl.Float64),
        pl.Series([1.5, None]),
        pl.Series([3, 3]),
        pl.Series([f"c{number}" for number in range(90)]),
    ],
    ids=["no number", "no text", "no row", "one number", "one integer", "many texts"],
)
def test_so_is_what_a_column_at_the_edge_makes_of_them(column: pl.Series) -> None:
    counted = {"x": describe(column)}
    assert (fits(statistics(counted), STATISTICS), fits(constraints(counted), CONSTRAINTS)) == ([], [])


METRIC = {"name": TEXT, "description": TEXT}
FAILED = having(METRIC | {"value": {"type": "null"}, "error": TEXT})
MEASURED = {"oneOf": [having(METRIC | {"value": NUMBER}), FAILED]}
OF_A_FACET = listed(having({"value_or_threshold": TEXT, "metrics": listed(MEASURED)}))
FACETS = {"type": "object", "additionalProperties": OF_A_FACET}
BIAS = having({"label": TEXT, "facets": FACETS}, label_value_or_threshold=TEXT)
BY_FEATURE = {"type": "object", "additionalProperties": NUMBER}
ANALYSIS = having(
    {"version": one_of("1.0")},
    pre_training_bias_metrics=BIAS,
    post_training_bias_metrics=BIAS,
    explanations=having(
        {
            "kernel_shap": {
                "type": "object",
                "additionalProperties": having({"global_shap_values": BY_FEATURE}, expected_value=NUMBER),
            }
        }
    ),
)
BIAS_VIOLATIONS = having(
    {
        "version": one_of("1.0"),
        "violations": listed(
            having(
                {
                    **dict.fromkeys(("facet", "facet_value", "metric_name", "description"), TEXT),
                    "constraint_check_type": one_of("bias_drift_check"),
                }
            )
        ),
    }
)
ATTRIBUTION_VIOLATIONS = having(
    {
        "version": one_of("1.0"),
        "violations": listed(
            having(
                {
                    "label": TEXT,
                    "metric_name": one_of("shap"),
                    "constraint_check_type": one_of("feature_attribution_drift_check"),
                    "description": TEXT,
                }
            )
        ),
    }
)
MEASURES = [
    BiasMetric("sex", "f", "CI", 0.2, 0.1, 1.5),
    BiasMetric("sex", "f", "DI", None, 0.9, 0.0),
    BiasMetric("sex", "m", "DI", 1.3, 0.9, 2.0),
]
EXPLAINED = Explained({"wind": 0.5, "rain": 0.1}, {"wind": 0.1, "rain": 0.5}, 0.8, 0.9, 100)


@pytest.mark.parametrize(
    ("content", "schema"),
    [
        (analysis("rain", MEASURES, EXPLAINED), ANALYSIS),
        (analysis("rain", MEASURES, None), ANALYSIS),
        (bias_violations(MEASURES), BIAS_VIOLATIONS),
        (attribution_violations("rain", EXPLAINED), ATTRIBUTION_VIOLATIONS),
    ],
    ids=["both", "bias alone", "bias drift", "attribution drift"],
)
def test_what_is_measured_of_fairness_is_as_clarifys(content: dict[str, Any], schema: Schema) -> None:
    """clarify-processing-job-analysis-results.html, clarify-model-monitor-bias-drift-violations.html and
    clarify-model-monitor-model-attribution-drift-violations.html of the guide."""
    assert fits(content, schema) == []
    assert content.get("violations", True)
    assert fits(content | {"our_own": 1}, schema)
