"""What the tests of one run found, each with its pictures: what Azure DevOps shows as the run's tab Tests."""

from __future__ import annotations

import base64
from pathlib import Path

from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.pages.page import Asked, Page
from isthmus.local.azure_devops.store import Document
from isthmus.local.azure_devops.test_attachments import FIRST_RESULT, files

VIEW = "ms.vss-test-web.build-test-results-tab"
# What an outcome is called, as a state that a run could have, in the order in which they are shown.
STATES = {"Failed": "failed", "NotExecuted": "skipped", "Passed": "succeeded"}


def one(asked: Asked) -> Page:
    organization, run = asked.organization, asked.run()
    address = f"{asked.base}/_build/results?buildId={run['id']}"
    shown = {
        "run": run,
        "address": address,
        "suites": [(suite, _results(organization, suite)) for suite in suites(organization, run)],
    }
    trail = (*asked.trail, (f"run {run['id']}", address))
    return Page("tests.html", "Tests", trail, shown, is_live=run["state"] != "completed")


def suites(organization: Organization, run: Document) -> list[Document]:
    """The runs of tests that the run has published, in their order."""
    return [one for one in organization.table("testrun") if one["build"] == run["id"]]


def _results(organization: Organization, suite: Document) -> list[Document]:
    """The results, those that failed first, each with the state and the pictures of its row."""
    rows = [
        result
        | {
            "state": STATES.get(result["outcome"], "pending"),
            "pictures": [_inline(file) for file in files(organization, suite, number).values()],
        }
        for number, result in enumerate(suite["results"], FIRST_RESULT)
    ]
    return sorted(rows, key=lambda row: [*STATES.values(), "pending"].index(row["state"]))


def _inline(picture: Path) -> str:
    """A picture as an address; what is none shows as its `alt`."""
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
