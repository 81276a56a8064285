"""A server that is killed leaves no process, and starts again with the state that was there."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from isthmus import lifeline
from tests.executor.definitions import definition, processing
from tests.local.sagemaker.conftest import AUTOMATION, Aws, furnish, start, until
from tests.local.sagemaker.test_endpoints import asked, configured, created


def test_kill_minus_nine(tmp_path: Path, programs: str) -> None:
    before = start(tmp_path / "state", programs)
    after: Aws | None = None
    try:
        furnish(before)
        created(before, "rain", configured(before, "one", capture=True))
        asked(before, "rain", "before")
        pid = tmp_path / "pid"
        script = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
        code = before.upload("code/sleep.py", script)
        sagemaker = before.client("sagemaker")
        sagemaker.create_pipeline(
            PipelineName="sleep",
            PipelineDefinition=json.dumps(definition(processing("Sleep", code, image=before.image))),
            RoleArn=f"arn:aws:iam::{AUTOMATION}:role/pipeline",
        )
        arn = sagemaker.start_pipeline_execution(PipelineName="sleep")["PipelineExecutionArn"]
        until(pid.is_file, bool)
        saved = tmp_path / "state" / "services" / "sagemaker.json"
        until(lambda: saved.is_file() and arn in saved.read_text(), bool)
        os.kill(_server(before), signal.SIGKILL)
        before.process.wait(60)
        until(lambda: Path(f"/proc/{pid.read_text()}").exists(), lambda alive: not alive)

        after = start(tmp_path / "state", programs)
        execution = after.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
        assert execution["PipelineExecutionStatus"] == "Stopped"
        assert "was stopped while this was running" in execution["FailureReason"]
        step = after.steps(arn)["Sleep"]
        assert step["StepStatus"] == "Stopped"
        job = step["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
        found = after.client("sagemaker").describe_processing_job(ProcessingJobName=job)
        assert found["ProcessingJobStatus"] == "Stopped"
        assert asked(after, "rain", "after") == "one:after"
    finally:
        for server in (before, after):
            if server is not None:
                lifeline.stop(server.process, 20)


def test_a_stop_writes_what_was_captured(tmp_path: Path, programs: str) -> None:
    server = start(tmp_path / "state", programs)
    try:
        furnish(server)
        created(server, "rain", configured(server, "one", capture=True))
        asked(server, "rain", "the last one")
    finally:
        lifeline.stop(server.process, 20)
    captured = [path for path in (tmp_path / "state").rglob("*.jsonl*") if path.is_file()]
    assert any("the last one" in path.read_text() for path in captured)


def _server(aws: Aws) -> int:
    """The process id of the server: the supervisor's only child."""
    children = Path(f"/proc/{aws.process.pid}/task/{aws.process.pid}/children")
    if not children.is_file():
        pytest.skip("this machine does not tell a process's children")
    return int(children.read_text().split()[0])
