"""Application Auto Scaling for SageMaker's endpoints, which ministack lacks: targets, and what policies do.

As in AWS, target tracking keeps two alarms, and an alarm that goes off carries out the policies among its
actions: it changes how many there are of what `scalable.py` finds, within the target's bounds and after the
cooldown.
"""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import router
from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import cloudwatch

from isthmus.executor.refusals import ApiError
from isthmus.local.aws import rest_json, scalable

Record = dict[str, Any]
SERVICE, NAMESPACE = "application-autoscaling", "sagemaker"
# Document: Application Auto Scaling's user guide, "Target tracking": scale out after three minutes over the
# target, in after fifteen well under it.
HIGH, LOW, SLACK = 3, 15, 0.9
_targets: Any = AccountRegionScopedDict()
_policies: Any = AccountRegionScopedDict()


def install() -> None:
    rest_json.register(SERVICE, __name__)
    patterns = {"target_prefixes": ["AnyScaleFrontendService."], "credential_scope": SERVICE}
    router.SERVICE_PATTERNS = {**router.SERVICE_PATTERNS, SERVICE: patterns}


def get_state() -> Record:
    return {"targets": _targets, "policies": _policies}


def load_persisted_state(data: Record) -> None:
    _targets.update(data.get("targets", {}))
    _policies.update(data.get("policies", {}))


def reset() -> None:
    _targets.clear()
    _policies.clear()


