"""Editing a configuration file: what is added is there, what people wrote stays, nothing wrong is written."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from isthmus.config import Platform, read_platform
from isthmus.config.editing import append, edit, put
from isthmus.errors import BadInput, Unavailable

EXAMPLE = Path(__file__).parents[2] / "platform.yaml"
MODEL = {"name": "churn", "owner": "crm@contoso.example", "build_repository": "churn-b"}
MODEL |= {"deploy_repository": "churn-d"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    copy = tmp_path / "platform.yaml"
    copy.write_bytes(EXAMPLE.read_bytes())
    return copy


def test_a_model_is_one_more_entry_and_everything_else_stays(file: Path) -> None:
    platform = edit(file, Platform, lambda text: append(text, ["models"], MODEL))
    assert [model.name for model in platform.models] == ["seattle-rain", "churn"]
    added = "  - name: churn\n    owner: crm@contoso.example\n    build_repository: churn-b\n"
    added += "    deploy_repository: churn-d\n"
    assert file.read_text() == EXAMPLE.read_text() + added


def test_a_section_is_made_with_what_it_holds(file: Path) -> None:
    group = {
        "name": "days",
        "owner": "us",
        "record_id": "day",
        "event_time": "at",
        "features": {"day": "String", "at": "String"},
    }
    edit(file, Platform, lambda text: append(text, ["feature_groups"], group))
    assert file.read_text().startswith(EXAMPLE.read_text() + "\nfeature_groups:\n  - name: days\n")
    edit(file, Platform, lambda text: append(text, ["teams", 0, "scientists"], "edsger"))
    assert "scientists: [dana, edsger]" in file.read_text()


def test_an_account_is_quoted_and_stands_with_the_others(file: Path) -> None:
    edit(file, Platform, lambda text: put(text, ["accounts", "management"], "012345678901"))
    assert '  prod: "444455556666"\n  management: "012345678901"\n\nazure:' in file.read_text()


def test_a_value_is_replaced_and_its_remark_stays() -> None:
    text = "region: eu-west-1  # Dublin\nname: isthmus\n"
    assert put(text, ["region"], "eu-north-1") == "region: eu-north-1  # Dublin\nname: isthmus\n"


def test_what_would_be_wrong_is_not_written(file: Path) -> None:
    with pytest.raises(BadInput, match="seattle-rain stands twice") as caught:
        edit(file, Platform, lambda text: append(text, ["models"], {"name": "seattle-rain", "owner": "me"}))
    assert "not changed" in caught.value.todo
    assert file.read_bytes() == EXAMPLE.read_bytes()


def test_a_file_of_windows_stays_one(file: Path) -> None:
    file.write_bytes(EXAMPLE.read_bytes().replace(b"\n", b"\r\n"))
    edit(file, Platform, lambda text: append(text, ["models"], MODEL))
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n")
    assert file.read_bytes().endswith(b"build_repository: churn-b\r\n    deploy_repository: churn-d\r\n")


def test_a_full_disk_costs_nothing_that_was_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="cannot be written: No space left"):
        edit(file, Platform, lambda text: append(text, ["models"], MODEL))
    assert file.read_bytes() == EXAMPLE.read_bytes()
    assert list(file.parent.iterdir()) == [file]


def test_a_file_keeps_its_rights_and_the_link_that_leads_to_it(file: Path) -> None:
    file.chmod(0o640)
    link = file.with_name("linked.yaml")
    link.symlink_to(file)
    edit(link, Platform, lambda text: append(text, ["models"], MODEL))
    assert link.is_symlink()
    assert "churn" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640


def test_nothing_is_lost_of_what_four_add_at_once(file: Path) -> None:
    def add(number: int) -> None:
        model = {key: f"{value}-{number}" for key, value in MODEL.items()}
        edit(file, Platform, lambda text: append(text, ["models"], model))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    added = {model.name for model in read_platform(file).models}
    assert added == {"seattle-rain", *(f"churn-{number}" for number in range(4))}


def test_an_item_takes_the_style_of_its_list() -> None:
    assert append("a:\n- x # first\nb: 1\n", ["a"], "y") == "a:\n- x # first\n- y\nb: 1\n"
    assert append("a: [x] # all\n", ["a"], "y") == "a: [x, y] # all\n"
    assert append("a: [] # none\n", ["a"], "y") == "a: [y] # none\n"


def test_aliases_are_left_to_people() -> None:
    with pytest.raises(BadInput, match="aliases"):
        append("one: &one [a]\ntwo: *one\n", ["two"], "b")


# ---------------------------------------------------------------- any file, any edit

words = st.text("ab:#-'\" 1é", max_size=6) | st.sampled_from(["yes", "null", "0123", "1e3", "~"])
keys = st.sampled_from(["a", "b", "c", "d"])
values = st.recursive(
    words | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(keys, values, min_size=1, max_size=4)
styles = st.sampled_from([True, False, None])


def written(document: object, style: bool | None, remarks: bool) -> str:
    text: str = yaml.safe_dump(document, default_flow_style=style, sort_keys=False, allow_unicode=True)
    if remarks and style is False and not any(mark in text for mark in "'\"|>?"):
        text = "".join(f"# above\n{line}  # remark\n" for line in text.splitlines())
    return text


@given(documents, styles, st.booleans(), keys, values)
def test_what_is_put_is_read_and_nothing_else_changes(
    document: dict[str, Any], style: bool | None, remarks: bool, key: str, value: Any
) -> None:
    text = written(document, style, remarks)
    after = put(text, [key], value)
    assert yaml.safe_load(after) == document | {key: value}
    if key not in document:
        assert after.count("#") >= text.count("#")


@given(documents, styles, st.booleans(), keys, keys, values)
def test_what_is_put_deeper_is_read(
    document: dict[str, Any], style: bool | None, remarks: bool, outer: str, inner: str, value: Any
) -> None:
    text = written(document, style, remarks)
    there = document.get(outer)
    if there not in (None, "", [], {}) and not isinstance(there, dict):
        with pytest.raises(BadInput, match="no mapping"):
            put(text, [outer, inner], value)
        return
    assert yaml.safe_load(put(text, [outer, inner], value)) == document | {
        outer: (there or {}) | {inner: value}
    }


@given(documents, styles, st.booleans(), keys, values)
def test_what_is_appended_is_read(
    document: dict[str, Any], style: bool | None, remarks: bool, key: str, value: Any
) -> None:
    text = written(document, style, remarks)
    there = document.get(key)
    if there not in (None, "", [], {}) and not isinstance(there, list):
        with pytest.raises(BadInput, match="no list"):
            append(text, [key], value)
        return
    expected = deepcopy(document)
    expected[key] = [*(there or []), value]
    assert yaml.safe_load(append(text, [key], value)) == expected
