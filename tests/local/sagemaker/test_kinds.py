"""Serverless and asynchronous endpoints and transform jobs, each with the model's own process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.conftest import AUTOMATION, BUCKET, REGION, ROLE, Aws, until
from tests.local.sagemaker.test_endpoints import asked, settled

METRICS = "AWS/SageMaker"
SCALED = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/scaled/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
NOTIFIED = f"arn:aws:iam::{AUTOMATION}:role/notified"


def model_of(aws: Aws, name: str, model: str = "", role: str = ROLE, **more: Any) -> None:
    container = {"Image": aws.image, "ModelDataUrl": aws.model(model or name)}
    aws.client("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container, **more
    )


def configured(aws: Aws, name: str, variant: dict[str, Any], **more: Any) -> None:
    variants = [{"VariantName": "AllTraffic", "ModelName": name, **variant}]
    aws.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=variants, **more
    )


def created(aws: Aws, name: str) -> dict[str, Any]:
    aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    return settled(aws, name)


def measured(aws: Aws, metric: str, endpoint: str) -> list[float]:
    """Every value of an endpoint's metric, the newest last."""
    from datetime import UTC, datetime, timedelta

    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace=METRICS,
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}],
        StartTime=datetime.now(UTC) - timedelta(hours=1),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum"],
    )
    return [one["Maximum"] for one in sorted(found["Datapoints"], key=lambda one: one["Timestamp"])]


class TestServerless:
    def variant(self, **config: int) -> dict[str, Any]:
        return {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 2} | config}

    @pytest.fixture(scope="class")
    def cold(self, aws: Aws) -> dict[str, Any]:
        model_of(aws, "cold")
        configured(aws, "cold", self.variant(MaxConcurrency=1))
        return created(aws, "cold")

    def test_it_answers_and_has_no_instances(self, aws: Aws, cold: dict[str, Any]) -> None:
        (variant,) = cold["ProductionVariants"]
        assert cold["EndpointStatus"] == "InService"
        assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 1}
        assert asked(aws, "cold") == "cold:1,2"

    def test_beyond_its_concurrency_it_throttles(self, aws: Aws, cold: dict[str, Any]) -> None:
        def ask(_: int) -> str:
            try:
                return asked(aws, "cold", "slow")
            except ClientError as error:
                return str(error.response["Error"]["Code"])

        with ThreadPoolExecutor(4) as pool:
            answers = set(pool.map(ask, range(4)))
        assert answers == {"cold:slow", "ThrottlingException"}

    def test_a_container_that_does_not_start_fails_the_endpoint(self, aws: Aws) -> None:
        model_of(aws, "cold-broken", "broken")
        configured(aws, "cold-broken", self.variant())
        assert "cannot load the model" in created(aws, "cold-broken")["FailureReason"]

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"EnableNetworkIsolation": True}, "EnableNetworkIsolation is not supported"),
            (
                {
                    "DataCaptureConfig": {
                        "InitialSamplingPercentage": 100,
                        "DestinationS3Uri": f"s3://{BUCKET}/capture",
                        "CaptureOptions": [{"CaptureMode": "Input"}],
                    }
                },
                "DataCaptureConfig is not supported",
            ),
        ],
    )
    def test_what_serverless_has_not_is_refused(
        self, aws: Aws, cold: dict[str, Any], more: dict[str, Any], said: str
    ) -> None:
        variants = [{"VariantName": "a", "ModelName": "cold", **self.variant()}]
        with pytest.raises(ClientError, match=said):
            aws.client("sagemaker").create_endpoint_config(
                EndpointConfigName="refused", ProductionVariants=variants, **more
            )

    def test_an_isolated_model_is_refused(self, aws: Aws) -> None:
        model_of(aws, "isolated", EnableNetworkIsolation=True)
        with pytest.raises(ClientError, match="Network isolation is not supported"):
            configured(aws, "isolated", self.variant())

    def test_instances_do_not_become_serverless_and_serverless_becomes_instances(
        self, aws: Aws, cold: dict[str, Any]
    ) -> None:
        sagemaker = aws.client("sagemaker")
        variant = {"VariantName": "AllTraffic", "ModelName": "cold", "InstanceType": "ml.m5.large"}
        sagemaker.create_endpoint_config(EndpointConfigName="warm", ProductionVariants=[variant])
        sagemaker.update_endpoint(EndpointName="cold", EndpointConfigName="warm")
        assert settled(aws, "cold")["EndpointConfigName"] == "warm"
        with pytest.raises(ClientError, match="cannot be updated to a serverless endpoint"):
            sagemaker.update_endpoint(EndpointName="cold", EndpointConfigName="cold")
        assert asked(aws, "cold") == "cold:1,2"


