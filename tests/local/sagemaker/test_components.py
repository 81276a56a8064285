"""Inference components: models behind one endpoint, each a process that the others do not touch."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from isthmus import lifeline
from isthmus.executor.refusals import ApiError
from isthmus.local.sagemaker import rollout
from tests.local.sagemaker.conftest import AUTOMATION, REGION, ROLE, Aws, furnish, start, until
from tests.local.sagemaker.test_endpoints import settled
from tests.local.sagemaker.test_rollouts import Traffic, asking

ARNS = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}"
SIZE = {"MinMemoryRequiredInMb": 512, "NumberOfCpuCoresRequired": 0.5}


def endpoint(aws: Aws, name: str) -> str:
    """An endpoint without a model, in service."""
    sagemaker = aws.client("sagemaker")
    variant = {
        "VariantName": "AllTraffic",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    }
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ExecutionRoleArn=ROLE, ProductionVariants=[variant]
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert settled(aws, name)["EndpointStatus"] == "InService"
    return name


def model(aws: Aws, name: str, kind: str = "") -> str:
    container = {"Image": aws.image, "ModelDataUrl": aws.model(kind or name)}
    aws.client("sagemaker").create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    return name


def specified(model: str) -> dict[str, Any]:
    return {"ModelName": model, "ComputeResourceRequirements": SIZE}


def component(aws: Aws, name: str, on: str, kind: str = "", copies: int = 1) -> dict[str, Any]:
    aws.client("sagemaker").create_inference_component(
        InferenceComponentName=name,
        EndpointName=on,
        VariantName="AllTraffic",
        Specification=specified(model(aws, f"{name}-1", kind or name)),
        RuntimeConfig={"CopyCount": copies},
    )
    return ready(aws, name)


def ready(aws: Aws, name: str) -> dict[str, Any]:
    found: dict[str, Any] = until(
        lambda: aws.client("sagemaker").describe_inference_component(InferenceComponentName=name),
        lambda found: found["InferenceComponentStatus"] not in ("Creating", "Updating"),
    )
    return found


def updated(aws: Aws, name: str, model: str, deployment: dict[str, Any] | None = None) -> dict[str, Any]:
    more = {"DeploymentConfig": deployment} if deployment else {}
    aws.client("sagemaker").update_inference_component(
        InferenceComponentName=name, Specification=specified(model), **more
    )
    return ready(aws, name)


def asked(aws: Aws, on: str, name: str | None, body: str = "1,2", role: str | None = None) -> str:
    more = {"InferenceComponentName": name} if name else {}
    runtime = aws.client("sagemaker-runtime", role=role)
    answer = runtime.invoke_endpoint(EndpointName=on, Body=body, ContentType="text/csv", **more)
    text: str = answer["Body"].read().decode()
    return text


def rolling(minutes: float, alarms: list[str]) -> dict[str, Any]:
    return {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "WaitIntervalInSeconds": int(minutes * 60),
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": one} for one in alarms]},
    }


def alarm(aws: Aws, name: str) -> str:
    """More than one request in a hundred of the component fails."""
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=f"{name}-errors", Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors", Period=60,
        EvaluationPeriods=1, Threshold=0.01, ComparisonOperator="GreaterThanThreshold", Statistic="Average",
        TreatMissingData="notBreaching", Dimensions=[{"Name": "InferenceComponentName", "Value": name}],
    )  # fmt: skip
    return f"{name}-errors"


def refused(code: str, said: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{said}")


def traffic(aws: Aws, on: str, name: str, clients: int = 2) -> AbstractContextManager[Traffic]:
    """Clients that keep asking one component."""
    aws.client("sagemaker-runtime")
    return asking(lambda: asked(aws, on, name), clients)


@pytest.fixture(scope="module")
def shared(aws: Aws) -> str:
    """An endpoint with two models."""
    on = endpoint(aws, "for-two")
    component(aws, "rain", on)
    component(aws, "wind", on)
    return on


def test_each_model_answers_under_its_own_name(aws: Aws, shared: str) -> None:
    assert (asked(aws, shared, "rain"), asked(aws, shared, "wind")) == ("rain:1,2", "wind:1,2")
    found = aws.client("sagemaker").describe_inference_component(InferenceComponentName="rain")
    assert (found["EndpointName"], found["VariantName"]) == (shared, "AllTraffic")
    assert found["Specification"]["ModelName"] == "rain-1"
    assert found["Specification"]["ComputeResourceRequirements"] == SIZE
    assert found["RuntimeConfig"] == {"DesiredCopyCount": 1, "CurrentCopyCount": 1}
    listed = aws.client("sagemaker").list_inference_components(EndpointNameEquals=shared)
    assert {one["InferenceComponentName"] for one in listed["InferenceComponents"]} == {"rain", "wind"}


@pytest.mark.parametrize(
    ("name", "said"),
    [(None, "Inference Component Name header is required"), ("snow", "snow of endpoint for-two not found")],
)
def test_no_component_is_asked_by_no_name_or_a_wrong_one(
    aws: Aws, shared: str, name: str | None, said: str
) -> None:
    with refused("ValidationError", said):
        asked(aws, shared, name)


def test_whoever_asks_needs_the_endpoint_and_the_component(aws: Aws, shared: str) -> None:
    def may(*arns: str) -> list[dict[str, Any]]:
        return [{"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": list(arns)}]

    aws.role("asks-rain", may(f"{ARNS}:endpoint/for-two", f"{ARNS}:inference-component/rain"))
    assert asked(aws, shared, "rain", role="asks-rain") == "rain:1,2"
    with refused("AccessDeniedException", "inference-component/wind"):
        asked(aws, shared, "wind", role="asks-rain")


def test_an_update_of_one_interrupts_neither(aws: Aws) -> None:
    on = endpoint(aws, "busy")
    component(aws, "one", on, copies=2)
    component(aws, "other", on)
    guard = alarm(aws, "one")
    with traffic(aws, on, "one") as one, traffic(aws, on, "other") as other:
        found = updated(aws, "one", model(aws, "one-2"), rolling(3, [guard]))
        one.sees("one-2")
        aws.client("sagemaker").delete_inference_component(InferenceComponentName="one")
        one.over.set()
        other.sees("other")
    assert found["Specification"]["ModelName"] == "one-2" and "FailureReason" not in found
    assert found["LastDeploymentConfig"]["RollingUpdatePolicy"]["WaitIntervalInSeconds"] == 180
    assert set(one.answers) == {"one", "one-2"}
    assert (set(other.answers), other.failures) == ({"other"}, [])
    assert not [said for said in one.failures if "not found" not in said]


@pytest.mark.parametrize(
    ("bad", "said"), [("raising", "bad-raising-errors"), ("broken", "cannot load the model")]
)
def test_a_bad_version_goes_back_and_the_old_one_keeps_answering(aws: Aws, bad: str, said: str) -> None:
    on, name = endpoint(aws, f"turned-{bad}"), f"bad-{bad}"
    component(aws, name, on, "good", copies=2)
    guard = alarm(aws, name)
    with traffic(aws, on, name, 3) as seen:
        found = updated(aws, name, model(aws, f"{name}-2", bad), rolling(30, [guard]))
        seen.answers.clear()
        seen.sees("good")
    assert said in found["FailureReason"]
    assert (found["InferenceComponentStatus"], found["Specification"]["ModelName"]) == (
        "InService",
        f"{name}-1",
    )
    assert set(seen.answers) == {"good"}
    assert bool(seen.failures) == (bad == "raising")


def test_without_copies_there_is_no_process_and_with_one_it_answers_again(aws: Aws, shared: str) -> None:
    component(aws, "sun", shared)
    sagemaker = aws.client("sagemaker")
    for copies in (0, 3):
        sagemaker.update_inference_component_runtime_config(
            InferenceComponentName="sun", DesiredRuntimeConfig={"CopyCount": copies}
        )
        found = ready(aws, "sun")
        assert found["RuntimeConfig"] == {"DesiredCopyCount": copies, "CurrentCopyCount": copies}
        if not copies:
            with refused("ValidationError", "has no capacity to process this request"):
                asked(aws, shared, "sun")
    assert asked(aws, shared, "sun") == "sun:1,2"


def test_what_scales_copies_is_refused_for_anything_else(aws: Aws, shared: str) -> None:
    component(aws, "scaled", shared, "steady")
    scaling = aws.client("application-autoscaling")
    bounds = {"MinCapacity": 2, "MaxCapacity": 3}
    copies = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "inference-component/scaled",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    for other, said in (
        ({"ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}, "has no scalable dimension"),
        ({"ResourceId": f"endpoint/{shared}/variant/AllTraffic"}, "has no scalable dimension"),
        ({"ResourceId": "inference-component/nowhere"}, "Could not find inference component"),
    ):
        with refused("ValidationException", said):
            scaling.register_scalable_target(**copies | other, **bounds)
    scaling.register_scalable_target(**copies, **bounds)
    until(lambda: ready(aws, "scaled")["RuntimeConfig"]["CurrentCopyCount"], (2).__eq__)
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    with refused("ValidationException", "is not a metric of inference-component/scaled"):
        scaling.put_scaling_policy(
            **copies, PolicyName="by-target", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 9, "PredefinedMetricSpecification": metric
            },
        )  # fmt: skip


def test_a_model_that_does_not_start_fails_its_component_alone(aws: Aws, shared: str) -> None:
    found = component(aws, "ill", shared, "broken")
    assert found["InferenceComponentStatus"] == "Failed"
    assert "cannot load the model" in found["FailureReason"]
    assert asked(aws, shared, "wind") == "wind:1,2"
    with refused("ValidationException", "in status Failed"):
        updated(aws, "ill", "rain-1")
    aws.client("sagemaker").delete_inference_component(InferenceComponentName="ill")
    with refused("ValidationException", "Could not find inference component"):
        ready(aws, "ill")


def test_the_endpoint_goes_last(aws: Aws) -> None:
    on = endpoint(aws, "leaving")
    component(aws, "last", on)
    sagemaker = aws.client("sagemaker")
    with refused("ValidationException", "it has inference components: last"):
        sagemaker.delete_endpoint(EndpointName=on)
    assert asked(aws, on, "last") == "last:1,2"
    sagemaker.delete_inference_component(InferenceComponentName="last")
    sagemaker.delete_endpoint(EndpointName=on)


def test_the_endpoint_changes_its_machines_under_traffic(aws: Aws) -> None:
    on = endpoint(aws, "growing")
    component(aws, "kept", on)
    sagemaker = aws.client("sagemaker")
    larger = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 2}
    sagemaker.create_endpoint_config(
        EndpointConfigName="growing-2", ExecutionRoleArn=ROLE, ProductionVariants=[larger]
    )
    with traffic(aws, on, "kept") as seen:
        sagemaker.update_endpoint(EndpointName=on, EndpointConfigName="growing-2")
        assert settled(aws, on)["EndpointConfigName"] == "growing-2"
        seen.sees("kept")
    assert seen.failures == []


def test_a_component_may_have_a_container_and_no_model(aws: Aws, shared: str) -> None:
    container = {"Image": aws.image, "ArtifactUrl": aws.model("bare")}
    aws.client("sagemaker").create_inference_component(
        InferenceComponentName="bare",
        EndpointName=shared,
        Specification={"Container": container, "ComputeResourceRequirements": SIZE},
    )
    found = ready(aws, "bare")
    assert found["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"] == aws.image
    assert asked(aws, shared, "bare") == "bare:1,2"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"EndpointName": "nowhere"}, "Could not find endpoint"),
        ({"VariantName": "Other"}, "Variant Other of endpoint for-two not found"),
        ({"InferenceComponentName": "rain"}, "Cannot create already existing inference component"),
        ({"Specification": {"ModelName": "rain-1"}}, "ComputeResourceRequirements must be given"),
        ({"Specification": specified("gone")}, 'Could not find model ".*model/gone"'),
        ({"Specification": {"ComputeResourceRequirements": SIZE}}, "exactly one of ModelName and Container"),
    ],
)
def test_what_cannot_be_a_component_is_refused(
    aws: Aws, shared: str, changed: dict[str, Any], said: str
) -> None:
    request = {
        "InferenceComponentName": "new",
        "EndpointName": shared,
        "VariantName": "AllTraffic",
        "Specification": specified("rain-1"),
        "RuntimeConfig": {"CopyCount": 1},
    }
    with refused("ValidationException", said):
        aws.client("sagemaker").create_inference_component(**request | changed)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "ExecutionRoleArn must be given"),
        (
            {
                "ExecutionRoleArn": ROLE,
                "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://out/put"}},
            },
            "must have a ModelName",
        ),
    ],
)
def test_a_variant_without_a_model_is_for_components_alone(aws: Aws, more: dict[str, Any], said: str) -> None:
    bare = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    with refused("ValidationException", said):
        aws.client("sagemaker").create_endpoint_config(
            EndpointConfigName="none", ProductionVariants=[bare], **more
        )


def test_after_a_restart_components_answer_again(tmp_path: Any, programs: str) -> None:
    before = start(tmp_path / "state", programs)
    after: Aws | None = None
    try:
        furnish(before)
        component(before, "rain", endpoint(before, "shared"))
        lifeline.stop(before.process, 20)
        after = start(tmp_path / "state", programs)
        assert asked(after, "shared", "rain") == "rain:1,2"
    finally:
        for server in (before, after):
            if server is not None:
                lifeline.stop(server.process, 20)


@pytest.mark.parametrize(
    ("kind", "value", "copies", "shares"),
    [
        ("CAPACITY_PERCENT", 50, 1, (1.0,)),
        ("CAPACITY_PERCENT", 50, 3, (2 / 3, 1.0)),
        ("COPY_COUNT", 1, 4, (0.25, 0.5, 0.75, 1.0)),
    ],
)
def test_batches_are_whole_copies(kind: str, value: int, copies: int, shares: tuple[float, ...]) -> None:
    policy = {"MaximumBatchSize": {"Type": kind, "Value": value}, "WaitIntervalInSeconds": 180}
    found = rollout.read_rolling({"RollingUpdatePolicy": policy}, copies)
    assert tuple(stage.share for stage in found.stages) == shares


@pytest.mark.parametrize(("kind", "value"), [("CAPACITY_PERCENT", 4), ("COPY_COUNT", 3)])
def test_a_batch_is_no_more_than_half_of_the_copies(kind: str, value: int) -> None:
    policy = {"MaximumBatchSize": {"Type": kind, "Value": value}, "WaitIntervalInSeconds": 180}
    with pytest.raises(ApiError, match="between 5% and 50% of the copy count, which is 4"):
        rollout.read_rolling({"RollingUpdatePolicy": policy}, 4)
