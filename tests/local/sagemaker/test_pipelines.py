"""Pipelines through boto3: scripts that really run, under IAM, to their registration or their failure."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.executor.definitions import (
    condition,
    definition,
    fail,
    from_file,
    processing,
    register,
    report,
    training,
)
from tests.local.sagemaker.conftest import BUCKET, Aws, until

ROLE = "arn:aws:iam::222233334444:role/pipeline"
PREPARE = """
import json, os, sys
root = os.environ.get("ISTHMUS_OPT_ML", "/opt/ml") + "/processing"
print("preparing as", os.environ["AWS_ACCESS_KEY_ID"][:4])
json.dump({"auc": float(sys.argv[1])}, open(root + "/output/report.json", "w"))
"""
TRAIN = """
import os
print("auc=0.81")
open(os.environ["SM_MODEL_DIR"] + "/weights", "w").write(os.environ["SM_HPS"])
open(os.environ["SM_OUTPUT_DATA_DIR"] + "/curve", "w").write("0.5,0.8")
"""
BAR = {"Name": "Bar", "Type": "Float", "DefaultValue": 0.7}
AUC = {"Name": "Auc", "Type": "String", "DefaultValue": "0.9"}


@pytest.fixture(scope="module")
def code(aws: Aws) -> dict[str, str]:
    """The S3 URI of each script."""
    scripts = {
        "prepare": PREPARE,
        "train": TRAIN,
        "crash": "import sys; print('about to fail'); sys.exit('no column rain')",
        "explain": "import os, sys; d = os.environ.get('ISTHMUS_OPT_ML', '/opt/ml') + '/output'; "
        "os.makedirs(d, exist_ok=True); open(d + '/failure', 'w').write('no column rain'); sys.exit(2)",
        "sleep": "import time; time.sleep(600)",
        "quick": "print('done')",
    }
    return {name: aws.upload(f"code/{name}.py", text) for name, text in scripts.items()}


def create(aws: Aws, name: str, document: dict[str, Any], **more: Any) -> None:
    definition_ = json.dumps(document).replace('"image"', json.dumps(aws.image))
    aws.client("sagemaker").create_pipeline(
        PipelineName=name, PipelineDefinition=definition_, RoleArn=more.pop("RoleArn", ROLE), **more
    )


def start(aws: Aws, name: str, **given: str) -> str:
    listed = [{"Name": key, "Value": value} for key, value in given.items()]
    answer = aws.client("sagemaker").start_pipeline_execution(PipelineName=name, PipelineParameters=listed)
    arn: str = answer["PipelineExecutionArn"]
    return arn


def ran(aws: Aws, name: str, **given: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Start the pipeline, and return how the execution and its steps ended."""
    arn = start(aws, name, **given)
    return aws.finished(arn), aws.steps(arn)


