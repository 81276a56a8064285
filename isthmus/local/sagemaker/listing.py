"""List operations: the filters, orders and pages that all of SageMaker's lists share."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker.call import Call

PAGE = 10
# A request's filter, and the member it looks at in records that call it otherwise.
_AFTER = {"CreationTimeAfter": "CreationTime", "CreatedAfter": "CreationTime"}
_BEFORE = {"CreationTimeBefore": "CreationTime", "CreatedBefore": "CreationTime"}
_AFTER |= {"LastModifiedTimeAfter": "LastModifiedTime"}
_BEFORE |= {"LastModifiedTimeBefore": "LastModifiedTime"}


def page(
    call: Call,
    records: Iterable[Record],
    answer: str,
    *,
    name: str = "",
    status: str = "",
    sort: str = "CreationTime",
    order: str = "Descending",
) -> Record:
    """One page of records, by the request's filters.

    `name` and `status` are the members that NameContains and StatusEquals look at; `sort` and `order` are
    used where the request does not say.
    """
    kept = [record for record in records if _wanted(call, record, name, status)]
    by = {"Name": name, "Status": status}.get(call.get("SortBy", sort), call.get("SortBy", sort))
    kept.sort(key=lambda record: _rank(record.get(by)))
    if call.get("SortOrder", order) == "Descending":
        kept.reverse()
    start, size = _start(call), call.get("MaxResults", PAGE)
    rest = {"NextToken": _token(start + size)} if start + size < len(kept) else {}
    return {answer: kept[start : start + size], **rest}


def _wanted(call: Call, record: Record, name: str, status: str) -> bool:
    prefix = call.get("PipelineNamePrefix", "")
    return (
        call.get("NameContains", "").lower() in str(record.get(name, "")).lower()
        and str(record.get(name, "")).startswith(prefix)
        and call.get("StatusEquals") in (None, record.get(status))
        and all(fits(str(record.get(key, ""))) for key, fits in _filters(call))
        and all(record[key] > call[one] for one, key in _AFTER.items() if call.get(one) is not None)
        and all(record[key] < call[one] for one, key in _BEFORE.items() if call.get(one) is not None)
    )


def _filters(call: Call) -> Iterator[tuple[str, Callable[[str], bool]]]:
    """Filters whose names say which member they look at: DomainIdEquals, SpaceNameContains."""
    for filter_, value in call.params.items():
        if filter_ in ("NameContains", "StatusEquals") or not isinstance(value, str):
            continue
        if filter_.endswith("Equals"):
            yield filter_.removesuffix("Equals"), value.__eq__
        elif filter_.endswith("Contains"):
            yield filter_.removesuffix("Contains"), partial(_contains, value)


def _contains(part: str, found: str) -> bool:
    return part.lower() in found.lower()


def _rank(value: Any) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else 0)


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(f"from:{start}".encode()).decode()


def _start(call: Call) -> int:
    token = call.get("NextToken")
    if not token:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(token).decode().partition(":")
        if word == "from":
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise invalid("The pagination token is invalid.")
