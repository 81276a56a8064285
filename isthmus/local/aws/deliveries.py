"""What rules of EventBridge, schedules, S3 and SNS may deliver, and to whom; SageMaker pipelines as targets.

ministack delivers to any target of its account. AWS asks first: the queue's, topic's or function's own policy
when a rule delivers; the target's role when a schedule does, and for buses and pipelines always. What may not
be delivered goes to the target's dead-letter queue, or is lost, and the log says so.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, scheduler, sns, sqs

from isthmus.errors import Refused
from isthmus.local.aws import authorization, encrypted_objects, roles

logger = logging.getLogger("isthmus.deliveries")
_invoke_target = eventbridge._invoke_target
# What a target's role must be allowed to do, and what its own policy must allow the service.
ACTIONS = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "events": "events:PutEvents",
    "sagemaker": "sagemaker:StartPipelineExecution",
    "states": "states:StartExecution",
}
BY_POLICY = ("sqs", "sns", "lambda")


@dataclass(frozen=True)
class Delivery:
    """One target of one rule or schedule, and the service (a principal) that delivers to it."""

    service: str
    source_arn: str
    target: dict[str, Any]
    spec: Any
    account: str
    region: str

    @property
    def arn(self) -> str:
        return str(self.target["Arn"])

    @property
    def session(self) -> str:
        return self.source_arn.rsplit("/", 1)[-1][:64]


# How often it is looked whether a schedule is due; ministack's ten seconds are long in a demo.
TICK_SECONDS = 1


def install() -> None:
    eventbridge._invoke_target = deliver
    # By these S3 asks whether it may tell a topic or queue, and SNS whether it may tell a queue.
    sns.topic_policy_allows = _with_key(sns.topic_policy_allows)
    sqs.queue_policy_allows = _with_key(sqs.queue_policy_allows)
    eventbridge._SCHEDULER_TICK_INTERVAL = TICK_SECONDS
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_SECONDS


def _with_key(policy_allows: Callable[..., bool]) -> Callable[..., bool]:
    """As before, but who delivers to an encrypted topic or queue needs its key as well."""

    def allows(arn: str, service: str, source_arn: str, source_account: str) -> bool:
        spec = parse_arn(arn)
        delivery = Delivery(service, source_arn, {"Arn": arn}, spec, source_account, get_region())
        if not policy_allows(arn, service, source_arn, source_account):
            return False
        try:
            _require_keys(delivery)
        except Refused as refusal:
            logger.warning("%s does not deliver to %s: %s", source_arn, arn, refusal.what)
            return False
        return True

    return allows


def deliver(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
    """Deliver an event to one target of a rule or schedule, if it may be."""
    try:
        spec = parse_arn(target.get("Arn", ""))
    except ArnParseError:
        return
    service = "events.amazonaws.com"
    if event.get("Source") == "aws.scheduler":
        service, target, event = "scheduler.amazonaws.com", *_of_schedule(target, event)
    delivery = Delivery(service, rule.get("Arn", ""), target, spec, get_account_id(), get_region())
    try:
        _require_permission(delivery)
        if spec.service == "sagemaker":
            _start_pipeline(delivery, event)
        else:
            _invoke_target(target, event, rule, view)
    except Refused as refusal:
        logger.warning("%s does not deliver to %s: %s", delivery.source_arn, delivery.arn, refusal.what)
        _bury(delivery, event, rule, refusal.what)


def _of_schedule(target: dict[str, Any], event: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The target with its context attributes filled in, and for a bus the event that it asks for.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    said = {
        "scheduled-time": datetime.fromtimestamp(event["Time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": event["EventId"],
        "attempt-number": "1",
        "schedule-arn": event["Resources"][0],
    }
    text = str(target.get("Input", ""))
    for name, value in said.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    asked = target.get("EventBridgeParameters") or {}
    named = {"Source": asked["Source"], "DetailType": asked["DetailType"], "Resources": []} if asked else {}
    return target | ({"Input": text} if text else {}), event | named


def _require_permission(delivery: Delivery) -> None:
    """Raise `Refused` unless the target may be reached by this rule or schedule."""
    action = ACTIONS.get(delivery.spec.service)
    if action is None or delivery.spec.resource.startswith("api-destination/"):
        return
    role = delivery.target.get("RoleArn")
    if role:
        key = _assume(delivery)["AWS_ACCESS_KEY_ID"]
        source = (delivery.target.get("EventBridgeParameters") or {}).get("Source")
        said = {"events:source": source} if source else {}
        roles.require(key, delivery.account, delivery.region, action, delivery.arn, said)
    elif delivery.spec.service in BY_POLICY:
        require_policy(delivery)
    elif delivery.spec.account_id != delivery.account or delivery.spec.service != "events":
        raise Refused("the target needs a role")


def _assume(delivery: Delivery) -> dict[str, str]:
    return roles.service_credentials(
        delivery.target["RoleArn"], delivery.service, delivery.session, source_arn=delivery.source_arn
    )


def require_policy(delivery: Delivery) -> None:
    """Raise `Refused` unless the target's own policy, and that of its key, lets the service in."""
    action = ACTIONS[delivery.spec.service]
    policy, _ = authorization.policy_of(delivery.spec.service, delivery.arn) or (None, "")
    if not _lets_in(delivery, action, delivery.arn, policy):
        raise Refused(f"its policy does not allow {delivery.service} to {action}")
    _require_keys(delivery)


