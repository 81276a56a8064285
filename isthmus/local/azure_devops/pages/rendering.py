"""Pages as HTML: the templates, and how moments, durations, people and states are written in them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markupsafe import Markup

from isthmus.local.azure_devops.clock import parse
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.pages.page import Page
from isthmus.local.azure_devops.store import Document

TEMPLATES = Path(__file__).parent / "templates"
WORDS = {"inProgress": "running", "canceling": "canceling", "pending": "pending", "notStarted": "queued"}
PARTLY = "succeededWithIssues"


class Rendering:
    """Renders pages of one organization; every text is escaped."""

    def __init__(self, organization: Organization) -> None:
        self._organization = organization
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "moment": moment,
            "took": took,
            "state": state,
            "person": self._person,
            "branch": lambda ref: ref.removeprefix("refs/heads/"),
            "markdown": markdown,
        }

    def page(self, page: Page) -> str:
        organization = self._organization.settings.organization
        template = self._environment.get_template(page.template)
        return template.render(page=page, organization=organization, **page.shown)

    def _person(self, key: str | None) -> str:
        found = self._organization.principals.get(key or "")
        return found.display_name if found else ""


def moment(text: str | None) -> str:
    """The time of today, else date and time, as this machine's clock has it."""
    if not text:
        return ""
    at = parse(text).astimezone()
    return f"{at:%H:%M:%S}" if at.date() == datetime.now().astimezone().date() else f"{at:%Y-%m-%d %H:%M}"


def took(thing: Document) -> str:
    """How long a record or run has taken, or took."""
    start = thing.get("startTime") or thing.get("createdDate")
    if not start:
        return ""
    finish = thing.get("finishTime") or thing.get("finishedDate")
    seconds = ((parse(finish) if finish else datetime.now(UTC)) - parse(start)).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def state(thing: Document) -> str:
    """One word for a record or run: its result, or how far it is."""
    found = str(thing.get("result") or WORDS.get(thing["state"], thing["state"]))
    return "issues" if found == PARTLY else found


def markdown(text: str) -> Markup:
    """What a step or a person wrote: HTML in it stays text, and links of other schemes than the web's too.

    As in Azure DevOps, a comment of HTML's is not shown: the product marks by one what it has said before.
    """
    shown = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(shown))  # noqa: S704
