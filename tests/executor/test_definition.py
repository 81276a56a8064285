"""Definitions that cannot run are refused, with the step and the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from isthmus.executor import checking, parameters
from isthmus.executor.definition import Definition, read
from isthmus.executor.refusals import ApiError
from tests.executor.definitions import (
    condition,
    definition,
    fail,
    from_file,
    processing,
    register,
    report,
)

BAR = {"Name": "Bar", "Type": "Float", "DefaultValue": 0.7}


def accepted(document: Any) -> Definition:
    found = read(json.dumps(document))
    checking.check(found)
    return found


def refused(document: Any) -> str:
    with pytest.raises(ApiError) as refusal:
        accepted(document)
    assert refusal.value.code == "ValidationException"
    return refusal.value.message


def test_a_definition_is_read_with_its_branches() -> None:
    found = accepted(
        definition(
            processing("Prepare", "s3://b/a.py", output="s3://b/out", PropertyFiles=report()),
            condition("Good", from_file("Prepare", "auc"), "GreaterThan", {"Get": "Parameters.Bar"},
                      [register("Register", "rain", {"Get": "Steps.Prepare.ProcessingJobArn"})],
                      [fail("Stop", "too bad")]),
            parameters=[BAR],
        )
    )  # fmt: skip
    assert list(found.steps) == ["Prepare", "Good", "Register", "Stop"]
    assert found.steps["Good"].needs == {"Prepare"}
    assert found.steps["Register"].branch == ("Good", True)
    assert found.steps["Stop"].branch == ("Good", False)


def changed(path: str, value: Any) -> dict[str, Any]:
    """A sound definition with one thing changed."""
    document = definition(processing("Prepare", "s3://b/a.py", output="s3://b/out"), parameters=[BAR])
    at: Any = document
    *way, last = path.split(".")
    for part in way:
        at = at[int(part)] if part.isdigit() else at[part]
    at[int(last) if last.isdigit() else last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("Version", "2019", "Version is '2019'"),
        ("Steps", [], "Steps is missing or empty"),
        ("Steps.0.Type", "Tuning", "step 'Prepare' has type 'Tuning', and only Processing, Training,"),
        ("Steps.0.DependsOn", ["Prepar"], "depends on step 'Prepar', which does not exist"),
        ("Steps.0.DependsOn", ["Prepare"], "steps wait for each other: Prepare -> Prepare"),
        ("Parameters.0.Type", "Number", "parameter 'Bar' has type 'Number'"),
        ("Parameters.0.DefaultValue", "much", "parameter 'Bar' is a Float, and 'much' is none"),
        ("Steps.0.Arguments.Environment", {"X": {"Get": "Parameters.Baz"}}, "'Baz', which does not exist"),
        ("Steps.0.Arguments.Environment", {"X": {"Get": "Parameters.Bar"}}, "Bar is of type float, and"),
        ("Steps.0.Arguments.Environment", {"X": {"Get": "Execution.Nam"}}, "Execution.Nam, which does not"),
        ("Steps.0.Arguments.RolArn", "x", 'Unknown parameter in input: "RolArn"'),
        ("Steps.0.Arguments.RoleArn", "me" * 20, "failed to satisfy constraint: Member must satisfy regular"),
        ("Steps.0.Arguments.AppSpecification", {}, 'Missing required parameter in AppSpecification'),
        ("Steps.0.CacheConfig", {"Enabled": True, "ExpireAfter": "a month"}, "is no ISO 8601 duration"),
    ],
)  # fmt: skip
def test_each_mistake_is_named(path: str, value: Any, complaint: str) -> None:
    assert complaint in refused(changed(path, value))


def test_references_to_properties_are_checked() -> None:
    step = processing("Prepare", "s3://b/a.py", output="s3://b/out", PropertyFiles=report())
    cases = [
        ({"Get": "Steps.Prepare.ModelArtifacts"}, "Steps.Prepare has no property 'ModelArtifacts'"),
        ({"Get": "Steps.Prepar.ProcessingJobArn"}, "depends on step 'Prepar', which does not exist"),
        (
            {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.X"}, "Path": "a"}},
            "file 'X'",
        ),
    ]
    for left, complaint in cases:
        document = definition(step, condition("If", left, "Equals", 1, [fail("Stop", "x")], []))
        assert complaint in refused(document)


def test_two_steps_cannot_wait_for_each_other() -> None:
    one = processing("One", "s3://b/a.py", DependsOn=["Two"])
    two = processing("Two", "s3://b/a.py", DependsOn=["One"])
    assert "steps wait for each other" in refused(definition(one, two))


def test_names_are_unique_over_all_branches() -> None:
    document = definition(condition("If", 1, "Equals", 1, [fail("End", "x")], [fail("End", "y")]))
    assert "two steps have the name 'End'" in refused(document)


def test_not_json() -> None:
    with pytest.raises(ApiError, match="not valid JSON"):
        read("{")


def test_parameters_are_bound_to_their_types() -> None:
    found = accepted(
        definition(
            fail("End", "x"),
            parameters=[
                BAR,
                {"Name": "N", "Type": "Integer"},
                {"Name": "On", "Type": "Boolean", "DefaultValue": False},
                {"Name": "Kind", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
            ],
        )
    )

    def bound(**given: str) -> dict[str, Any]:
        listed = [{"Name": name, "Value": value} for name, value in given.items()]
        return parameters.bind(found.parameters, listed)

    assert bound(N="3", On="true") == {"Bar": 0.7, "N": 3, "On": True, "Kind": "a"}
    for given, complaint in [
        ({}, r"\[N\] do not have a default"),
        ({"N": "three"}, "'three' of parameter 'N' is no Integer"),
        ({"N": "1", "M": "2"}, r"\[M\] are not defined"),
        ({"N": "1", "Kind": "c"}, "'c' of parameter 'Kind' is none of"),
    ]:
        with pytest.raises(ApiError, match=complaint):
            bound(**given)