async def handle_request(
    _method: str, _path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> rest_json.Answer:
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    key = router.extract_access_key_id(dict(headers), dict(query)) or get_account_id()
    try:
        return rest_json.answer(200, invoke(operation, json.loads(body or b"{}"), key))
    except ApiError as error:
        refused = {"__type": error.code, "message": error.message}
        return rest_json.answer(error.status, refused, error.code)


def invoke(operation: str, params: Record, access_key: str) -> Record:
    """Make one call of the API; raises `ApiError`."""
    if operation not in OPERATIONS:
        raise ApiError("UnknownOperationException", f"The local Application Auto Scaling has no {operation}.")
    rest_json.check(SERVICE, operation, params)
    arn = "*" if operation.startswith("Describe") else f"{_arn('scalable-target')}/*"
    context = {"application-autoscaling:service-namespace": params.get("ServiceNamespace", "")}
    rest_json.require(access_key, f"{SERVICE}:{operation}", arn, context)
    if params.get("ServiceNamespace") != NAMESPACE:
        raise ApiError("ValidationException", "The local Application Auto Scaling scales SageMaker's alone.")
    if operation == "RegisterScalableTarget":
        # AWS wants its caller to be allowed what scaling does.
        found = scalable.find(params["ResourceId"], params["ScalableDimension"])
        rest_json.require(access_key, f"sagemaker:{found.operation}", found.arn)
    return OPERATIONS[operation](params)


def _arn(kind: str, service: str = SERVICE) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{kind}"


# ---------------------------------------------------------------- targets


def _id(params: Record) -> str:
    return f"{params['ResourceId']}|{params['ScalableDimension']}|{params['ServiceNamespace']}"


def register(params: Record) -> Record:
    """Make a target, or change its bounds."""
    found = scalable.find(params["ResourceId"], params["ScalableDimension"])
    known = _targets.get(_id(params), {})
    given = {key: params[key] for key in ("MinCapacity", "MaxCapacity") if key in params}
    target = known | given
    if not {"MinCapacity", "MaxCapacity"} <= target.keys() or target["MinCapacity"] > target["MaxCapacity"]:
        raise ApiError("ValidationException", "MinCapacity and MaxCapacity must be given, the least first.")
    if not target["MinCapacity"] and not found.to_none:
        raise ApiError("ValidationException", "MinCapacity must be at least 1 for this endpoint.")
    named = {key: params[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    made = {"CreationTime": time.time(), "ScalableTargetARN": f"{_arn('scalable-target')}/{uuid.uuid4().hex}"}
    _targets[_id(params)] = made | named | target
    _keep_within(_targets[_id(params)])
    return {"ScalableTargetARN": _targets[_id(params)]["ScalableTargetARN"]}


def deregister(params: Record) -> Record:
    """Forget a target, its policies and their alarms."""
    identity = _id(params)
    if identity not in _targets:
        raise ApiError("ObjectNotFoundException", f"No scalable target found for {params['ResourceId']}.")
    for key in [key for key in _policies if key.startswith(f"{identity}|")]:
        _drop(key)
    del _targets[identity]
    return {}


def describe_targets(params: Record) -> Record:
    wanted = params.get("ResourceIds")
    found = [one for one in _targets.values() if not wanted or one["ResourceId"] in wanted]
    return {"ScalableTargets": found}


# ---------------------------------------------------------------- policies


def put_policy(params: Record) -> Record:
    identity = _id(params)
    if identity not in _targets:
        raise ApiError("ObjectNotFoundException", f"No scalable target found for {params['ResourceId']}.")
    scalable.find(params["ResourceId"], params["ScalableDimension"]).require_tracked(params)
    key = f"{identity}|{params['PolicyName']}"
    known = _policies.get(key, {})
    name = f"{uuid.uuid4()}:resource/{NAMESPACE}/{params['ResourceId']}:policyName/{params['PolicyName']}"
    arn = known.get("PolicyARN", _arn(f"scalingPolicy:{name}", "autoscaling"))
    _policies[key] = params | {"PolicyARN": arn, "CreationTime": time.time(), "Alarms": []}
    if params.get("PolicyType") == "TargetTrackingScaling":
        _policies[key]["Alarms"] = _track(_policies[key])
    return {"PolicyARN": arn, "Alarms": _policies[key]["Alarms"]}


def delete_policy(params: Record) -> Record:
    key = f"{_id(params)}|{params['PolicyName']}"
    if key not in _policies:
        raise ApiError("ObjectNotFoundException", f"No scaling policy {params['PolicyName']} found.")
    _drop(key)
    return {}


def _drop(key: str) -> None:
    policy = _policies.pop(key)
    names = [one["AlarmName"] for one in policy.get("Alarms", [])]
    cloudwatch._delete_alarms({}, {"AlarmNames": names}, False, True)


def describe_policies(params: Record) -> Record:
    asked = {key: params[key] for key in ("ResourceId",) if key in params}
    names = params.get("PolicyNames")
    found = [
        one
        for one in _policies.values()
        if asked.items() <= one.items() and (not names or one["PolicyName"] in names)
    ]
    return {"ScalingPolicies": found}


def _track(policy: Record) -> list[Record]:
    """The two alarms of a target."""
    config = policy["TargetTrackingScalingPolicyConfiguration"]
    target = float(config["TargetValue"])
    sides = [("AlarmHigh", "GreaterThanThreshold", target, HIGH)]
    if not config.get("DisableScaleIn"):
        sides.append(("AlarmLow", "LessThanThreshold", target * SLACK, LOW))
    alarms = []
    for side, comparison, threshold, periods in sides:
        name = f"TargetTracking-{policy['ResourceId']}-{side}-{policy['PolicyName']}"
        alarm = _metric(policy, config) | {
            "AlarmName": name,
            "AlarmDescription": "DO NOT EDIT OR DELETE. For a scaling policy.",
            "ComparisonOperator": comparison,
            "Threshold": threshold,
            "Period": 60,
            "EvaluationPeriods": periods,
            "AlarmActions": [policy["PolicyARN"]],
        }
        cloudwatch._put_metric_alarm({}, alarm, False, True)
        alarms.append({"AlarmName": name, "AlarmARN": f"{_arn('alarm', 'cloudwatch')}:{name}"})
    return alarms


def _metric(policy: Record, config: Record) -> Record:
    if custom := config.get("CustomizedMetricSpecification"):
        names = ("Namespace", "MetricName", "Dimensions", "Statistic")
        return {key: custom[key] for key in names if key in custom}
    return scalable.find(policy["ResourceId"], policy["ScalableDimension"]).asked()


OPERATIONS: dict[str, Callable[[Record], Record]] = {
    "RegisterScalableTarget": register,
    "DeregisterScalableTarget": deregister,
    "DescribeScalableTargets": describe_targets,
    "PutScalingPolicy": put_policy,
    "DeleteScalingPolicy": delete_policy,
    "DescribeScalingPolicies": describe_policies,
}


# ---------------------------------------------------------------- what they do


def carry_out(policy_arn: str, alarm: Record) -> None:
    """Scale as the policy says, where its alarm went off and its last change is long enough ago."""
    policy = next((one for one in _policies.values() if one["PolicyARN"] == policy_arn), None)
    target = _targets.get(_id(policy)) if policy else None
    if policy is None or target is None:
        return
    found = scalable.find(policy["ResourceId"], policy["ScalableDimension"])
    count = found.count
    wanted = _wanted(policy, alarm, count)
    wanted = min(max(wanted, target["MinCapacity"]), target["MaxCapacity"])
    if wanted == count or time.time() - policy.get("_scaled", 0.0) < _cooldown(policy, wanted > count):
        return
    policy["_scaled"] = time.time()
    found.scale(wanted)


def _wanted(policy: Record, alarm: Record, count: int) -> int:
    if step := policy.get("StepScalingPolicyConfiguration"):
        change: int = step["StepAdjustments"][0]["ScalingAdjustment"]
        return count + change if step["AdjustmentType"] == "ChangeInCapacity" else change
    if alarm.get("ComparisonOperator") == "LessThanThreshold":
        return count - 1
    seen = json.loads(alarm.get("StateReasonData") or "{}").get("recentDatapoints") or [alarm["Threshold"]]
    target = policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
    return max(count + 1, math.ceil(count * float(seen[0]) / float(target)))


def _cooldown(policy: Record, out: bool) -> float:
    if step := policy.get("StepScalingPolicyConfiguration"):
        return float(step.get("Cooldown", 300))
    config = policy["TargetTrackingScalingPolicyConfiguration"]
    return float(config.get("ScaleOutCooldown" if out else "ScaleInCooldown", 300))


def _keep_within(target: Record) -> None:
    """AWS moves a target at once that is out of its bounds."""
    found = scalable.find(target["ResourceId"], target["ScalableDimension"])
    within = min(max(found.count, target["MinCapacity"]), target["MaxCapacity"])
    if within != found.count:
        found.scale(within)


def scaled(account: str, region: str) -> set[str]:
    """The resources of an account that are targets, as `endpoint/<name>/variant/<name>`."""
    return {
        record["ResourceId"]
        for (owner, place, _), record in _targets.all_items()
        if (owner, place) == (account, region)
    }
