"""What a gate gets and gives: a live endpoint with its evidence, and findings."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.config import DeployConfig
from isthmus.container.payload import read_predictions
from isthmus.counting import counted
from isthmus.deploy.evidence import BASELINE, EVALUATION, HOLDOUT
from isthmus.deploy.gates.load import Load, measure
from isthmus.deploy.gates.plots import Plot
from isthmus.errors import Problem
from isthmus.names import GATE_PREFIX, SERVES

if TYPE_CHECKING:
    import pandas as pd

# So many rows go into a request at a time: SageMaker takes 6 MB and waits for 60 seconds.
ROWS_AT_A_TIME = 500


@dataclass(frozen=True)
class Finding:
    """One thing that was tested, in words, and whether it is as it must be; `plot` draws what shows it.

    What is not `known` could not be tested: it holds nobody up, and is told.
    """

    name: str
    passed: bool
    message: str
    plot: Plot | None = None
    known: bool = True

    @classmethod
    def unknown(cls, name: str, why: str) -> Finding:
        return cls(name, True, f"not tested: {why}", known=False)

    @property
    def mark(self) -> str:
        return "–" if not self.known else "✓" if self.passed else "✗"


@dataclass(frozen=True)
class Answer:
    """An endpoint's answer: HTTP status, text, its content type, and how long it took in seconds."""

    status: int
    text: str
    content_type: str
    seconds: float

    @property
    def predictions(self) -> list[str]:
        """One a row; none where the answer is a refusal."""
        return read_predictions(self.text, self.content_type) if self.status == 200 else []


@dataclass(frozen=True)
class LiveEndpoint:
    """An endpoint under test, and what is known of the version that it runs (in the folder `evidence`).

    `runtime` answers `invoke_endpoint`, `registry` is a SageMaker client that reads the model registry.
    `target` is what InvokeEndpoint is told where the endpoint has more than the version under test.
    """

    runtime: Any
    name: str
    config: DeployConfig
    evidence: Path
    registry: Any = None
    target: Mapping[str, str] = field(default_factory=dict)

    def invoke(self, body: str, content_type: str = "text/csv", accept: str = "text/csv") -> Answer:
        """Ask the endpoint; a refusal by the model is an answer with its status, not an exception."""
        from botocore.exceptions import ClientError

        started = time.perf_counter()
        try:
            response = self.runtime.invoke_endpoint(
                EndpointName=self.name,
                Body=body.encode(),
                ContentType=content_type,
                Accept=accept,
                InferenceId=f"{GATE_PREFIX}{uuid.uuid4()}",
                **self.target,
            )
            status, text = 200, response["Body"].read().decode()
            served = str(response.get("ContentType", accept))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ModelError":
                raise
            said: dict[str, Any] = dict(error.response)
            status, text = int(said["OriginalStatusCode"]), str(said.get("OriginalMessage", ""))
            served = "text/plain"
        return Answer(status, text, served, time.perf_counter() - started)

    def predict(self, rows: pd.DataFrame) -> list[str]:
        """The endpoint's prediction for each of `rows`; raises `Problem` where it does not give them."""
        found: list[str] = []
        # SageMaker parts the file of a batch transform itself.
        size = len(rows) if self.config.endpoint == "batch" else ROWS_AT_A_TIME
        for start in range(0, len(rows), max(1, size)):
            part = rows[start : start + size]
            answer = self.invoke(self.csv(part))
            if len(answer.predictions) != len(part):
                said = (
                    f"{answer.status}, {counted(len(answer.predictions), 'prediction')} {answer.text[:200]}"
                )
                raise Problem(f"{counted(len(part), 'row')} from row {start} on were answered by {said}")
            found.extend(answer.predictions)
        return found

    @cached_property
    def served(self) -> list[str]:
        """The endpoint's predictions for the held-out rows."""
        return self.predict(self.holdout)

    @cached_property
    def load(self) -> Load | None:
        """What single rows met under load; None for a kind of endpoint that answers by files."""
        return measure(self) if self.config.endpoint in ("realtime", "serverless", "shared") else None

    @cached_property
    def facets(self) -> list[str]:
        """The columns by whose values the model may not be unfair, of model.yaml."""
        return list(self.evaluation.get("facets", []))

    def is_in_prod(self, model_package_arn: str) -> bool:
        """Whether the registry says that this version serves prod."""
        described = self.registry.describe_model_package(ModelPackageName=model_package_arn)
        cycle = described.get("ModelLifeCycle", {})
        return (cycle.get("Stage"), cycle.get("StageStatus")) == ("prod", SERVES)

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        """The version's evaluation.json."""
        return self._read(EVALUATION)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Each feature, and whether it is `number` or `text`."""
        return {name: str(one["kind"]) for name, one in self._read(BASELINE)["features"].items()}

    @cached_property
    def holdout(self) -> pd.DataFrame:
        """Rows that the version was not trained on: features, target, and `prediction` made at training.

        All as the text that stands in the file, so that what is sent is what was there.
        """
        import pandas as pd

        rows = pd.read_csv(self.evidence / HOLDOUT, dtype=str, keep_default_na=False)
        if rows.empty:
            raise Problem("there are no held-out rows", where=str(self.evidence / HOLDOUT))
        return rows

    @cached_property
    def features(self) -> list[str]:
        return list(self.evaluation["features"])

    def csv(self, rows: pd.DataFrame, columns: Sequence[str] | None = None) -> str:
        text: str = rows[list(columns or self.features)].to_csv(index=False)
        return text

    def bodies(self) -> Iterator[str]:
        """Each held-out row as a request of its own."""
        return (self.csv(self.holdout.iloc[[row]]) for row in range(len(self.holdout)))

    def _read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.evidence / name).read_text())
        return found
