"""One door for predictions, whichever way a model serves: what it gives answers `invoke_endpoint`.

Of an endpoint that answers at once it is SageMaker's own runtime. A queue and a batch transform take
files: behind the door rows are put into S3 and the answer is waited for, and a refusal raised as ModelError.
"""

from __future__ import annotations

import io
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isthmus import names
from isthmus.errors import Problem
from isthmus.s3 import read_object, split_uri
from isthmus.serving import Serving

Client = Callable[[str], Any]
PAUSE, LONGEST_PAUSE = 0.05, 5.0
# An asynchronous request may wait for the first instance to start; a transform starts one each time.
PATIENCE_SECONDS = 1800.0
_SUFFIX = {"text/csv": ".csv", "application/json": ".json"}
_REFUSED = re.compile(r'\((\d{3})\) from primary with message "(.*?)"\.? See|: (\d{3}): (.*)', re.DOTALL)


def runtime(client: Client, serving: Serving, model: str, bucket: str) -> Any:
    """What answers `invoke_endpoint` for the model; `client` makes clients of the account that serves.

    `bucket` is the stage's, for files. A refusal by the model is `exceptions.ModelError`, as SageMaker's.
    """
    if serving.kind == "async":
        return _Queue(client("sagemaker-runtime"), client("s3"), model, bucket)
    if serving.kind == "batch":
        return _Files(client("sagemaker-runtime"), client("s3"), client("sagemaker"), model, bucket)
    return client("sagemaker-runtime")


def hand_in(s3: Any, bucket: str, model: str, name: str, body: bytes) -> str:
    """Put a file where a model's requests lie, and nothing starts by itself; returns its key."""
    key = f"{names.asked(model)}{name}"
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return key


def start_batch(sagemaker: Any, model: str, key: str) -> tuple[str, str]:
    """Have the stage's version answer a file; returns the execution's ARN, and the prefix of its results."""
    started = sagemaker.start_pipeline_execution(
        PipelineName=names.batch_pipeline(model),
        PipelineParameters=[{"Name": names.BATCH_KEY, "Value": key}],
        ClientRequestToken=str(uuid.uuid4()),
    )
    arn: str = started["PipelineExecutionArn"]
    return arn, f"{names.results(model)}{arn.rsplit('/', 1)[-1]}/"


@dataclass(frozen=True)
class _Queue:
    """An asynchronous endpoint, asked as if it were not."""

    inner: Any
    s3: Any
    model: str
    bucket: str

    @property
    def exceptions(self) -> Any:
        return self.inner.exceptions

    def invoke_endpoint(
        self, *, EndpointName: str, Body: bytes, ContentType: str, **more: str
    ) -> dict[str, Any]:
        """The answer, when it is there; raises ModelError, and `Problem` where none comes."""
        name = f"{uuid.uuid4()}{_SUFFIX.get(ContentType, '')}"
        key = hand_in(self.s3, self.bucket, self.model, name, Body)
        taken = self.inner.invoke_endpoint_async(
            EndpointName=EndpointName,
            InputLocation=f"s3://{self.bucket}/{key}",
            ContentType=ContentType,
            **more,
        )
        answer, failure = taken["OutputLocation"], taken.get("FailureLocation", "")
        where = _first(self.s3, [answer, *([failure] if failure else [])])
        text = read_object(self.s3, where)
        if where == failure:
            raise _model_error(self.exceptions, text.decode(errors="replace"))
        return {"Body": io.BytesIO(text), "ContentType": more.get("Accept", ContentType)}


@dataclass(frozen=True)
class _Files:
    """A batch transform, asked as if it were an endpoint."""

    inner: Any
    s3: Any
    sagemaker: Any
    model: str
    bucket: str

    @property
    def exceptions(self) -> Any:
        return self.inner.exceptions

    def invoke_endpoint(
        self, *, Body: bytes, ContentType: str, InferenceId: str = "", **_more: str
    ) -> dict[str, Any]:
        """The answer, when the transform has ended; raises ModelError, and `Problem` where it failed."""
        name = f"{InferenceId or uuid.uuid4()}{_SUFFIX.get(ContentType, '')}"
        key = hand_in(self.s3, self.bucket, self.model, name, Body)
        execution, results = start_batch(self.sagemaker, self.model, key)
        self._wait(execution)
        text = read_object(self.s3, f"s3://{self.bucket}/{results}{name}.out")
        return {"Body": io.BytesIO(text), "ContentType": "text/csv"}

    def _wait(self, execution: str) -> None:
        def ended() -> str:
            try:
                found = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
            except self.sagemaker.exceptions.ResourceNotFound:
                # It went with its pipeline, which is deleted only when nothing runs: its answer is there.
                return "Succeeded"
            status: str = found["PipelineExecutionStatus"]
            return "" if status in ("Executing", "Stopping") else status

        if _until(ended, execution) != "Succeeded":
            steps = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution)
            reasons = [one.get("FailureReason", "") for one in steps["PipelineExecutionSteps"]]
            raise _model_error(self.exceptions, " ".join(reasons) or "no reason given")


def _first(s3: Any, uris: list[str]) -> str:
    """The first of these objects that is there; listed, for of one that is not S3 tells its readers alone."""

    def look() -> str:
        for uri in uris:
            bucket, key = split_uri(uri)
            if s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)["KeyCount"]:
                return uri
        return ""

    return _until(look, uris[0])


def _until(look: Callable[[], str], where: str) -> str:
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, PAUSE
    while not (found := look()):
        if time.monotonic() > deadline:
            raise Problem(f"no answer within {PATIENCE_SECONDS:.0f} s", where=where)
        time.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 1.3)
    return found


def _blamed(reason: str) -> str:
    """The status of a failed transform whose reason does not say it: whom SageMaker lays it to."""
    return "400" if "ClientError" in reason else "500"


def _model_error(exceptions: Any, said: str) -> Exception:
    """The ModelError that a synchronous endpoint would have raised."""
    found = _REFUSED.search(said)
    status, message = (
        [part for part in found.groups() if part is not None] if found else (_blamed(said), said)
    )
    response = {
        "Error": {"Code": "ModelError", "Message": said},
        "OriginalStatusCode": int(status),
        "OriginalMessage": message,
    }
    error: Exception = exceptions.ModelError(response, "InvokeEndpoint")
    return error
