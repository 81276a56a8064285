"""A stack whose rollback had failed is continued first; where that does not help, the reason is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from isthmus.errors import Refused
from isthmus.infra import change

NAME = "isthmus-rain-prod"
WANTED = change.Change(NAME, "{}", None, {}, {}, None)


class Stack:
    """CloudFormation with one stack, which has these states one after another."""

    class exceptions:
        ClientError = ClientError

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.calls: list[str] = []

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        return {"Stacks": [{"StackId": "id", "StackStatus": self.states[0]}]}

    def continue_update_rollback(self, **_: Any) -> None:
        self.calls.append("continue")
        self.states.pop(0)

    def get_template(self, **_: Any) -> dict[str, Any]:
        return {"TemplateBody": "{}"}

    def get_paginator(self, _name: str) -> Stack:
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        failed = {
            "LogicalResourceId": "Endpoint",
            "ResourceType": "AWS::SageMaker::Endpoint",
            "StackId": "id",
            "PhysicalResourceId": "rain",
            "ResourceStatus": "UPDATE_FAILED",
            "ResourceStatusReason": "no such configuration",
        }
        yield {"StackEvents": [failed]}


def test_it_is_continued_and_then_changed() -> None:
    stack, said = Stack("UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE"), list[str]()
    change.apply(stack, WANTED, said.append)
    assert stack.calls == ["continue"]
    assert said == [f"{NAME}: the rollback of an earlier change had failed, so it is continued first"]


def test_what_is_in_the_way_is_named() -> None:
    stack = Stack("UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED")
    with pytest.raises(Refused, match=r"stuck in UPDATE_ROLLBACK_FAILED: Endpoint .*no such configuration"):
        change.apply(stack, WANTED, lambda _: None)
