"""Contract: the endpoint takes what it says it takes, and refuses the rest with a clear word, not a crash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from isthmus.counting import counted
from isthmus.deploy.gates.gate import Answer, Finding, LiveEndpoint

MOST_ROWS = 200
# Each takes an instance of its own.
FILES_AT_ONCE = 4
EXTREMES = ("0", "-1e15", "1e15")
# A category that no data has, longer than any, in letters of several scripts.
STRANGE = "nie gesehen – 見たことがない " * 40


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    if endpoint.config.endpoint == "batch":
        return of_files(endpoint)
    return [*taken(endpoint), *survived(endpoint), *refused(endpoint)]


def of_files(endpoint: LiveEndpoint) -> list[Finding]:
    """The same of a batch transform: each request is a file and a job, and some go on at a time."""
    rows, ask = endpoint.holdout.head(MOST_ROWS), endpoint.csv
    right = {"a file of CSV": ask(rows), "columns in another order": ask(rows, endpoint.features[::-1])}
    alone, odd, wrong = ask(rows.head(1)), _extreme(endpoint), _wrong(endpoint)
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        given = pool.map(endpoint.invoke, (*right.values(), alone, *odd.values(), *wrong.values()))
        took = dict(zip(right, given, strict=False))
        by_itself = next(given)
        stood = dict(zip(odd, given, strict=False))
        told = dict(zip(wrong, given, strict=False))
    return [
        *(_takes(name, answer, len(rows)) for name, answer in took.items()),
        _same([by_itself], took["a file of CSV"], len(rows), [0]),
        _stands(stood),
        *(_refuses(name, answer) for name, answer in told.items()),
    ]


def taken(endpoint: LiveEndpoint) -> list[Finding]:
    """What a client may rely on."""
    row, several, features = endpoint.holdout.head(1), endpoint.holdout.head(3), endpoint.features
    objects = json.dumps({"instances": [_object(endpoint)]})
    ask = endpoint.invoke
    return [
        _takes("one row as CSV", ask(endpoint.csv(row)), 1),
        _takes("several rows as CSV", ask(endpoint.csv(several)), len(several)),
        _takes("columns in another order", ask(endpoint.csv(row, features[::-1])), 1),
        _takes("one row as JSON", ask(objects, "application/json"), 1),
        _takes("an answer as JSON", ask(endpoint.csv(row), accept="application/json"), 1),
        _same_in_company(endpoint),
    ]


def survived(endpoint: LiveEndpoint) -> list[Finding]:
    """What no data had, and somebody will send: predicted or refused, as long as the model stands it."""
    return [_stands({name: endpoint.invoke(body) for name, body in _extreme(endpoint).items()})]


def _extreme(endpoint: LiveEndpoint) -> dict[str, str]:
    row = endpoint.holdout.head(1)
    numbers = [name for name in endpoint.features if endpoint.kinds[name] == "number"]
    texts = [name for name in endpoint.features if endpoint.kinds[name] == "text"]
    asked = {value: row.assign(**dict.fromkeys(numbers, value)) for value in EXTREMES if numbers}
    if texts:
        asked["a text never seen"] = row.assign(**dict.fromkeys(texts, STRANGE))
    return {name: endpoint.csv(rows) for name, rows in asked.items()}


def _stands(answers: Mapping[str, Answer]) -> Finding:
    wrong = [
        f"{name}: {answer.status} {answer.text.strip()[:200]}"
        for name, answer in answers.items()
        if len(answer.predictions) != 1 and not _is_refusal(answer)
    ]
    return Finding("stands extreme values", not wrong, "; ".join(wrong) or ", ".join(answers))


def refused(endpoint: LiveEndpoint) -> list[Finding]:
    """What must not be answered by a guess."""
    ask = endpoint.invoke
    return [
        *(_refuses(name, ask(body)) for name, body in _wrong(endpoint).items()),
        _refuses("an empty request", ask(" ")),
        _refuses("a type that is not served", ask("<row/>", "application/xml")),
    ]


def _wrong(endpoint: LiveEndpoint) -> dict[str, str]:
    row, features = endpoint.holdout.head(1), endpoint.features
    extra = row.assign(not_a_feature="1")
    # Without its first column one of several features is missing; of a single one, all are.
    without = features[1:] or ["not_a_feature"]
    found = {
        "a missing column": endpoint.csv(extra, without),
        "an unknown column": endpoint.csv(extra, [*features, "not_a_feature"]),
        "the label left in": endpoint.csv(row, [*features, endpoint.evaluation["target"]]),
    }
    number = next((name for name in features if endpoint.kinds[name] == "number"), None)
    if number is not None:
        found["a text for a number"] = endpoint.csv(row.assign(**{number: "not a number"}))
    return found


def _same_in_company(endpoint: LiveEndpoint) -> Finding:
    """A row's prediction is its own, however many rows are asked with it: requests are predicted together."""
    rows = endpoint.holdout.head(MOST_ROWS)
    alone = [endpoint.invoke(endpoint.csv(rows.iloc[[place]])) for place in (0, -1)]
    batch = endpoint.invoke(endpoint.csv(rows))
    return _same(alone, batch, len(rows), [0, -1])


def _same(alone: Sequence[Answer], batch: Answer, rows: int, places: Sequence[int]) -> Finding:
    name = f"predicts a row alone as among {rows}"
    if len(batch.predictions) != rows or not all(answer.predictions for answer in alone):
        return Finding(
            name, False, f"{batch.status}, {counted(len(batch.predictions), 'prediction')} {batch.text[:200]}"
        )
    given = [answer.predictions[0] for answer in alone]
    among = [batch.predictions[place] for place in places]
    passed = all(map(_equal, given, among))
    return Finding(name, passed, f"{', '.join(given)} alone, {', '.join(among)} among others")


def _equal(one: str, other: str) -> bool:
    try:
        return abs(float(one) - float(other)) <= 1e-6 * max(1.0, abs(float(one)))
    except ValueError:  # a class
        return one == other


def _object(endpoint: LiveEndpoint) -> dict[str, str | float | None]:
    """The first held-out row as JSON has it: numbers as numbers, nothing as null."""
    row = endpoint.holdout.iloc[0]
    return {name: _value(str(row[name]), endpoint.kinds[name]) for name in endpoint.features}


def _value(text: str, kind: str) -> str | float | None:
    if not text:
        return None
    try:
        return float(text) if kind == "number" else text
    except ValueError:  # a truth value, which counts as a number
        return text


def _takes(what: str, answer: Answer, rows: int) -> Finding:
    given = len(answer.predictions)
    said = f"{answer.status}, {counted(given, 'prediction')} for {counted(rows, 'row')}"
    return Finding(f"takes {what}", given == rows, said if given == rows else f"{said}: {answer.text[:200]}")


def _refuses(what: str, answer: Answer) -> Finding:
    return Finding(f"refuses {what}", _is_refusal(answer), f"{answer.status} {answer.text.strip()[:200]}")


def _is_refusal(answer: Answer) -> bool:
    return 400 <= answer.status < 500 and bool(answer.text.strip())
