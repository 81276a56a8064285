"""Microsoft's recorded requests and answers, replayed against the stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.contract import specs
from tests.local.azure_devops.standin import Person

# Left out of answers here: looks; links and ids that nobody follows; what costs a git process per commit;
# members of older versions of the API than the recorded question asks for; free words.
LEFT_OUT = frozenset(
    {
        *("_links", "imageUrl", "url", "mergeId"),
        *("changeCounts", "changes", "commentTruncated", "contentMetadata", "push"),
        *("isContainer", "lastMergeCommit", "description", "properties"),
    }
)


@dataclass(frozen=True)
class Recording:
    """One recorded exchange: the path below the organization or project, and the first good answer."""

    method: str
    in_project: bool
    path: str
    query: Mapping[str, str]
    body: Any
    answer: Any


def read(name: str) -> Recording:
    """The recording of that name (`git/7.1/...`, without `.json`); skips where there are none."""
    file = specs.need("azure-devops", "examples", f"{name}.json")
    found = json.loads(file.read_text(encoding="utf-8-sig"))
    url = urlsplit(found["x-ms-vss-request-url"])
    scope, _, path = unquote(url.path).partition("/_apis/")
    query = dict(part.partition("=")[::2] for part in unquote(url.query).split("&") if part)
    query.pop("api-version", None)
    good = next(answer for status, answer in found["responses"].items() if status.startswith("2"))
    method = found.get("x-ms-vss-request-method") or Path(name).name.partition("_")[0]
    in_project = scope.strip("/").count("/") == 1
    return Recording(method, in_project, path, query, found["parameters"].get("body"), good.get("body"))


def replay(person: Person, recording: Recording, here: Mapping[str, object]) -> Any:
    """Ask what was asked, with what stands `here` in place of what stood there; the answer as JSON."""
    path, query = _swapped(recording.path, here), _swapped(recording.query, here)
    path = path if recording.in_project else f"/_apis/{path}"
    response = person.ask(recording.method, path, _swapped(recording.body, here), **query)
    assert response.ok, f"{recording.method} {path}: {response.status_code} {response.text[:300]}"
    return response.json() if response.content else None


def _swapped(value: Any, here: Mapping[str, object]) -> Any:
    """A value that is one of those there is the one here; within texts, such as paths, their parts are."""
    if isinstance(value, dict):
        return {key: _swapped(one, here) for key, one in value.items()}
    if isinstance(value, list):
        return [_swapped(one, here) for one in value]
    if isinstance(value, str):
        if value in here:
            return here[value]
        for there, one in here.items():
            value = value.replace(there, str(one)) if len(there) > 4 else value
        return value
    return here.get(str(value), value) if isinstance(value, int) and not isinstance(value, bool) else value


def lacking(recorded: Any, answered: Any, at: str = "") -> Iterator[str]:
    """What the recorded answer has and the answer here has not, or has of another type."""
    if recorded is None or at.rpartition(".")[2] in LEFT_OUT:
        return
    if _kind(recorded) is not _kind(answered):
        yield f"{at}: {_kind(recorded).__name__} was recorded, found {json.dumps(answered)[:80]}"
    elif isinstance(recorded, dict):
        for key, one in recorded.items():
            if key in answered:
                yield from lacking(one, answered[key], f"{at}.{key}")
            elif one is not None and key not in LEFT_OUT:
                yield f"{at}.{key}: is missing"
    elif isinstance(recorded, list) and recorded:
        if not answered:
            yield f"{at}: is empty"
        for one in answered[:1]:
            yield from lacking(recorded[0], one, f"{at}[]")


def _kind(value: Any) -> type:
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)
