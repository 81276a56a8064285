"""`isthmus label`: what is sent is what the monitor reads; what is no good is named by its line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import BadInput
from isthmus.monitor.labels import read_labels
from isthmus.operate import labels
from tests.local.sagemaker.conftest import PROD, Aws
from tests.operate.conftest import CAPTURES, CHECKOUT, LABELS, MODEL, Shell


def captured(aws: Aws, *ids: str) -> None:
    lines = (json.dumps({"eventMetadata": {"eventId": "x", "inferenceId": one}}) for one in ids)
    key = f"captures/{MODEL}/{MODEL}-c0ffee/{MODEL}/AllTraffic/2026/11/20/00/labelled.jsonl"
    aws.client("s3", PROD).put_object(Bucket=CAPTURES, Key=key, Body="\n".join(lines).encode())


def keys(aws: Aws) -> list[str]:
    return [one["Key"] for one in aws.client("s3", PROD).list_objects_v2(Bucket=LABELS).get("Contents", [])]


def test_the_monitor_reads_what_the_page_has_a_reader_send(shell: Shell, aws: Aws, tmp_path: Path) -> None:
    captured(aws, "order-77", "batch-3", "half")
    page = (CHECKOUT / "docs/your-model.md").read_text()
    ((content,), (command,)) = (
        re.findall(r"```csv\n(.*?)```", page, re.S),
        re.findall(r"^isthmus (label \S+ --stage prod \S+)$", page, re.M),
    )
    (tmp_path / command.split()[-1]).write_text(content)
    done = shell.run(*command.split())
    assert done.exit_code == 0, done.exception
    assert f"4 labels of {MODEL} in prod: s3://{LABELS}/{MODEL}/" in done.output
    assert "1 of their ids stand with no request that was captured: order-99" in done.output
    (key,) = keys(aws)
    assert re.fullmatch(rf"{MODEL}/\d{{4}}/\d\d/\d\d/\d\d/[0-9a-f]{{16}}\.jsonl", key)
    aws.client("s3", PROD).download_file(LABELS, key, str(tmp_path / "sent.jsonl"))
    found = read_labels(tmp_path)
    assert found.bad == []
    assert found.by_id == {"order-77": "1", "order-99": "0", "batch-3/0": "0", "batch-3/1": "1"}
    again = shell.json(*command.split())
    assert (again["labels"], again["unknown"]) == (4, ["order-99"]) and again["where"].startswith("s3://")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "inference_id,label\na,1\nb,\na,0\n,1\nc,NaN\n", [
            "4 lines are no good, and nothing was sent", "a.csv:3: the label is empty: ''",
            "a.csv:4: a stands in line 2 already", "a.csv:5: it has no inference id",
            "a.csv:6: the label is empty: 'NaN'",
        ]),
        ("a.csv", "id,label\na,1\n", ["there is no column inference_id", "a.csv:1"]),
        ("a.csv", "inference_id,label\na\n", ["the line has 1 cell, and the header 2", "a.csv:2"]),
        ("a.csv", "inference_id,label\n", ["there are no labels in it"]),
        ("a.jsonl", '{"inference_id": "a", "label": 1}\n{"id": 1}\n', ["no label: a line is", "a.jsonl:2"]),
    ],
)  # fmt: skip
def test_what_is_no_good_is_named_and_nothing_is_sent(
    shell: Shell, aws: Aws, tmp_path: Path, name: str, text: str, said: list[str]
) -> None:
    before = keys(aws)
    (tmp_path / name).write_text(text)
    done = shell.run("label", MODEL, name)
    assert isinstance(done.exception, BadInput)
    assert [one for one in said if one not in str(done.exception)] == []
    assert keys(aws) == before


def test_a_check_sends_nothing(shell: Shell, aws: Aws, tmp_path: Path) -> None:
    captured(aws, "a")
    before = keys(aws)
    (tmp_path / "a.jsonl").write_text('{"inference_id": "a", "label": 1.0}\n')
    assert (
        shell.says("label", MODEL, "a.jsonl", "--check")
        == f"1 label of {MODEL} in prod: good, and not sent\n"
    )
    assert keys(aws) == before


def test_a_class_that_training_never_saw_is_sent_and_named(shell: Shell, aws: Aws, tmp_path: Path) -> None:
    captured(aws, "a", "b", "c")
    (tmp_path / "a.csv").write_text("inference_id,label\na,1\nb,2\nc,2\n")
    done = shell.run("label", MODEL, "a.csv")
    assert done.exit_code == 0, done.exception
    assert "'2' is a class that training never saw (2 labels, the first in line 3)" in done.output
    again = shell.json("label", MODEL, "a.csv")
    assert again["unseen"] == {"2": 2}
    key = again["where"].removeprefix(f"s3://{LABELS}/")
    aws.client("s3", PROD).download_file(LABELS, key, str(tmp_path / "sent.jsonl"))
    assert read_labels(tmp_path).by_id == {"a": "1", "b": "2", "c": "2"}


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), min_size=1, max_size=20))
def test_any_text_is_read_or_refused_by_line(pairs: list[tuple[str, str]]) -> None:
    """Whatever stands in a file: labels without two of one id, or one message."""
    found = [labels.Label(identity.strip(), text, at) for at, (identity, text) in enumerate(pairs, 2)]
    ids = [one.inference_id for one in found]
    good = all(ids) and len(set(ids)) == len(ids)
    try:
        labels.require_good(found, Path("x.csv"), None)
    except BadInput as problem:
        assert not good and "x.csv:" in str(problem)
    else:
        assert good