def _require_keys(delivery: Delivery) -> None:
    for key in _keys_of(delivery):
        policy, _ = authorization.policy_of("kms", key) or (None, "")
        for use in ("kms:GenerateDataKey", "kms:Decrypt"):
            if not _lets_in(delivery, use, key, policy):
                raise Refused(f"its key's policy does not allow {delivery.service} to {use}")


def _lets_in(delivery: Delivery, action: str, arn: str, policy: Any) -> bool:
    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=arn,
        region=delivery.region,
        service_context={
            "aws:sourcearn": delivery.source_arn,
            "aws:sourceaccount": delivery.account,
            "aws:sourceowner": delivery.account,
        },
    )
    return bool(evaluate_resource_policy(policy, context, service=delivery.service).decision == "Allow")


def _keys_of(delivery: Delivery) -> list[str]:
    """The customer's KMS key of a queue or topic, if it has one."""
    if delivery.spec.service == "sqs":
        attributes = (sqs._queue_by_arn(delivery.arn) or {}).get("attributes", {})
    elif delivery.spec.service == "sns":
        attributes = (sns._topic_by_arn_any_scope(delivery.arn) or {}).get("attributes", {})
    else:
        return []
    return encrypted_objects.customer_key(attributes.get("KmsMasterKeyId", ""))


def _start_pipeline(delivery: Delivery, event: dict[str, Any]) -> None:
    """Start an execution as the target's role, off this thread: SageMaker may have to wait for AWS."""
    from isthmus.executor.refusals import ApiError
    from isthmus.local.sagemaker import service
    from isthmus.local.sagemaker.cloud import Caller

    variables = _assume(delivery)
    role = delivery.target["RoleArn"]
    account = role.split(":")[4]
    caller = Caller(
        account,
        delivery.spec.region,
        roles.session_arn(role, delivery.session),
        variables["AWS_ACCESS_KEY_ID"],
        variables["AWS_SECRET_ACCESS_KEY"],
        variables["AWS_SESSION_TOKEN"],
    )
    given = (delivery.target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList", [])
    parameters = [one | {"Value": _from_event(one["Value"], event)} for one in given]
    name = delivery.spec.resource.split("/", 1)[1]
    request = {
        "PipelineName": name if delivery.spec.account_id == account else delivery.arn,
        "PipelineParameters": parameters,
        "ClientRequestToken": event.get("EventId", "").ljust(32, "-"),
    }

    def start() -> None:
        try:
            service.here().invoke("StartPipelineExecution", request, caller)
        except ApiError as error:
            logger.warning("%s could not start %s: %s", delivery.source_arn, delivery.arn, error.message)

    threading.Thread(target=start, name="pipeline-target", daemon=True).start()


def _from_event(value: str, event: dict[str, Any]) -> str:
    """A parameter's value: as it is, or where it is a JSON path, what lies there in the event's detail."""
    if not value.startswith("$.detail."):
        return value
    detail = event.get("Detail") or {}
    found: Any = json.loads(detail) if isinstance(detail, str) else detail
    for name in value.removeprefix("$.detail.").split("."):
        found = found.get(name, "") if isinstance(found, dict) else ""
    return str(found)


def _bury(delivery: Delivery, event: dict[str, Any], rule: dict[str, Any], reason: str) -> None:
    """Put the event into the target's dead-letter queue, where that lets us."""
    dead = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    if not dead:
        return
    letter = Delivery(
        delivery.service,
        delivery.source_arn,
        {"Arn": dead},
        parse_arn(dead),
        delivery.account,
        delivery.region,
    )
    try:
        require_policy(letter)
    except Refused as refusal:
        logger.warning("lost an event of %s (%s): %s", delivery.source_arn, json.dumps(reason), refusal.what)
        return
    _invoke_target({"Id": "dead-letter", "Arn": dead}, event, rule)
