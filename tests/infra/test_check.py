"""What cfn-lint finds, in sentences that a person can read."""

from __future__ import annotations

from isthmus.infra.check import FEW, shortened

TYPES = [f"ml.m{number}.large" for number in range(200)]


def test_of_hundreds_of_values_the_nearest_are_said() -> None:
    said = shortened(f"'ml.m5.larg' is not one of {TYPES} when deployed in region 'eu-west-1'")
    assert said.startswith("'ml.m5.larg' is not one of 200 values, such as 'ml.m5.large', ")
    assert said.endswith(" when deployed in region 'eu-west-1'") and len(said) < 150
    assert shortened(f"'x' is not one of {TYPES}") == "'x' is not one of 200 values"


def test_a_few_values_and_other_sentences_stay() -> None:
    for message in (f"'x' is not one of {TYPES[:FEW]}", "'x' is a required property"):
        assert shortened(message) == message
