"""The columns and classes that a deployed model knows, and rows without other columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from isthmus.config import Stage
from isthmus.operate import endpoints, registry
from isthmus.operate.accounts import Accounts
from isthmus.s3 import read_object


def taken(accounts: Accounts, model: str, stage: Stage) -> list[str]:
    """The columns of the version that runs at the stage, as its evaluation names them, if it does."""
    found: list[str] = _evaluation(accounts, model, stage).get("features", [])
    return found


def classes(accounts: Accounts, model: str, stage: Stage) -> list[str] | None:
    """The classes that it tells apart; empty where it predicts a number, None where that is not known."""
    found = _evaluation(accounts, model, stage).get("classes")
    return None if found is None else [str(one) for one in found]


def _evaluation(accounts: Accounts, model: str, stage: Stage) -> dict[str, Any]:
    running = endpoints.find(accounts.client(stage, "sagemaker"), model, stage)
    if not running.model_package_arn:
        return {}
    version = registry.describe(accounts.client("automation", "sagemaker"), running.model_package_arn)
    folder = version.metadata.get("evaluation_uri", "").rstrip("/")
    if not folder.startswith("s3://"):
        return {}
    s3 = accounts.client("automation", "s3")
    try:
        found: dict[str, Any] = json.loads(read_object(s3, f"{folder}/evaluation.json"))
    except s3.exceptions.ClientError:
        return {}
    return found


def only(rows: bytes, wanted: Sequence[str]) -> tuple[bytes, list[str]]:
    """CSV rows with the wanted columns alone, and the names of the others; unchanged where one is missing.

    Without a header there is nothing to tell columns by, so such rows are unchanged too.
    """
    found = [row for row in csv.reader(io.StringIO(rows.decode("utf-8-sig", errors="replace"))) if row]
    header = [cell.strip() for cell in found[0]] if found else []
    others = [name for name in header if name not in wanted]
    if not wanted or not others or not set(wanted) <= set(header):
        return rows, []
    places = [header.index(name) for name in wanted]
    if any(len(row) != len(header) for row in found):
        return rows, []
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[row[place] for place in places] for row in found])
    return text.getvalue().encode(), others