def lifecycle(code: dict[str, str], group: str) -> dict[str, Any]:
    out = {
        "Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}/runs", {"Get": "Execution.PipelineExecutionId"}]}
    }
    prepare = processing(
        "Prepare", code["prepare"], {"Get": "Parameters.Auc"}, output="x", PropertyFiles=report()
    )
    prepare["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = out
    model = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    below = {"Std:Join": {"On": " ", "Values": ["AUC is below", {"Get": "Parameters.Bar"}]}}
    bar = {"Get": "Parameters.Bar"}
    return definition(
        prepare,
        training("Train", code["train"], f"s3://{BUCKET}/models", DependsOn=["Prepare"]),
        condition("Good", from_file("Prepare", "auc"), "GreaterThanOrEqualTo", bar,
                  [register("Register", group, model)], [fail("Below", below)]),
        parameters=[BAR, AUC],
    )  # fmt: skip


def test_from_data_to_a_registered_version(aws: Aws, code: dict[str, str]) -> None:
    create(aws, "rain", lifecycle(code, "rain"))
    execution, steps = ran(aws, "rain")
    assert execution["PipelineExecutionStatus"] == "Succeeded", steps
    assert list(steps) == ["Register", "Good", "Train", "Prepare"]
    assert steps["Good"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    arn = steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    sagemaker, s3 = aws.client("sagemaker"), aws.client("s3")
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (package["ModelPackageVersion"], package["ModelApprovalStatus"]) == (1, "PendingManualApproval")
    assert package["CreatedBy"]["IamIdentity"]["Arn"].endswith("assumed-role/pipeline/SageMaker")
    container = package["InferenceSpecification"]["Containers"][0]
    assert container["ImageDigest"] == aws.image.rpartition("@")[2]
    key = container["ModelDataUrl"].removeprefix(f"s3://{BUCKET}/")
    archive = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == ["weights"]
    assert s3.get_object(Bucket=BUCKET, Key=key.replace("model.tar", "output.tar"))["Body"].read()


def test_a_job_is_described_as_sagemaker_does(aws: Aws, code: dict[str, str]) -> None:
    create(aws, "described", lifecycle(code, "described"))
    _, steps = ran(aws, "described")
    sagemaker = aws.client("sagemaker")
    name = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    job = sagemaker.describe_training_job(TrainingJobName=name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    assert [change["Status"] for change in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Training",
        "Completed",
    ]
    assert [(metric["MetricName"], round(metric["Value"], 2)) for metric in job["FinalMetricDataList"]] == [
        ("auc", 0.81)
    ]
    logs = aws.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=job["TrainingJobName"])[
        "logStreams"
    ]
    assert "/algo-1-" in streams[0]["logStreamName"]
    events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])["events"]
    assert [event["message"] for event in events] == ["auc=0.81"]


def test_the_other_branch_fails_the_execution(aws: Aws, code: dict[str, str]) -> None:
    create(aws, "below", lifecycle(code, "below"))
    execution, steps = ran(aws, "below", Auc="0.6")
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == "Step failure: One or multiple steps failed."
    assert steps["Below"]["FailureReason"] == "AUC is below 0.7"
    assert "Register" not in steps
    with pytest.raises(ClientError, match="does not exist"):
        aws.client("sagemaker").list_model_packages(ModelPackageGroupName="below")


def test_a_script_that_crashes_fails_its_step_and_what_needs_it(aws: Aws, code: dict[str, str]) -> None:
    create(
        aws,
        "crash",
        definition(
            processing("Crash", code["crash"]),
            processing("Explain", code["explain"]),
            processing("Never", code["quick"], DependsOn=["Crash"]),
            processing("Alone", code["quick"], DependsOn=["Other"]),
            processing("Other", code["quick"]),
        ),
    )
    execution, steps = ran(aws, "crash")
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert {name: step["StepStatus"] for name, step in steps.items()} == {
        "Crash": "Failed",
        "Explain": "Failed",
        "Alone": "Succeeded",
        "Other": "Succeeded",
    }
    assert steps["Crash"]["FailureReason"] == "AlgorithmError: , exit code: 1"
    assert steps["Explain"]["FailureReason"] == "AlgorithmError: no column rain, exit code: 2"


def test_the_same_step_is_not_run_twice(aws: Aws, code: dict[str, str]) -> None:
    cached: dict[str, Any] = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}
    steps = [processing("Quick", code["quick"], **cached), processing("Fresh", code["quick"])]
    create(aws, "cached", definition(*steps))
    first = start(aws, "cached")
    aws.finished(first)
    _, second = ran(aws, "cached")
    assert second["Quick"]["CacheHitResult"] == {"SourcePipelineExecutionArn": first}
    assert second["Quick"]["Metadata"] == aws.steps(first)["Quick"]["Metadata"]
    assert "CacheHitResult" not in second["Fresh"]
    steps[0]["Arguments"]["Environment"] = {"A": "1"}
    changed = json.dumps(definition(*steps)).replace('"image"', json.dumps(aws.image))
    aws.client("sagemaker").update_pipeline(PipelineName="cached", PipelineDefinition=changed)
    _, third = ran(aws, "cached")
    assert "CacheHitResult" not in third["Quick"]


