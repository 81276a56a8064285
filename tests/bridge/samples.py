"""An event of each kind that the bridge reacts to, as whoever sends it documents it.

AWS's: "Events that Amazon SageMaker AI sends to Amazon EventBridge", "Alarm events and EventBridge" and
"Scheduled Event"; ours: what `isthmus/landing`, `cdk/parts/retraining.py`, `bridge/callback.py` and
`bridge/looks.py` put.
"""

from __future__ import annotations

from typing import Any

from bridge import looks
from tests.bridge.conftest import AUTOMATION, MODEL, REGION, alarm, approval, due, landing, tick

Event = dict[str, Any]
PIPELINE = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}:pipeline/{MODEL}"
EXECUTION = f"{PIPELINE}/execution/abcdefgh1234"


def _event(source: str, kind: str, resources: list[str], **detail: Any) -> Event:
    return {
        "version": "0",
        "id": "844e2571-85d4-695f-b930-0153b71dcb42",
        "detail-type": kind,
        "source": source,
        "account": AUTOMATION,
        "time": "2026-11-20T10:00:01Z",
        "region": REGION,
        "resources": resources,
        "detail": detail,
    }


def _execution(kind: str, **detail: Any) -> Event:
    about = {"pipelineArn": PIPELINE, "pipelineExecutionArn": EXECUTION}
    return _event(
        "aws.sagemaker",
        f"SageMaker Model Building Pipeline {kind} Change",
        [PIPELINE, EXECUTION],
        **about,
        **detail,
    )


def _look(kind: str, about: str = "") -> Event:
    return _event(looks.SOURCE, kind, [], about=about)


_EVENTS = [
    approval(
        InferenceSpecification={
            "Containers": [{"Image": f"{AUTOMATION}.dkr.ecr.{REGION}.amazonaws.com/rain:1", "ModelDataUrl": "s3://b/k"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelPackageStatusDetails={"ValidationStatuses": [], "ImageScanStatuses": []},
        MetadataProperties={"CommitId": "c0ffee"},
        CustomerMetadataProperties={"run_id": "7"},
    ),
    approval(ModelApprovalStatus="Rejected"),
    alarm(),
    alarm("drift"),
    _execution(
        "Execution Status",
        pipelineExecutionDisplayName="run-17",
        currentPipelineExecutionStatus="Executing",
        previousPipelineExecutionStatus="Executing",
        executionStartTime="2026-11-20T09:59:00Z",
        pipelineExecutionDescription="run 17",
    ),
    _execution(
        "Execution Step Status",
        metadata={"processingJob": {"arn": f"{PIPELINE.partition(':pipeline/')[0]}:processing-job/prepare"}},
        stepName="Prepare",
        stepType="Processing",
        stepStartTime="2026-11-20T09:59:00Z",
        stepEndTime="2026-11-20T10:00:00Z",
        previousStepStatus="Executing",
        currentStepStatus="Succeeded",
    ),
    _event("isthmus.callback", "Job Waiting", [EXECUTION], pipelineExecutionArn=EXECUTION),
    landing(),
    due(),
    tick(),
    _look(looks.MODELS),
    _look(looks.JOBS),
    _look(looks.STAGES),
    _look(looks.MODEL, MODEL),
    _look(looks.JOB, EXECUTION),
]  # fmt: skip
SAMPLES: dict[tuple[str, str], list[Event]] = {}
"""By source and type, as `bridge.reactions.REACTIONS` has them."""
for _one in _EVENTS:
    SAMPLES.setdefault((_one["source"], _one["detail-type"]), []).append(_one)
