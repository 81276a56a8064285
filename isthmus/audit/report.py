"""An audit's findings for people, for scripts, as SARIF for code scanning, and as JUnit test results."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any
from xml.etree import ElementTree

from isthmus.audit.rules import Finding, Rule

NOT_ASKED = "Not asked."
SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def as_table(rules: Sequence[Rule], findings: Sequence[Finding], unasked: Collection[str]) -> str:
    """A line for each rule, and below it what it was found broken by."""
    lines = []
    for rule in rules:
        broken = [one for one in findings if one.rule == rule.id]
        sign = "–" if rule.id in unasked else "✗" if broken else "✓"
        lines.append(f"{sign} {rule.id:<19} {rule.holds}{f' {NOT_ASKED}' if rule.id in unasked else ''}")
        lines += [f"    {one.about}: {one.message}" for one in broken]
    return "\n".join(lines)


def as_json(rules: Sequence[Rule], findings: Sequence[Finding], unasked: Collection[str]) -> str:
    judged = [{"id": one.id, "holds": one.holds, "asked": one.id not in unasked} for one in rules]
    return json.dumps({"rules": judged, "findings": [asdict(one) for one in findings]}, indent=1)


def as_sarif(rules: Sequence[Rule], findings: Sequence[Finding], unasked: Collection[str]) -> str:
    """SARIF 2.1.0: what is found lies in no file, so each result has a logical location."""
    driver = {
        "name": "isthmus audit",
        "version": version("isthmus"),
        "rules": [{"id": one.id, "shortDescription": {"text": one.holds}} for one in rules],
    }
    places = {rule.id: place for place, rule in enumerate(rules)}
    results = [_result(one, places[one.rule]) for one in findings]
    invocation = {
        "executionSuccessful": True,
        "toolExecutionNotifications": [_not_asked(one, places[one]) for one in sorted(unasked)],
    }
    run: dict[str, Any] = {"tool": {"driver": driver}, "invocations": [invocation], "results": results}
    return json.dumps({"$schema": SARIF, "version": "2.1.0", "runs": [run]}, indent=1)


def _not_asked(rule: str, place: int) -> dict[str, Any]:
    return {
        "level": "note",
        "message": {"text": f"{rule}: {NOT_ASKED}"},
        "associatedRule": {"id": rule, "index": place},
    }


def _result(one: Finding, place: int) -> dict[str, Any]:
    return {
        "ruleId": one.rule,
        "ruleIndex": place,
        "level": "error",
        "message": {"text": f"{one.about}: {one.message}"},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": one.about, "kind": "resource"}]}],
        # So that a finding that stays is one, night after night.
        "partialFingerprints": {"ruleAndPlace/v1": f"{one.rule}:{one.about}"},
    }


def as_junit(rules: Sequence[Rule], findings: Sequence[Finding], unasked: Collection[str]) -> str:
    """One test case a rule."""
    broken = {one.rule for one in findings}
    suite = ElementTree.Element(
        "testsuite",
        name="isthmus audit",
        tests=str(len(rules)),
        failures=str(len(broken)),
        errors="0",
        skipped=str(len(unasked)),
    )
    for rule in rules:
        case = ElementTree.SubElement(suite, "testcase", classname="audit", name=f"{rule.id}: {rule.holds}")
        found = [f"{one.about}: {one.message}" for one in findings if one.rule == rule.id]
        if rule.id in unasked:
            ElementTree.SubElement(case, "skipped", message=NOT_ASKED)
        if found:
            failure = ElementTree.SubElement(case, "failure", message=found[0], type=rule.id)
            failure.text = "\n".join(found)
    whole = ElementTree.Element("testsuites")
    whole.append(suite)
    return ElementTree.tostring(whole, encoding="unicode", xml_declaration=True)


FORMATS: dict[str, Callable[[Sequence[Rule], Sequence[Finding], Collection[str]], str]] = {
    "table": as_table,
    "json": as_json,
    "sarif": as_sarif,
    "junit": as_junit,
}