def test_an_execution_is_stopped(aws: Aws, code: dict[str, str]) -> None:
    create(
        aws,
        "stopped",
        definition(
            processing("Sleep", code["sleep"]), processing("After", code["quick"], DependsOn=["Sleep"])
        ),
    )
    arn = start(aws, "stopped")
    until(lambda: aws.steps(arn), lambda steps: bool(steps.get("Sleep", {}).get("Metadata")))
    sagemaker = aws.client("sagemaker")
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert aws.finished(arn)["PipelineExecutionStatus"] == "Stopped"
    steps = aws.steps(arn)
    assert {name: step["StepStatus"] for name, step in steps.items()} == {"Sleep": "Stopped"}
    job = steps["Sleep"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert sagemaker.describe_processing_job(ProcessingJobName=job)["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="is in status Stopped"):
        sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)


def test_a_job_stops_at_its_maximum_runtime(aws: Aws, code: dict[str, str]) -> None:
    step = processing("Sleep", code["sleep"])
    step["Arguments"]["StoppingCondition"] = {"MaxRuntimeInSeconds": 1}
    create(aws, "overtime", definition(step))
    execution, steps = ran(aws, "overtime")
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "exceeded its maximum runtime" in steps["Sleep"]["FailureReason"]


def test_a_job_may_do_what_its_role_may(aws: Aws, code: dict[str, str]) -> None:
    narrow: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": ["sagemaker:CreateProcessingJob", "iam:PassRole", "ecr:*"],
            "Resource": "*",
        },
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    ]
    role = aws.role("narrow", narrow)
    create(aws, "narrow", definition(processing("Quick", code["quick"], role=role)), RoleArn=role)
    _, steps = ran(aws, "narrow")
    reason = steps["Quick"]["FailureReason"]
    assert reason.startswith("ClientError: Data download failed:AccessDenied (403)")
    assert f"s3://{BUCKET}/code/quick.py" in reason


def test_a_pipeline_may_do_what_its_role_may(aws: Aws, code: dict[str, str]) -> None:
    role = aws.role("powerless", [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])
    create(aws, "powerless", definition(processing("Quick", code["quick"])), RoleArn=role)
    _, steps = ran(aws, "powerless")
    reason = steps["Quick"]["FailureReason"]
    assert reason.startswith(
        "ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details: User:"
    )
    assert "is not authorized to perform: sagemaker:CreateProcessingJob" in reason


def test_a_role_must_be_passed_and_assumable(aws: Aws, code: dict[str, str]) -> None:
    document = definition(processing("Quick", code["quick"]))
    aws.role("author", [{"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"}])
    author = aws.client("sagemaker", role="author")
    with pytest.raises(
        ClientError, match=r"not authorized to perform: iam:PassRole on resource: .*role/pipeline"
    ):
        author.create_pipeline(PipelineName="p", PipelineDefinition=json.dumps(document), RoleArn=ROLE)
    create(aws, "nobody", document, RoleArn="arn:aws:iam::222233334444:role/nobody")
    with pytest.raises(ClientError, match=r"Could not assume role .*role/nobody"):
        start(aws, "nobody")


def test_what_a_job_writes_is_encrypted_with_its_key(aws: Aws, code: dict[str, str]) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    prepare = processing("Prepare", code["prepare"], "0.9", output=f"s3://{BUCKET}/encrypted")
    prepare["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"] = key
    create(aws, "encrypted", definition(prepare))
    ran(aws, "encrypted")
    found = aws.client("s3").head_object(Bucket=BUCKET, Key="encrypted/report.json")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key)


def test_an_image_that_is_not_there(aws: Aws, code: dict[str, str]) -> None:
    unknown = aws.image.rpartition(":")[0] + ":" + "0" * 64
    create(aws, "image", definition(processing("Quick", code["quick"], image=unknown)))
    _, steps = ran(aws, "image")
    assert "Cannot find requested image" in steps["Quick"]["FailureReason"]


def test_a_definition_that_cannot_run_is_refused(aws: Aws, code: dict[str, str]) -> None:
    step = processing("Quick", code["quick"]) | {"Type": "Tuning"}
    with pytest.raises(ClientError, match="step 'Quick' has type 'Tuning'") as refusal:
        create(aws, "refused", definition(step))
    assert refusal.value.response["Error"]["Code"] == "ValidationException"


