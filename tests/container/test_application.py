"""The serving application, asked in this process: what is predicted together, and that nothing breaks it."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.container import batches
from isthmus.container.application import Application
from isthmus.container.batches import Door
from isthmus.container.model import Model
from isthmus.container.server import Server

FEATURES = {"size": "number", "colour": "text"}
Asked = tuple[bytes, str]
Predict = Callable[[Any], Any]


def sizes(frame: Any) -> Any:
    """A model that does not take what is missing, as many do not."""
    if frame["size"].isna().any():
        raise ValueError("Input X contains NaN.\nand a long explanation")
    return frame["size"] * 2


def application(predict: Predict = sizes, example: dict[str, Any] | None = None) -> Application:
    return Application(Model(FEATURES, frozenset({"?"}), "price", predict, example or {}))


async def ask(
    app: Application, body: bytes, kind: str = "text/csv", **more: Any
) -> tuple[int, str, dict[str, str]]:
    headers = [(b"content-type", kind.encode("latin-1", "replace"))]
    scope = {"type": "http", "method": "POST", "path": "/invocations", "headers": headers} | more
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], sent[1]["body"].decode(), found


def together(app: Application, asked: Sequence[Asked]) -> list[tuple[int, str, dict[str, str]]]:
    async def all_of_them() -> list[tuple[int, str, dict[str, str]]]:
        return await asyncio.gather(*(ask(app, *one) for one in asked))

    return asyncio.run(all_of_them())


def test_what_waits_is_predicted_together_and_each_gets_its_own() -> None:
    calls: list[int] = []

    def counted(frame: Any) -> Any:
        calls.append(len(frame))
        return frame["size"] * 2

    asked = [(f"{number},red\n{number}.5,red".encode(), "text/csv") for number in range(50)]
    answers = together(application(counted), asked)
    assert [text for _, text, _ in answers] == [f"{2.0 * n}\n{2.0 * n + 1}\n" for n in range(50)]
    assert sum(calls) == 100 and len(calls) <= 3


@pytest.mark.parametrize(("quick", "calls"), [(60.0, [600, 1200, 2400]), (0.0, [600] * 7)])
def test_a_quick_model_is_given_more_rows_a_call(
    monkeypatch: pytest.MonkeyPatch, quick: float, calls: list[int]
) -> None:
    monkeypatch.setattr(batches, "QUICK_SECONDS", quick)
    sizes: list[int] = []

    def counted(frame: Any) -> Any:
        sizes.append(len(frame))
        return frame["size"] * 2

    asked = [("\n".join([f"{number},red"] * 600).encode(), "text/csv") for number in range(7)]
    answers = together(application(counted), asked)
    assert [text for _, text, _ in answers] == [f"{2.0 * number}\n" * 600 for number in range(7)]
    assert sizes == calls


def test_between_the_pieces_of_a_large_request_others_get_their_turn() -> None:
    calls: list[list[float]] = []

    def predict(frame: Any) -> Any:
        calls.append(frame["size"].tolist())
        return frame["size"] * 2

    rows = 5 * batches.MOST_ROWS
    large, small = together(application(predict), [(b"1,red\n" * rows, "text/csv"), (b"7,red\n", "text/csv")])
    assert (large[0], large[1].split()) == (200, ["2.0"] * rows)
    assert small[:2] == (200, "14.0\n")
    assert len(calls[0]) == batches.MOST_ROWS and 7 in calls[1] and len(calls) > 2


def test_a_row_of_a_later_piece_is_named_by_its_place_in_the_request() -> None:
    body = b"1,red\n" * batches.MOST_ROWS + b"7,red\n"
    ((status, text, _),) = together(
        application(lambda frame: frame["size"].where(frame["size"] != 7)), [(body, "text/csv")]
    )
    assert (status, text) == (500, f"the model predicts nan for row {batches.MOST_ROWS + 1}\n")


def test_a_request_that_breaks_the_model_breaks_no_other() -> None:
    answers = together(
        application(), [(b"1,red", "text/csv"), (b",red", "text/csv"), (b"3,red", "text/csv")] * 3
    )
    assert [status for status, _, _ in answers] == [200, 400, 200] * 3
    assert answers[1][1] == "the model does not take these rows: Input X contains NaN.\n"


def test_only_a_model_that_takes_its_example_blames_the_rows() -> None:
    """Else a version that refuses everything would look as if its callers were wrong."""

    def red_only(frame: Any) -> Any:
        if set(frame["colour"]) != {"red"}:
            raise ValueError("Found unknown categories")
        return frame["size"]

    asked = [(b"1,blue", "text/csv")]
    assert together(application(red_only, {"size": 1.0, "colour": "red"}), asked)[0][0] == 400
    assert together(application(red_only, {"size": 1.0, "colour": "green"}), asked)[0][0] == 500
    assert together(application(red_only), asked)[0][0] == 500


@pytest.mark.parametrize(
    ("predict", "words"),
    [
        (lambda frame: 1 / 0, "the model failed: ZeroDivisionError; its log has more"),
        (lambda frame: [1.0], "the model gave 1 prediction for 2 rows"),
        (lambda frame: [1.0, float("nan")], "the model predicts nan for row 2"),
    ],
)
def test_the_models_own_faults_are_told_without_a_trace(predict: Predict, words: str) -> None:
    status, text, _ = together(application(predict), [(b"1,red\n2,red", "text/csv")])[0]
    assert (status, text) == (500, words + "\n")


def test_more_than_it_can_answer_is_sent_away() -> None:
    app = application()
    app.door = Door(most_requests=4)
    answers = together(app, [(b"1,red", "text/csv")] * 10)
    refused = [answer for answer in answers if answer[0] == 503]
    assert len(refused) == 6 and all(headers["retry-after"] == "1" for _, _, headers in refused)
    assert "4 requests are under way" in refused[0][1]
    assert [status for status, _, _ in together(app, [(b"1,red", "text/csv")] * 4)] == [200] * 4


def test_large_requests_wait_for_memory() -> None:
    app = application()
    app.door = Door(most_bytes=100)
    with app.door.enter(90):
        long = {"headers": [(b"content-length", b"90")]}
        assert asyncio.run(ask(app, b"1,red", **long))[0] == 503
    assert asyncio.run(ask(app, b"1,red", **long))[0] == 200


def test_it_says_how_a_batch_transform_may_ask() -> None:
    status, text, _ = asyncio.run(ask(application(), b"", path="/execution-parameters", method="GET"))
    assert status == 200 and json.loads(text)["MaxPayloadInMB"] == 6


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/invocations", 405), ("POST", "/other", 404)]
)
def test_other_ways_lead_nowhere(method: str, path: str, status: int) -> None:
    assert asyncio.run(ask(application(), b"", method=method, path=path))[0] == status


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"[" * 100_000, "application/json", "nested too deeply"),
        (b'{"a":' * 100_000, "application/json", "nested too deeply"),
        (b'[{"size": 1' + b"0" * 400 + b', "colour": ""}]', "application/json", "not a finite number"),
        (b'[{"size": 1' + b"0" * 5000 + b', "colour": ""}]', "application/json", "not JSON"),
        (b'[{"size": 1_0, "colour": ""}]', "application/json", "not JSON"),
        (b"1_0,red", "text/csv", "'1_0' is not a number"),
        (b"1,red\n1_0,red", "text/csv", "row 2, column 'size': '1_0' is not a number"),
        (b"-inf,red", "text/csv", "'-inf' is not a finite number"),
        (b"1e999,red", "text/csv", "'1e999' is not a finite number"),
        (
            b"size,colour,price\n1,red,3",
            "text/csv",
            "column 'price' is what the model predicts; leave it out",
        ),
        (b"1,red,3", "text/csv", "row 1 has 3 cells, not 2 (without 'price')"),
        (b"size,size,colour\n1,1,red", "text/csv", "column 'size' stands twice"),
        (b"Size,Colour\n1,red", "text/csv", "missing column 'size'"),
        (b'1,"' + b"x" * 2_000_000, "text/csv", "field larger than field limit"),
        (b'{"size": 1, "colour": "red"}\n{"size": 1', "application/jsonlines", "line 2 is not JSON"),
        (b'{"instances": 3}', "application/json", "no rows"),
        (b'1,"red\n2,blue', "text/csv", "not CSV: unexpected end of data"),
        (b'1,"red"x\n2,blue', "text/csv", "not CSV"),
        (
            b'[[1, "red"], [1, ["x"]]]',
            "application/json",
            "row 2, column 'colour': a text is needed, not list",
        ),
        (b'[{"size": 1, "colour": {"a": 1}}]', "application/json", "a text is needed, not dict"),
        (b"\xef\xbb\xbf", "text/csv", "the request is empty"),
        (b"1,red", "text/plain", "content type 'text/plain' is not served"),
        (b"1,red", "", "content type '' is not served"),
    ],
)
def test_bad_input_is_named(body: bytes, kind: str, words: str) -> None:
    status, text, _ = asyncio.run(ask(application(), body, kind))
    assert status == 400 and words in text


def test_json_lines_are_rows() -> None:
    lines = b'{"size": 1, "colour": "red"}\n\n{"colour": "a\\u2028b", "size": 2}\n'
    assert asyncio.run(ask(application(), lines, "application/jsonlines"))[1] == "2.0\n4.0\n"


CELL = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.just([]), st.just({})
)
NAMES = st.sampled_from(["size", "colour", "price", "Size", ""])
ROW = st.one_of(st.dictionaries(NAMES, CELL), st.lists(CELL, max_size=3), CELL)
JSON = st.one_of(st.lists(ROW, max_size=3), st.fixed_dictionaries({"instances": ROW}), ROW).map(json.dumps)
CSV = st.lists(st.lists(st.one_of(NAMES, st.text(max_size=5)), max_size=3).map(",".join), max_size=4).map(
    "\n".join
)
TYPES = st.sampled_from(
    ["text/csv", "application/json", "application/jsonlines", "application/json; charset=x", "x"]
)
BODIES = st.one_of(
    st.binary(max_size=60), JSON.map(str.encode), CSV.map(lambda text: text.encode(errors="surrogatepass"))
)


@given(st.lists(st.tuples(BODIES, TYPES), min_size=1, max_size=4))
@settings(max_examples=400)
def test_whatever_is_sent_is_answered_by_predictions_or_a_refusal(asked: list[Asked]) -> None:
    for status, text, _ in together(application(), asked):
        assert status in (200, 400) and text.strip()
        assert "Traceback" not in text


def test_of_a_caller_that_leaves_in_mid_body_nothing_is_predicted() -> None:
    """Its last row may be cut: 12 of 1234."""
    seen: list[int] = []
    app = application(lambda frame: seen.append(len(frame)) or frame["size"])
    messages = iter(
        [{"type": "http.request", "body": b"1,red\n2,re", "more_body": True}, {"type": "http.disconnect"}]
    )
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app({"type": "http", "method": "POST", "path": "/invocations", "headers": []}, receive, send))
    assert sent[0]["status"] == 400
    assert seen == []


def test_it_does_not_stop_before_who_is_inside_was_answered() -> None:
    """A request of 10 seconds was cut after 8, and told 500."""
    app = application()
    server = Server(app)
    with app.door.enter(1):
        server.handle_exit(signal.SIGTERM, None)
        server.told_to_stop = app.last_asked = time.monotonic() - 5
        assert not asyncio.run(server.on_tick(1))
    assert asyncio.run(server.on_tick(1))
