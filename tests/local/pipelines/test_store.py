"""Macros, masks, patterns and versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.local.pipelines.logging_commands import parse
from isthmus.local.pipelines.matching import matches
from isthmus.local.pipelines.secrets import Masker
from isthmus.local.pipelines.store import VariableStore, expand_macros
from isthmus.local.pipelines.tasks.python import satisfies


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(a)$(A)", "11"),
        ("$(nope) $(a", "$(nope) $(a"),
        ("$(x$(a))", "$(x1)"),
        ("$(macro)", "$(a)"),
        ("$[a] ${{ a }}", "$[a] ${{ a }}"),
    ],
)
def test_macros_are_replaced_once(text: str, expected: str) -> None:
    assert expand_macros(text, {"a": "1", "macro": "$(a)"}) == expected


@given(st.dictionaries(st.sampled_from("abc"), st.text(alphabet="$()abc", max_size=12)))
def test_variables_that_name_each_other_always_settle(values: dict[str, str]) -> None:
    store = VariableStore(Masker())
    store.update(values)
    store.settle()
    assert set(store.values()) == set(values)


@given(st.lists(st.text(min_size=1, max_size=6), max_size=4), st.text(max_size=30))
def test_no_secret_is_left_in_a_masked_line(secrets: list[str], text: str) -> None:
    shown = Masker(secrets).mask(text)
    for secret in secrets:
        if secret.strip() and not set(secret) & set("*\n\r\0"):
            assert secret not in shown.replace("***", "\0")


def test_each_line_of_a_secret_is_masked() -> None:
    assert Masker(["one\ntwo"]).mask("a one b two") == "a *** b ***"


@pytest.mark.parametrize(
    ("line", "name", "properties", "message"),
    [
        ("##vso[task.setvariable variable=a;isOutput=true]v", "task.setvariable", {"variable": "a"}, "v"),
        ("x ##vso[task.complete result=Failed;]why", "task.complete", {"result": "Failed"}, "why"),
        ("##vso[a.b k=%3B%5D%0A;]%AZP25", "a.b", {"k": ";]\n"}, "%"),
    ],
)
def test_a_logging_command_is_read(line: str, name: str, properties: dict[str, str], message: str) -> None:
    command = parse(line)
    assert command is not None
    assert (command.name, command.message) == (name, message)
    assert properties.items() <= command.properties.items()


@pytest.mark.parametrize("line", ["##vso[task]x", "##vso[task.x", "## vso[task.x]", "plain"])
def test_what_only_looks_like_a_command(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize(
    ("path", "patterns", "expected"),
    [
        ("a/b/c.xml", ["**/*.xml"], True),
        ("c.xml", ["**/*.xml"], True),
        ("a/c.xml", ["*.xml"], False),
        ("a/c.xml", ["**", "!**/*.xml"], False),
        ("a.{x}", ["a.{x,y}"], False),
        ("a.y", ["a.{x,y}"], True),
    ],
)
def test_file_patterns(path: str, patterns: list[str], expected: bool) -> None:
    assert matches(path, patterns) is expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("3.x", True),
        ("3.12", True),
        (">=3.11", True),
        (">=3.11 <3.12", False),
        ("3.11.x", False),
        ("2", False),
    ],
)
def test_versions_of_python(spec: str, expected: bool) -> None:
    assert satisfies((3, 12, 4), spec) is expected
