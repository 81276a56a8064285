"""Contract: the endpoint takes what it says it takes, and refuses the rest with a clear word, not a crash."""

from __future__ import annotations

import json

from isthmus.deploy.gates.gate import Answer, Finding, LiveEndpoint

MOST_ROWS = 200
EXTREMES = ("0", "-1e15", "1e15")
# A category that no data has, longer than any, in letters of several scripts.
STRANGE = "nie gesehen – 見たことがない " * 40


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    if endpoint.config.endpoint == "batch":
        return [Finding.unknown("requests", "a batch transform takes files of CSV, and each would be a job")]
    return [*taken(endpoint), *survived(endpoint), *refused(endpoint)]


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
    row = endpoint.holdout.head(1)
    numbers = [name for name in endpoint.features if endpoint.kinds[name] == "number"]
    texts = [name for name in endpoint.features if endpoint.kinds[name] == "text"]
    asked = {value: row.assign(**dict.fromkeys(numbers, value)) for value in EXTREMES if numbers}
    if texts:
        asked["a text never seen"] = row.assign(**dict.fromkeys(texts, STRANGE))
    answers = {name: endpoint.invoke(endpoint.csv(rows)) for name, rows in asked.items()}
    wrong = [
        f"{name}: {answer.status} {answer.text.strip()[:200]}"
        for name, answer in answers.items()
        if len(answer.predictions) != 1 and not _is_refusal(answer)
    ]
    return [Finding("stands extreme values", not wrong, "; ".join(wrong) or ", ".join(answers))]


def refused(endpoint: LiveEndpoint) -> list[Finding]:
    """What must not be answered by a guess."""
    row, features = endpoint.holdout.head(1), endpoint.features
    extra = row.assign(not_a_feature="1")
    # Without its first column one of several features is missing; of a single one, all are.
    without = features[1:] or ["not_a_feature"]
    ask = endpoint.invoke
    found = [
        _refuses("a missing column", ask(endpoint.csv(extra, without))),
        _refuses("an unknown column", ask(endpoint.csv(extra, [*features, "not_a_feature"]))),
        _refuses("the label left in", ask(endpoint.csv(row, [*features, endpoint.evaluation["target"]]))),
        _refuses("an empty request", ask(" ")),
        _refuses("a type that is not served", ask("<row/>", "application/xml")),
    ]
    number = next((name for name in features if endpoint.kinds[name] == "number"), None)
    if number is not None:
        found.append(
            _refuses("a text for a number", ask(endpoint.csv(row.assign(**{number: "not a number"}))))
        )
    return found


def _same_in_company(endpoint: LiveEndpoint) -> Finding:
    """A row's prediction is its own, however many rows are asked with it: requests are predicted together."""
    rows = endpoint.holdout.head(MOST_ROWS)
    alone = [endpoint.invoke(endpoint.csv(rows.iloc[[place]])) for place in (0, -1)]
    batch = endpoint.invoke(endpoint.csv(rows))
    name = f"predicts a row alone as among {len(rows)}"
    if len(batch.predictions) != len(rows) or not all(answer.predictions for answer in alone):
        return Finding(
            name, False, f"{batch.status}, {len(batch.predictions)} predictions {batch.text[:200]}"
        )
    given = [answer.predictions[0] for answer in alone]
    among = [batch.predictions[0], batch.predictions[-1]]
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
    said = f"{answer.status}, {given} predictions for {rows} rows"
    return Finding(f"takes {what}", given == rows, said if given == rows else f"{said}: {answer.text[:200]}")


def _refuses(what: str, answer: Answer) -> Finding:
    return Finding(f"refuses {what}", _is_refusal(answer), f"{answer.status} {answer.text.strip()[:200]}")


def _is_refusal(answer: Answer) -> bool:
    return 400 <= answer.status < 500 and bool(answer.text.strip())