def test_an_execution_says_what_it_was_given(aws: Aws, code: dict[str, str]) -> None:
    document = definition(fail("End", {"Get": "Parameters.Auc"}), parameters=[BAR, AUC])
    create(aws, "given", document)
    arn = start(aws, "given", Bar="0.5")
    aws.finished(arn)
    sagemaker = aws.client("sagemaker")
    found = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    assert found == [{"Name": "Auc", "Value": "0.9"}, {"Name": "Bar", "Value": "0.5"}]
    sagemaker.update_pipeline(
        PipelineName="given", PipelineDefinition=json.dumps(definition(fail("New", "x")))
    )
    kept = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert json.loads(kept["PipelineDefinition"]) == document
    with pytest.raises(ClientError, match="are not defined"):
        start(aws, "given", Foo="1")


def test_a_request_is_made_once(aws: Aws) -> None:
    sagemaker = aws.client("sagemaker")
    create(aws, "once", definition(fail("End", "x")))
    token = "t" * 32
    first = sagemaker.start_pipeline_execution(PipelineName="once", ClientRequestToken=token)
    assert (
        sagemaker.start_pipeline_execution(PipelineName="once", ClientRequestToken=token)[
            "PipelineExecutionArn"
        ]
        == first["PipelineExecutionArn"]
    )
    with pytest.raises(ClientError, match="with other parameters"):
        sagemaker.start_pipeline_execution(PipelineName="given", ClientRequestToken=token)
    aws.finished(first["PipelineExecutionArn"])


def test_lists_are_filtered_sorted_and_paged(aws: Aws) -> None:
    sagemaker = aws.client("sagemaker")
    for number in range(12):
        create(aws, f"listed{number:02}", definition(fail("End", "x")))
    first = sagemaker.list_pipelines(PipelineNamePrefix="listed", SortBy="Name", SortOrder="Ascending")
    assert [one["PipelineName"] for one in first["PipelineSummaries"]] == [f"listed{n:02}" for n in range(10)]
    pages = sagemaker.get_paginator("list_pipelines").paginate(PipelineNamePrefix="listed")
    assert len(pages.build_full_result()["PipelineSummaries"]) == 12
    assert sagemaker.list_pipelines(CreatedAfter=4e9)["PipelineSummaries"] == []
    with pytest.raises(ClientError, match="pagination token is invalid"):
        sagemaker.list_pipelines(NextToken="nonsense")


def test_a_pipeline_goes_away_with_its_executions(aws: Aws) -> None:
    sagemaker = aws.client("sagemaker")
    create(aws, "gone", definition(fail("End", "x")))
    arn = start(aws, "gone")
    aws.finished(arn)
    sagemaker.delete_pipeline(PipelineName="gone")
    for describe, asked in (
        (sagemaker.describe_pipeline, {"PipelineName": "gone"}),
        (sagemaker.describe_pipeline_execution, {"PipelineExecutionArn": arn}),
    ):
        with pytest.raises(ClientError, match="does not exist") as refusal:
            describe(**asked)
        assert refusal.value.response["Error"]["Code"] == "ResourceNotFound"


def test_a_definition_may_lie_in_s3(aws: Aws) -> None:
    aws.upload("definitions/a.json", json.dumps(definition(fail("End", "x"))))
    sagemaker = aws.client("sagemaker")
    place = {"Bucket": BUCKET, "ObjectKey": "definitions/a.json"}
    sagemaker.create_pipeline(PipelineName="from-s3", PipelineDefinitionS3Location=place, RoleArn=ROLE)
    assert "2020-12-01" in sagemaker.describe_pipeline(PipelineName="from-s3")["PipelineDefinition"]


def test_what_is_not_built_is_refused_by_name(aws: Aws) -> None:
    sagemaker = aws.client("sagemaker")
    with pytest.raises(ClientError, match="does not have the operation ListWorkteams"):
        sagemaker.list_workteams()