class TestAsynchronous:
    @pytest.fixture(scope="class")
    def letters(self, aws: Aws) -> str:
        """A queue that hears of successes and failures."""
        everything = ["s3:*", "ecr:*", "kms:*", "logs:*", "sns:Publish"]
        aws.role("notified", [{"Effect": "Allow", "Action": everything, "Resource": "*"}])
        sqs, sns = aws.client("sqs"), aws.client("sns")
        queue: str = sqs.create_queue(QueueName="letters")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{AUTOMATION}:letters"
        statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        sqs.set_queue_attributes(
            QueueUrl=queue,
            Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})},
        )
        for name in ("good", "bad"):
            topic = sns.create_topic(Name=name)["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return queue

    @pytest.fixture(scope="class")
    def queued(self, aws: Aws, letters: str) -> Iterator[str]:
        model_of(aws, "queued", role=NOTIFIED)
        topics = {f"{kind}Topic": f"arn:aws:sns:{REGION}:{AUTOMATION}:{name}"
                  for kind, name in (("Success", "good"), ("Error", "bad"))}  # fmt: skip
        output = {"S3OutputPath": f"s3://{BUCKET}/results", "S3FailurePath": f"s3://{BUCKET}/failures"}
        configured(
            aws,
            "queued",
            {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1},
            AsyncInferenceConfig={
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
                "OutputConfig": output | {"NotificationConfig": topics},
            },
        )
        assert created(aws, "queued")["EndpointStatus"] == "InService"
        yield "queued"

    def ask(self, aws: Aws, body: str, **more: Any) -> dict[str, Any]:
        where = aws.upload(f"asked/{body}", body)
        answer: dict[str, Any] = aws.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName="queued", InputLocation=where, ContentType="text/csv", **more
        )
        return answer

    def read(self, aws: Aws, uri: str) -> str:
        key = uri.removeprefix(f"s3://{BUCKET}/")
        s3 = aws.client("s3")
        until(lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"], bool)
        text: str = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
        return text

    def letter(self, aws: Aws, queue: str, id_: str) -> dict[str, Any]:
        """The notice about one request."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            got = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            found.extend(json.loads(json.loads(one["Body"])["Message"]) for one in got.get("Messages", []))
            return any(one["inferenceId"] == id_ for one in found)

        until(look, bool)
        return next(one for one in found if one["inferenceId"] == id_)

    def test_the_result_lies_where_the_answer_said_and_sns_tells(
        self, aws: Aws, queued: str, letters: str
    ) -> None:
        answer = self.ask(aws, "7,8", InferenceId="id-7")
        assert (answer["InferenceId"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("id-7", 202)
        assert self.read(aws, answer["OutputLocation"]) == "queued:7,8"
        notice = self.letter(aws, letters, "id-7")
        assert notice["invocationStatus"] == "Completed"
        assert notice["responseParameters"]["outputLocation"] == answer["OutputLocation"]

    def test_a_failure_lies_in_its_own_place(self, aws: Aws, queued: str, letters: str) -> None:
        answer = self.ask(aws, "bad")
        assert "no column a" in self.read(aws, answer["FailureLocation"])
        notice = self.letter(aws, letters, answer["InferenceId"])
        assert notice["invocationStatus"] == "Failed"
        assert "(400) from primary" in notice["failureReason"]

    def test_an_input_that_is_not_there_is_a_failure(self, aws: Aws, queued: str) -> None:
        answer = aws.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName="queued", InputLocation=f"s3://{BUCKET}/nowhere", ContentType="text/csv"
        )
        assert "Unable to download" in self.read(aws, answer["FailureLocation"])

    def test_it_takes_no_other_requests(self, aws: Aws, queued: str) -> None:
        with pytest.raises(ClientError, match="is asynchronous"):
            asked(aws, "queued")

    def test_without_instances_requests_wait_and_with_one_they_are_served(
        self, aws: Aws, queued: str
    ) -> None:
        scale(aws, "queued", 0)
        answers = [self.ask(aws, f"{n},0") for n in range(3)]
        until(lambda: measured(aws, "HasBacklogWithoutCapacity", "queued")[-1:], [1.0].__eq__)
        assert max(measured(aws, "ApproximateBacklogSize", "queued")) >= 3
        scale(aws, "queued", 1)
        assert [self.read(aws, one["OutputLocation"]) for one in answers] == [
            f"queued:{n},0" for n in range(3)
        ]

    def test_it_does_not_become_synchronous(self, aws: Aws, queued: str) -> None:
        variant = {"VariantName": "AllTraffic", "ModelName": "queued", "InstanceType": "ml.m5.large"}
        sagemaker = aws.client("sagemaker")
        sagemaker.create_endpoint_config(EndpointConfigName="sync", ProductionVariants=[variant])
        with pytest.raises(ClientError, match="AsyncInferenceConfig parameter cannot be removed"):
            sagemaker.update_endpoint(EndpointName="queued", EndpointConfigName="sync")


class TestScaling:
    """An asynchronous endpoint that scales to none and back, by alarms alone."""

    @pytest.fixture(scope="class", autouse=True)
    def scaled(self, aws: Aws) -> None:
        model_of(aws, "scaled")
        machines = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        output = {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/scaled"}}
        configured(aws, "scaled", machines, AsyncInferenceConfig=output)
        created(aws, "scaled")
        scaling = aws.client("application-autoscaling")
        scaling.register_scalable_target(**SCALED, MinCapacity=0, MaxCapacity=2)
        waiting = {
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Namespace": METRICS,
            "Dimensions": [{"Name": "EndpointName", "Value": "scaled"}],
            "Statistic": "Average",
        }
        scaling.put_scaling_policy(
            **SCALED,
            PolicyName="track",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 5.0, "CustomizedMetricSpecification": waiting, "ScaleInCooldown": 0,
            },
        )  # fmt: skip
        step = {"AdjustmentType": "ChangeInCapacity", "Cooldown": 0,
                "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]}  # fmt: skip
        arn = scaling.put_scaling_policy(
            **SCALED, PolicyName="wake", PolicyType="StepScaling", StepScalingPolicyConfiguration=step
        )["PolicyARN"]
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName="backlog", Namespace=METRICS, MetricName="HasBacklogWithoutCapacity",
            Dimensions=waiting["Dimensions"], Statistic="Maximum", Threshold=1, Period=60, AlarmActions=[arn],
            ComparisonOperator="GreaterThanOrEqualToThreshold", EvaluationPeriods=1,
        )  # fmt: skip

    def instances(self, aws: Aws) -> int:
        (variant,) = settled(aws, "scaled")["ProductionVariants"]
        count: int = variant["CurrentInstanceCount"]
        return count

    def test_it_goes_to_sleep_and_a_request_wakes_it(self, aws: Aws) -> None:
        cloudwatch = aws.client("cloudwatch")
        low = "TargetTracking-endpoint/scaled/variant/AllTraffic-AlarmLow-track"
        cloudwatch.set_alarm_state(AlarmName=low, StateValue="ALARM", StateReason="nothing waits")
        until(lambda: self.instances(aws), (0).__eq__)
        answer = aws.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName="scaled", InputLocation=aws.upload("asked/wake", "5,5"), ContentType="text/csv"
        )
        key = answer["OutputLocation"].removeprefix(f"s3://{BUCKET}/")
        s3 = aws.client("s3")
        until(lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"], bool)
        assert self.instances(aws) == 1

    def test_its_instance_type_stays_while_it_scales(self, aws: Aws) -> None:
        sagemaker = aws.client("sagemaker")
        variant = {"VariantName": "AllTraffic", "ModelName": "scaled", "InstanceType": "ml.m5.xlarge"}
        config = sagemaker.describe_endpoint_config(EndpointConfigName="scaled")["AsyncInferenceConfig"]
        sagemaker.create_endpoint_config(
            EndpointConfigName="larger", ProductionVariants=[variant], AsyncInferenceConfig=config
        )
        with pytest.raises(ClientError, match="must be deregistered as scalable targets"):
            sagemaker.update_endpoint(EndpointName="scaled", EndpointConfigName="larger")

    def test_a_realtime_endpoint_keeps_an_instance(self, aws: Aws) -> None:
        model_of(aws, "awake")
        configured(aws, "awake", {"InstanceType": "ml.m5.large"})
        created(aws, "awake")
        target = SCALED | {"ResourceId": "endpoint/awake/variant/AllTraffic"}
        with pytest.raises(ClientError, match="MinCapacity must be at least 1"):
            aws.client("application-autoscaling").register_scalable_target(
                **target, MinCapacity=0, MaxCapacity=2
            )

    def test_what_is_gone_scales_no_more(self, aws: Aws) -> None:
        scaling = aws.client("application-autoscaling")
        scaling.deregister_scalable_target(**SCALED)
        assert not scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        alarms = aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-endpoint/scaled")
        assert not alarms["MetricAlarms"]


def scale(aws: Aws, endpoint: str, count: int) -> None:
    aws.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": count}],
    )
    (variant,) = settled(aws, endpoint)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == count


class TestTransform:
    def start(self, aws: Aws, name: str, where: str, **more: Any) -> None:
        source = {"S3DataType": "S3Prefix", "S3Uri": where}
        aws.client("sagemaker").create_transform_job(
            TransformJobName=name,
            ModelName="batch",
            TransformInput={
                "DataSource": {"S3DataSource": source},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            TransformOutput={"S3OutputPath": f"s3://{BUCKET}/out/{name}", "AssembleWith": "Line"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
            **more,
        )

    def ended(self, aws: Aws, name: str) -> dict[str, Any]:
        sagemaker = aws.client("sagemaker")
        found: dict[str, Any] = until(
            lambda: sagemaker.describe_transform_job(TransformJobName=name),
            lambda found: found["TransformJobStatus"] not in ("InProgress", "Stopping"),
        )
        return found

    @pytest.fixture(scope="class", autouse=True)
    def batch(self, aws: Aws) -> None:
        model_of(aws, "batch")

    def test_each_file_gets_its_answers_and_both_are_captured(self, aws: Aws) -> None:
        aws.upload("in/a.csv", "1,2\n3,4\n")
        aws.upload("in/more/b.csv", "5,6\n")
        capture = {"DestinationS3Uri": f"s3://{BUCKET}/batch-capture"}
        self.start(aws, "each", f"s3://{BUCKET}/in/", BatchStrategy="SingleRecord", DataCaptureConfig=capture)
        assert self.ended(aws, "each")["TransformJobStatus"] == "Completed"
        s3 = aws.client("s3")

        def read(key: str) -> str:
            text: str = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
            return text

        assert read("out/each/a.csv.out") == "batch:1,2\nbatch:3,4\n"
        assert read("out/each/more/b.csv.out") == "batch:5,6\n"
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix="batch-capture/")["Contents"]]
        assert [json.loads(read(key)) for key in sorted(keys)] == [
            [{"prefix": f"s3://{BUCKET}/in/"}, "a.csv", "more/b.csv"],
            [{"prefix": f"s3://{BUCKET}/out/each/"}, "a.csv.out", "more/b.csv.out"],
        ]

    def test_a_row_that_the_model_refuses_fails_the_job_and_names_the_file(self, aws: Aws) -> None:
        where = aws.upload("bad/c.csv", "bad")
        self.start(aws, "refusing", where)
        found = self.ended(aws, "refusing")
        assert found["TransformJobStatus"] == "Failed"
        assert "bad/c.csv: 400: no column a" in found["FailureReason"]

    def test_an_empty_prefix_is_told(self, aws: Aws) -> None:
        self.start(aws, "nothing", f"s3://{BUCKET}/nothing/")
        assert "No S3 objects found" in self.ended(aws, "nothing")["FailureReason"]

    def test_a_pipeline_has_it_as_a_step(self, aws: Aws) -> None:
        where = aws.upload("step/d.csv", "9,9\n")
        arguments = {
            "ModelName": "batch",
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": {"Get": "Parameters.In"}}}
            },
            "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out/step"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }
        definition = {
            "Version": "2020-12-01",
            "Parameters": [{"Name": "In", "Type": "String", "DefaultValue": where}],
            "Steps": [{"Name": "Predict", "Type": "Transform", "Arguments": arguments}],
        }
        sagemaker = aws.client("sagemaker")
        sagemaker.create_pipeline(
            PipelineName="predict", RoleArn=ROLE, PipelineDefinition=json.dumps(definition),
            ClientRequestToken="p" * 32,
        )  # fmt: skip
        started = sagemaker.start_pipeline_execution(PipelineName="predict", ClientRequestToken="x" * 32)
        assert aws.finished(started["PipelineExecutionArn"])["PipelineExecutionStatus"] == "Succeeded"
        step = aws.steps(started["PipelineExecutionArn"])["Predict"]
        assert ":transform-job/" in step["Metadata"]["TransformJob"]["Arn"]
