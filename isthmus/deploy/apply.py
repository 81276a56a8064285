"""Deploys one stage of an assembly, and asserts that what runs is what was asked for.

Each step can be taken again: whatever interrupts a deployment, what served goes on serving, and the next
attempt goes on, or repairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from isthmus import names
from isthmus.config import Platform, Stage
from isthmus.deploy import comparison, evidence, leftovers, records
from isthmus.deploy.comparison import Comparison
from isthmus.deploy.package import Package, describe, read
from isthmus.deploy.records import NO_REASON, Recorded, Why
from isthmus.deploy.repair import repair, settled, stack_config
from isthmus.deploy.turned_back import explain
from isthmus.deploy.wanted import Wanted, wanted
from isthmus.errors import NotFound, Problem, Refused, Unavailable
from isthmus.infra.assembly import deploy_stack
from isthmus.monitor.served import served
from isthmus.serving import Serving, expect, look

Say = Callable[[str], None]


def apply(
    platform: Platform, assembly: Path, stage: Stage, run_id: str, say: Say, why: Why = NO_REASON
) -> Serving:
    """Deploy `stage` as the caller (its deploy role), and record in the registry that the version runs there.

    Raises `Refused` where the version is no longer approved or no longer what was approved, or prod serves
    another one than it is to be compared with; and `TurnedBack` where CloudFormation rolls back, or reports
    success and the endpoint runs something else (SageMaker can roll back in silence).
    """
    import boto3

    package = read(assembly)
    stack = names.endpoint_stack(platform, package.model, stage)
    session = boto3.Session(region_name=platform.region)
    compared = comparison.read(assembly) if stage == comparison.STAGE else None
    attempt = _Attempt(session, assembly, stack, stage, package, compared, wanted(assembly, stack), say)
    # A stage may wait for days for its approval, and the version be rejected or written over in the meantime.
    evidence.require_as_registered(session.client("s3"), describe(attempt.sagemaker, package.arn))
    if compared:
        evidence.require_as_registered(
            session.client("s3"), describe(attempt.sagemaker, compared.champion.arn)
        )
    before, begun = attempt.look(), datetime.now(UTC)
    comparison.refuse_another(compared, before)
    attempt.require_host(before)
    try:
        serving = attempt.deploy(before)
    except (Refused, Unavailable):
        raise
    except Problem as cause:
        problem = explain(session, package, stage, attempt.asked.alarms, begun, cause)
        attempt.record(problem.reason, run_id)
        raise problem from None
    were = [*records.recorded(attempt.sagemaker, package.arn)]
    attempt.clear_up(before, were)
    if compared:
        records.compared(attempt.sagemaker, package, compared.champion, compared.how, serving, run_id)
    else:
        records.deployed(attempt.sagemaker, package, serving, run_id, why)
    session.client("cloudwatch").put_metric_data(
        Namespace=names.METRIC_NAMESPACE, MetricData=[served(package.model, stage, int(serving.version))]
    )
    for one in were:
        if one.is_at(stage) and one.arn not in (serving.model_package_arn, serving.challenger):
            records.replaced(attempt.sagemaker, one.arn, stage, run_id, why)
    return serving


@dataclass(frozen=True)
class _Attempt:
    """One attempt to bring a stage to what the template of its stack says."""

    session: Any
    assembly: Path
    stack: str
    stage: Stage
    package: Package
    compared: Comparison | None
    asked: Wanted
    say: Say

    @property
    def sagemaker(self) -> Any:
        return self.session.client("sagemaker")

    def look(self) -> Serving | None:
        """What the stage serves; None before its first deployment."""
        try:
            return look(self.sagemaker, self.package.model, self.stage)
        except NotFound:
            return None

    def require_host(self, before: Serving | None) -> None:
        """Raise `Refused` where the endpoint that the model is to share is not there, or is another one."""
        if not self.asked.component:
            return
        if before and before.component and before.endpoint != self.asked.endpoint:
            raise Refused(
                f"{self.package.model} is on endpoint {before.endpoint} in {self.stage}, and SageMaker "
                f"moves no inference component to another one, such as {self.asked.endpoint}",
                where="deploy.yaml, shared.endpoint",
                todo="serve by endpoint: realtime first, and by the other shared endpoint then",
            )
        try:
            found = self.sagemaker.describe_endpoint(EndpointName=self.asked.endpoint)
        except self.sagemaker.exceptions.ClientError as error:
            if "Could not find" not in error.response["Error"]["Message"]:
                raise
            found = {"EndpointStatus": "not there"}
        if found["EndpointStatus"] not in ("InService", "Updating", "SystemUpdating"):
            raise Refused(
                f"the endpoint {self.asked.endpoint} that {self.package.model} is to share in {self.stage} "
                f"is {found['EndpointStatus']}",
                where="platform.yaml, shared_endpoints",
                todo=f"isthmus infra deploy --account {self.stage}",
            )

    def deploy(self, before: Serving | None) -> Serving:
        """Raises `Problem` where the endpoint does not run what is asked for in the end."""
        stands = stack_config(self.session.client("cloudformation"), self.stack)
        wanted = self.asked.endpoint_config
        if stands != wanted:
            # Left by an attempt that was turned back: CloudFormation could not make it a second time.
            leftovers.delete(self.sagemaker, {wanted}, keep={stands})
        deploy_stack(self.session, self.assembly, self.stack, say=self.say)
        serving = settled(self.sagemaker, self.package.model, self.stage)
        size = serving.sized(scales=self.asked.scales)
        runs, shall = (serving.endpoint_config, size), (wanted, self.asked.size)
        if runs != shall and stands == wanted and before and self.asked.endpoint:
            told, instead = (", ".join(filter(None, one)) for one in (runs, shall))
            self.say(f"{serving.endpoint}: runs {told} and not {instead}: updating it")
            repair(self.sagemaker, serving, self.asked)
            serving = settled(self.sagemaker, self.package.model, self.stage)
        if self.compared:
            expect(serving, self.compared.champion.arn, wanted, self.package.arn, scales=self.asked.scales)
        else:
            expect(serving, self.package.arn, wanted, size=self.asked.size, scales=self.asked.scales)
        return serving

    def record(self, reason: str, run_id: str) -> None:
        """Keep with the version why it does not serve; where that cannot be, the run says it all the same."""
        try:
            records.turned_back(self.sagemaker, self.package.arn, self.stage, run_id, reason)
        except (BotoCoreError, ClientError) as error:
            self.say(f"{self.package.arn}: could not be marked in the registry: {error}")

    def clear_up(self, before: Serving | None, recorded: Sequence[Recorded]) -> None:
        """Delete what served before, and what an attempt that was killed left of it."""
        batch = names.batch_pipeline(self.package.model)
        leftovers.drain(self.sagemaker, batch, datetime.now(UTC))
        if self.asked.endpoint and (said := leftovers.delete_batch(self.sagemaker, batch)):
            self.say(said)
        found = {name for one in recorded for name in one.made(self.stage)}
        if before:
            found |= {before.endpoint_config, *before.models}
        for gone in leftovers.delete(self.sagemaker, found, keep={self.asked.endpoint_config}):
            self.say(f"{gone}: deleted, it serves no more")
