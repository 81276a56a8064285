"""Contract: the endpoint takes what it says it takes, and refuses the rest with a clear word, not a crash."""

from __future__ import annotations

import json

from isthmus.deploy.gates.gate import Answer, Finding, LiveEndpoint


def gate(endpoint: LiveEndpoint) -> list[Finding]:
    row, features = endpoint.holdout.head(1), endpoint.features
    several = endpoint.holdout.head(3)
    as_json = json.dumps({"instances": json.loads(row[features].to_json(orient="records"))})
    without = [feature for feature in features if feature != features[0]]
    extra = row.assign(not_a_feature=1)
    return [
        _takes("one row as CSV", endpoint.invoke(endpoint.csv(row)), 1),
        _takes("several rows as CSV", endpoint.invoke(endpoint.csv(several)), len(several)),
        _takes("columns in another order", endpoint.invoke(endpoint.csv(row, features[::-1])), 1),
        _takes("one row as JSON", endpoint.invoke(as_json, "application/json"), 1),
        _refuses("a missing column", endpoint.invoke(endpoint.csv(row, without))),
        _refuses("an unknown column", endpoint.invoke(endpoint.csv(extra, [*features, "not_a_feature"]))),
        _refuses("an empty request", endpoint.invoke(" ")),
        _refuses("a type that is not served", endpoint.invoke("<row/>", "application/xml")),
    ]


def _takes(what: str, answer: Answer, rows: int) -> Finding:
    values = answer.text.split()
    passed = answer.status == 200 and len(values) == rows
    return Finding(f"takes {what}", passed, f"{answer.status}, {len(values)} predictions for {rows} rows")


def _refuses(what: str, answer: Answer) -> Finding:
    passed = 400 <= answer.status < 500 and bool(answer.text.strip())
    return Finding(f"refuses {what}", passed, f"{answer.status} {answer.text.strip()[:200]}")
