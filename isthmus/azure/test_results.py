"""The test results that a run published."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.azure.client import Client


@dataclass(frozen=True)
class Result:
    """One test, and the title that it was published under; `outcome`: Passed, Failed, NotExecuted."""

    suite: str
    name: str
    outcome: str
    message: str = ""


def of_run(client: Client, number: int) -> list[Result]:
    """All of a run, those that failed first."""
    found = [
        Result(suite["name"], one["testCaseTitle"], one["outcome"], one.get("errorMessage") or "")
        for suite in client.get("test/runs", buildUri=f"vstfs:///Build/Build/{number}")["value"]
        for one in client.every(f"test/runs/{suite['id']}/results")
    ]
    return sorted(found, key=lambda one: one.outcome != "Failed")
