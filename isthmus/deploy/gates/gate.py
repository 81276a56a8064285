"""What a gate gets and gives: a live endpoint with its evidence, and findings."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.config import DeployConfig

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Finding:
    """One thing that was tested, in words, and whether it is as it must be."""

    name: str
    passed: bool
    message: str


@dataclass(frozen=True)
class Answer:
    """An endpoint's answer: HTTP status, text, and how long it took in seconds."""

    status: int
    text: str
    seconds: float


@dataclass(frozen=True)
class LiveEndpoint:
    """An endpoint under test, and what is known of the version that it runs."""

    runtime: Any
    name: str
    config: DeployConfig
    evidence: Path
    answers: list[Answer] = field(default_factory=list)

    def invoke(self, body: str, content_type: str = "text/csv", accept: str = "text/csv") -> Answer:
        """Ask the endpoint; a refusal by the model is an answer with its status, not an exception."""
        from botocore.exceptions import ClientError

        started = time.perf_counter()
        try:
            response = self.runtime.invoke_endpoint(
                EndpointName=self.name, Body=body.encode(), ContentType=content_type, Accept=accept
            )
            status, text = 200, response["Body"].read().decode()
        except ClientError as error:
            if error.response["Error"]["Code"] != "ModelError":
                raise
            said: dict[str, Any] = dict(error.response)
            status, text = int(said["OriginalStatusCode"]), str(said.get("OriginalMessage", ""))
        answer = Answer(status, text, time.perf_counter() - started)
        self.answers.append(answer)
        return answer

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        """The version's evaluation.json."""
        found: dict[str, Any] = json.loads((self.evidence / "evaluation.json").read_text())
        return found

    @cached_property
    def holdout(self) -> pd.DataFrame:
        """Rows that the version was not trained on: features, target, and `prediction` made at training."""
        import pandas as pd

        return pd.read_csv(self.evidence / "holdout.csv")

    @cached_property
    def features(self) -> list[str]:
        return list(self.evaluation["features"])

    def csv(self, rows: pd.DataFrame, columns: Sequence[str] | None = None) -> str:
        text: str = rows[list(columns or self.features)].to_csv(index=False)
        return text
