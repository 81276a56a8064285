"""Contract: the endpoint takes what it says it takes, and refuses the rest with a clear word, not a crash."""

from __future__ import annotations

import json

from isthmus.deploy.gates.gate import Answer, Finding, LiveEndpoint


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    return [*taken(endpoint), *refused(endpoint)]


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
    ]


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
        _refuses("an empty request", ask(" ")),
        _refuses("a type that is not served", ask("<row/>", "application/xml")),
    ]
    number = next((name for name in features if endpoint.kinds[name] == "number"), None)
    if number is not None:
        found.append(
            _refuses("a text for a number", ask(endpoint.csv(row.assign(**{number: "not a number"}))))
        )
    return found


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
    passed = 400 <= answer.status < 500 and bool(answer.text.strip())
    return Finding(f"refuses {what}", passed, f"{answer.status} {answer.text.strip()[:200]}")
