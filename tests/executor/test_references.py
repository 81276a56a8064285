"""Placeholders of definitions: found, resolved, refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.executor import references
from isthmus.executor.references import Unresolved, resolve


class Values:
    """Values for placeholders, as an execution has them."""

    def parameter(self, name: str) -> Any:
        return {"Bar": 0.7, "On": True, "Name": "rain"}[name]

    def execution(self, name: str) -> Any:
        return f"<{name}>"

    def step(self, name: str) -> Any:
        if name != "Prepare":
            raise Unresolved(f"step {name} has no properties")
        outputs = [{"OutputName": "train set", "S3Output": {"S3Uri": "s3://b/train"}}]
        return {"ProcessingOutputConfig": {"Outputs": outputs}, "ProcessingJobName": "job"}

    def property_file(self, step: str, name: str) -> Any:
        return {"auc": {"value": 0.9}, "folds": [0.8, 0.7], "of": [step, name]}

    def json_object(self, uri: str) -> Any:
        return {"uri": uri}


def get(text: str) -> dict[str, Any]:
    return {"Get": text}


@pytest.mark.parametrize(
    ("placeholder", "value"),
    [
        (get("Parameters.Bar"), 0.7),
        (get("Execution.PipelineExecutionId"), "<PipelineExecutionId>"),
        (get("Steps.Prepare.ProcessingJobName"), "job"),
        (get("Steps.Prepare.ProcessingOutputConfig.Outputs['train set'].S3Output.S3Uri"), "s3://b/train"),
        (get('Steps.Prepare.ProcessingOutputConfig.Outputs["train set"].OutputName'), "train set"),
        (get("Steps.Prepare.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri"), "s3://b/train"),
        ({"Std:Join": {"On": "/", "Values": ["s3:/", get("Parameters.Name"), 3, get("Parameters.On")]}}, "s3://rain/3/true"),
        ({"Std:JsonGet": {"PropertyFile": get("Steps.Prepare.PropertyFiles.R"), "Path": "auc.value"}}, 0.9),
        ({"Std:JsonGet": {"PropertyFile": get("Steps.Prepare.PropertyFiles.R"), "Path": "folds[1]"}}, 0.7),
        ({"Std:JsonGet": {"PropertyFile": get("Steps.Prepare.PropertyFiles.R"), "Path": "of[1]"}}, "R"),
        ({"Std:JsonGet": {"S3Uri": {"Std:Join": {"On": "", "Values": ["s", "3"]}}, "Path": "uri"}}, "s3"),
        ({"deep": [get("Parameters.Bar"), {"Std:Join": {"On": "-", "Values": [1]}}]}, {"deep": [0.7, "1"]}),
    ],
)  # fmt: skip
def test_each_placeholder_has_its_value(placeholder: Any, value: Any) -> None:
    assert resolve(placeholder, Values()) == value


@pytest.mark.parametrize(
    ("placeholder", "complaint"),
    [
        (get("Nothing.X"), "no reference"),
        (get("Steps"), "no reference"),
        (get("Steps.Train.ModelArtifacts"), "step Train has no properties"),
        (get("Steps.Prepare.ProcessingOutputConfig.Outputs['x']"), "there is no 'x'"),
        (get("Steps.Prepare.ProcessingOutputConfig.Outputs[4]"), "there is no 4"),
        ({"Std:JsonGet": {"PropertyFile": get("Steps.Prepare.PropertyFiles.R"), "Path": "auc.low"}}, "'low'"),
    ],
)
def test_a_placeholder_without_a_value_says_which(placeholder: Any, complaint: str) -> None:
    with pytest.raises(Unresolved, match=complaint):
        resolve(placeholder, Values())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text().filter(lambda key: key not in references.PLACEHOLDERS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_what_holds_no_placeholder_stays_as_it_is(value: Any) -> None:
    assert resolve(value, Values()) == value
    assert list(references.references(value)) == []


plain = st.text(st.characters(codec="ascii", exclude_characters=".[]'\""), min_size=1)


@given(st.lists(plain | st.integers(0, 99), min_size=1, max_size=5))
def test_paths_are_taken_apart_as_they_were_put_together(parts: list[str | int]) -> None:
    text = "".join(f"[{part}]" if isinstance(part, int) else f"['{part}']" for part in parts)
    assert references.split(text) == parts
    words = [part for part in parts if isinstance(part, str)]
    if words:
        assert references.split(".".join(words)) == words


@given(st.lists(st.text(), max_size=5), st.text(max_size=2))
def test_join_joins(values: list[str], on: str) -> None:
    assert resolve({"Std:Join": {"On": on, "Values": values}}, Values()) == on.join(values)
