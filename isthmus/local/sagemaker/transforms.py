"""Batch transform jobs: the model's own `serve` asked for every file under a prefix, results beside in S3.

Line by line up to `MaxPayloadInMB`, or a file at a time. Document: SageMaker's developer guide, "Use your own
inference code with batch transform". What it also has (record formats, filters, joins, Gzip) is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from isthmus.executor.job import Control, Ending, JobFailure, Place
from isthmus.executor.objects import split_uri
from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import batch_capture, models
from isthmus.local.sagemaker.call import Call
from isthmus.local.sagemaker.serving import NotServing, Server

if TYPE_CHECKING:
    from isthmus.local.sagemaker.sagemaker import SageMaker

MAX_PAYLOAD_MB, TIMEOUT_SECONDS = 6, 600
_ONLY = {"CompressionType": ("None",), "SplitType": ("None", "Line"), "AssembleWith": ("None", "Line")}


def plan(call: Call) -> Record:
    """All that serving the model needs, whatever is deleted afterwards; raises for what does not run here."""
    for part in (call["TransformInput"], call["TransformOutput"]):
        for member, allowed in _ONLY.items():
            if part.get(member, "None") not in allowed:
                raise invalid(f"{member} {part[member]} does not run here: {' or '.join(allowed)} does.")
    if call["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"] != "S3Prefix":
        raise invalid("Only S3DataType S3Prefix runs here.")
    if call.get("DataProcessing"):
        raise invalid("DataProcessing does not run here.")
    model = models.find(call, call["ModelName"])
    container: Record = model["_container"]
    told = {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": call.get("BatchStrategy", "MultiRecord"),
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(call.get("MaxPayloadInMB", MAX_PAYLOAD_MB)),
    }
    environment = container["Environment"] | call.get("Environment", {}) | told
    return container | {
        "VariantName": call["TransformJobName"],
        "Role": model["ExecutionRoleArn"],
        "Isolated": model["EnableNetworkIsolation"],
        "Environment": environment,
    }


def runner(here: SageMaker) -> Callable[[Record, Place, Control], Ending]:
    """Runs a transform job in `here`."""

    def run(job: Record, place: Place, control: Control) -> Ending:
        account, region = job["TransformJobArn"].split(":")[4], job["TransformJobArn"].split(":")[3]
        server = Server(here, account, region, job["TransformJobName"], job["_plan"], place.folder)
        server.group = "/aws/sagemaker/TransformJobs"
        try:
            server.start(control.stopped)
            return _transform(job, place, server, control)
        except NotServing as error:
            if control.reason:
                return Ending("Stopped")
            raise JobFailure(f"ClientError: {error}") from None
        finally:
            server.stop()

    return run


def _transform(job: Record, place: Place, server: Server, control: Control) -> Ending:
    bucket, prefix = split_uri(job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
    keys = [key for key in place.objects.keys(bucket, prefix) if not key.endswith("/")]
    if not keys:
        raise JobFailure(f"ClientError: No S3 objects found under s3://{bucket}/{prefix}")
    done = []
    for key in keys:
        if control.reason:
            return Ending("Stopped")
        answer = _answered(job, server, place.objects.read(bucket, key), f"s3://{bucket}/{key}")
        where = f"{job['TransformOutput']['S3OutputPath'].rstrip('/')}/{_relative(prefix, key)}.out"
        place.objects.write(*split_uri(where), answer, job["TransformOutput"].get("KmsKeyId"))
        done.append((f"s3://{bucket}/{key}", where))
    if config := job.get("DataCaptureConfig"):
        batch_capture.write(place.objects, config, done)
    return Ending("Completed")


def _relative(prefix: str, key: str) -> str:
    """The file's name below the prefix; where the prefix is the file, its name."""
    folder = prefix if prefix.endswith("/") else prefix.rpartition("/")[0] + "/"
    return key.removeprefix(folder).lstrip("/") or Path(key).name


def _answered(job: Record, server: Server, body: bytes, where: str) -> bytes:
    answers = [_ask(job, server, part, where) for part in _parts(job, body)]
    if job["TransformOutput"].get("AssembleWith") == "Line":
        return b"".join(answer.rstrip(b"\n") + b"\n" for answer in answers)
    return b"".join(answers)


def _parts(job: Record, body: bytes) -> Iterator[bytes]:
    """The payloads that one file becomes."""
    largest = job.get("MaxPayloadInMB", MAX_PAYLOAD_MB) * 1_000_000
    if job["TransformInput"].get("SplitType", "None") == "None":
        yield body
        return
    single, waiting = job.get("BatchStrategy") == "SingleRecord", b""
    for line in filter(None, body.splitlines(keepends=True)):
        if waiting and (single or len(waiting) + len(line) > largest):
            yield waiting
            waiting = b""
        waiting += line
    if waiting:
        yield waiting


def _ask(job: Record, server: Server, body: bytes, where: str) -> bytes:
    headers = {"content-type": job["TransformInput"].get("ContentType", "application/octet-stream")}
    if accept := job["TransformOutput"].get("Accept"):
        headers["accept"] = accept
    seconds = job.get("ModelClientConfig", {}).get("InvocationsTimeoutInSeconds", TIMEOUT_SECONDS)
    try:
        answer = server.pool.request("POST", "/invocations", body=body, headers=headers, timeout=seconds)
    except urllib3.exceptions.HTTPError as error:
        raise JobFailure(f"AlgorithmError: the container did not answer for {where}: {error}") from None
    if not 200 <= answer.status < 300:
        said = answer.data.decode(errors="replace").strip()[:500]
        raise JobFailure(f"ClientError: See job logs for more information: {where}: {answer.status}: {said}")
    data: bytes = answer.data
    return data
