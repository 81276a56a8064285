"""What SageMaker remembers, by account and region: tables of records in the shapes of its own API.

Records are plain JSON, so the whole state can be saved at any moment. A member whose name begins with `_` is
ours; answers never show it, because they hold only what the API's model names.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from isthmus.executor.record import Record
from isthmus.local.sagemaker.arns import Arn

TABLES = (
    "groups",
    "packages",
    "pipelines",
    "executions",
    "processing-job",
    "training-job",
    "transform-job",
    "models",
    "configs",
    "endpoints",
    "inference-components",
    "domains",
    "user-profiles",
    "studio-spaces",
    "apps",
    "studio-urls",
    "studio-sessions",
    "lifecycle-configs",
    "feature-groups",
    "mlflow-app",
    "mlflow-tracking-server",
    "data-quality-job-definition",
    "model-quality-job-definition",
    "monitoring-schedule",
    "tags",
    "tokens",
)
Table = dict[str, Record]


@dataclass
class Space:
    """One account in one region."""

    account: str
    region: str
    tables: dict[str, Table] = field(default_factory=lambda: {name: {} for name in TABLES})

    def arn(self, kind: str, name: str) -> str:
        """SageMaker writes names in its ARNs in lower case."""
        return str(Arn(self.region, self.account, kind, name.lower()))

    def __getitem__(self, table: str) -> Table:
        return self.tables[table]


class State:
    """All spaces. Change records under `lock`; call `changed` after it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.on_change: Callable[[], None] = lambda: None
        self._spaces: dict[tuple[str, str], Space] = {}

    def space(self, account: str, region: str) -> Space:
        with self.lock:
            return self._spaces.setdefault((account, region), Space(account, region))

    def spaces(self) -> list[Space]:
        with self.lock:
            return list(self._spaces.values())

    def changed(self) -> None:
        self.on_change()

    def clear(self) -> None:
        with self.lock:
            self._spaces.clear()

    def dump(self) -> dict[str, Any]:
        """Everything, as plain JSON of its own."""
        with self.lock:
            return {
                f"{space.account}/{space.region}": copy.deepcopy(space.tables)
                for space in self._spaces.values()
            }

    def load(self, dumped: dict[str, Any]) -> None:
        with self.lock:
            for key, tables in dumped.items():
                account, region = key.split("/")
                self.space(account, region).tables.update(tables)


def now() -> float:
    """The time as SageMaker gives it: seconds, to the millisecond."""
    return round(time.time(), 3)
