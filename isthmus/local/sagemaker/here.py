"""The local AWS behind SageMaker's seam: ministack's IAM, events, logs and metrics; S3 and ECR over HTTP.

Policies are read in any thread. What changes ministack's stores is handed to its event loop, in order, and
not waited for: a SageMaker thread may hold the state's lock that the loop is waiting for.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import request_scope
from ministack.services import cloudwatch, cloudwatch_logs, ec2

from isthmus.errors import Refused
from isthmus.executor.objects import ObjectStore, S3Store, StoreError
from isthmus.executor.record import Record
from isthmus.executor.refusals import ApiError, invalid
from isthmus.local.aws import alarms, events, roles
from isthmus.local.sagemaker.arns import account_of_role
from isthmus.local.sagemaker.cloud import Caller, Network
from isthmus.local.sagemaker.refusals import denied

SERVICE = "sagemaker.amazonaws.com"
# A session lasts as long as a job or endpoint may use it: in the cloud it is renewed while they run.
SESSION_SECONDS = 7 * 86_400
# How long a decision (may pull, may log) and a role's session are taken for granted.
REMEMBERED_SECONDS = 60.0
ANSWERING_SECONDS = 30.0
# A busy event loop looks at an alarm later; nobody waits for it longer.
LOOK_SECONDS = 5.0
logger = logging.getLogger("isthmus.sagemaker")


@dataclass
class Here:
    """The local AWS at `url`."""

    url: str
    loop: asyncio.AbstractEventLoop | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _remembered: dict[tuple[str, ...], tuple[float, Any]] = field(default_factory=dict)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _session: Any = None

    # ---- IAM

    def authorize(
        self,
        caller: Caller,
        action: str,
        resource: str,
        context: Mapping[str, Any] | None = None,
        policy: str | None = None,
    ) -> None:
        with request_scope(caller.account, caller.region):
            evaluated = _evaluate(caller, action, resource, context or {}, policy)
        if evaluated is None:
            return
        decision = "an explicit deny" if evaluated.decision == "Deny" else "no policy that allows it"
        raise denied(
            f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource} "
            f"because of {decision}"
        )

    def assume(self, role_arn: str, region: str, session: str, identity: str = "") -> Caller:
        key = ("role", role_arn, region, session, identity)
        caller: Caller = self._remember(key, lambda: _session_of(role_arn, region, session, identity))
        return caller

    # ---- S3 and ECR, over HTTP: their own enforcement decides

    def objects(self, caller: Caller) -> ObjectStore:
        return S3Store(self._client("s3", caller))

    def require_image(self, caller: Caller, image: str) -> None:
        self._remember(("image", caller.arn, image), lambda: self._pull(caller, image))

    def lend_key(self, caller: Caller, key: str) -> None:
        for_aws = {"kms:GrantIsForAWSResource": "true"}
        try:
            roles.require(caller.access_key, caller.account, caller.region, "kms:CreateGrant", key, for_aws)
        except Refused as refusal:
            raise denied(refusal.what) from None

    def network(self, account: str, region: str) -> Network:
        with request_scope(account, region):
            return Network(
                {id_: subnet["VpcId"] for id_, subnet in list(ec2._subnets.items())},
                {id_: group["VpcId"] for id_, group in list(ec2._security_groups.items())},
            )

    def _pull(self, caller: Caller, image: str) -> bool:
        from botocore.exceptions import ClientError

        registry, repository, identifier = _parts(image)
        try:
            found = self._client("ecr", caller).batch_get_image(
                registryId=registry, repositoryName=repository, imageIds=[identifier]
            )
        except ClientError as error:
            raise StoreError(
                f"Cannot find repository: {repository} in registry ID: {registry}. Please check if your ECR "
                f"repository exists and role {caller.arn} has proper pull permissions for SageMaker: "
                "ecr:BatchCheckLayerAvailability, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer "
                f"({error.response['Error']['Code']})"
            ) from None
        if not found["images"]:
            raise StoreError(
                f"Cannot find requested image: {image}. Please check that it was pushed to the repository."
            )
        return True

    def _client(self, service: str, caller: Caller) -> Any:
        with self._lock:
            key = (service, caller.access_key)
            if key not in self._clients:
                self._clients[key] = self._new_client(service, caller)
            return self._clients[key]

    def _new_client(self, service: str, caller: Caller) -> Any:
        import botocore.session
        from botocore.config import Config

        if self._session is None:
            self._session = botocore.session.Session()
        return self._session.create_client(
            service,
            region_name=caller.region,
            endpoint_url=self.url,
            aws_access_key_id=caller.access_key,
            aws_secret_access_key=caller.secret or "test",
            aws_session_token=caller.token or None,
            config=Config(
                max_pool_connections=32,
                retries={"total_max_attempts": 3, "mode": "standard"},
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def await_answering(self) -> None:
        host, _, port = self.url.rpartition("/")[2].partition(":")
        deadline = time.monotonic() + ANSWERING_SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection((host, int(port)), 1.0).close()
                return
            except OSError:
                time.sleep(0.05)

    def warm_up(self) -> None:
        """Load what the first job would otherwise wait for."""
        owner = Caller("000000000000", "us-east-1", "", "warm")
        for service in ("s3", "ecr"):
            self._client(service, owner)

    # ---- events, logs and metrics

    def emit(
        self, account: str, region: str, detail_type: str, resources: Sequence[str], detail: Record
    ) -> None:
        self._on_loop(
            lambda: events.put_event(
                account,
                region,
                source="aws.sagemaker",
                detail_type=detail_type,
                detail=detail,
                resources=list(resources),
            )
        )

    def log(self, caller: Caller, group: str, stream: str, lines: Sequence[str]) -> None:
        if not self._remember(("log", caller.arn, group), lambda: self._may_log(caller, group)):
            return
        moment = int(time.time() * 1000)
        entries = [{"timestamp": moment, "message": line} for line in lines]
        self._on_loop(lambda: _put_log(caller.account, caller.region, group, stream, entries))

    def _may_log(self, caller: Caller, group: str) -> bool:
        resource = f"arn:aws:logs:{caller.region}:{caller.account}:log-group:{group}:log-stream:*"
        try:
            self.authorize(caller, "logs:PutLogEvents", resource)
        except ApiError as error:
            logger.warning("no logs in %s: %s", group, error.message)
            return False
        return True

    def measure(
        self,
        account: str,
        region: str,
        namespace: str,
        dimensions: Mapping[str, str],
        values: Mapping[str, float],
    ) -> None:
        listed = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        data = [{"MetricName": name, "Dimensions": listed, "Value": value} for name, value in values.items()]

        def put() -> None:
            with request_scope(account, region):
                cloudwatch._put_metric_data({}, {"Namespace": namespace, "MetricData": data}, False, True)

        self._on_loop(put)

    def publish(self, caller: Caller, topic: str, message: str) -> None:
        from botocore.exceptions import ClientError

        try:
            self._client("sns", caller).publish(TopicArn=topic, Message=message)
        except ClientError as error:
            raise denied(str(error)) from None

    def scaled(self, account: str, region: str) -> set[str]:
        from isthmus.local.aws import scaling

        return scaling.scaled(account, region)

    def alarm_state(self, account: str, region: str, name: str) -> str | None:
        alarm = cloudwatch._alarms.get_scoped(account, region, name)
        return None if alarm is None else str(alarm.get("StateValue"))

    def look_at_alarm(self, account: str, region: str, name: str) -> str | None:
        looked = threading.Event()

        def look() -> None:
            try:
                with request_scope(account, region):
                    if (alarm := cloudwatch._alarms.get(name)) is not None:
                        alarms.evaluate(alarm, guards=True)
            finally:
                looked.set()

        self._on_loop(look)
        looked.wait(LOOK_SECONDS)
        return self.alarm_state(account, region, name)

    def _on_loop(self, change: Callable[[], None]) -> None:
        loop = self.loop
        if loop is None or loop.is_closed():
            change()
            return
        loop.call_soon_threadsafe(_logged, change)

    def _remember(self, key: tuple[str, ...], find: Callable[[], Any]) -> Any:
        at, value = self._remembered.get(key, (0.0, None))
        if time.monotonic() - at > REMEMBERED_SECONDS or value is None:
            value = find()
            self._remembered[key] = (time.monotonic(), value)
        return value


def _logged(change: Callable[[], None]) -> None:
    try:
        change()
    except Exception:
        logger.exception("an event, log or metric of SageMaker was lost")


def _session_of(role_arn: str, region: str, session: str, identity: str) -> Caller:
    try:
        variables = roles.service_credentials(
            role_arn, SERVICE, session, SESSION_SECONDS, source_identity=identity
        )
    except Refused as refusal:
        raise invalid(refusal.what) from None
    key = variables["AWS_ACCESS_KEY_ID"]
    who = iam_evaluator.resolve_caller_identity(key) or {}
    return Caller(
        account_of_role(role_arn),
        region,
        who["userArn"],
        key,
        variables["AWS_SECRET_ACCESS_KEY"],
        variables["AWS_SESSION_TOKEN"],
        who["userId"],
    )


def _evaluate(
    caller: Caller, action: str, resource: str, context: Mapping[str, Any], policy: str | None
) -> iam_evaluator.EvalResult | None:
    """None where the call is allowed, else why not."""
    principal = iam_evaluator.resolve_principal(caller.access_key, caller.account)
    if isinstance(principal, iam_evaluator.AuthError):
        raise ApiError(principal.code, principal.message, 403)
    owner = iam_evaluator._account_from_arn(resource)
    evaluation = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region=caller.region,
        secure_transport=True,
        service_context={"aws:tagkeys": None} | {key.lower(): value for key, value in context.items()},
        principal_keys=principal.keys,
    )
    if principal.policies is None:
        result = iam_evaluator.EvalResult("Allow", principal.arn)
    else:
        result = iam_evaluator.evaluate(evaluation, principal.policies, *principal.limits)
    if policy is not None or owner not in (None, principal.account):
        result = iam_evaluator.combine_resource_policy(
            result, evaluation, policy, owner, limits=tuple(principal.limits)
        )
    return None if result.decision == "Allow" else result


def _put_log(account: str, region: str, group: str, stream: str, entries: list[Record]) -> None:
    with request_scope(account, region):
        if group not in cloudwatch_logs._log_groups:
            cloudwatch_logs._create_log_group({"logGroupName": group})
        name = {"logGroupName": group, "logStreamName": stream}
        if stream not in cloudwatch_logs._log_groups[group]["streams"]:
            cloudwatch_logs._create_log_stream(name)
        cloudwatch_logs._put_log_events({**name, "logEvents": entries})


def _parts(image: str) -> tuple[str, str, Record]:
    """An ECR image URI as registry id, repository and image identifier; raises `StoreError` for any other."""
    host, _, rest = image.partition("/")
    labels = host.split(".")
    if len(labels) < 6 or labels[1:3] != ["dkr", "ecr"] or not rest:
        raise StoreError(f"{image} is not an image in ECR, and SageMaker runs no other.")
    if "@" in rest:
        repository, _, digest = rest.partition("@")
        return labels[0], repository.partition(":")[0], {"imageDigest": digest}
    repository, _, tag = rest.partition(":")
    return labels[0], repository, {"imageTag": tag or "latest"}
