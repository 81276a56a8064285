"""UpdateEndpoint: the old fleet serves until the new one is healthy and has proved itself, or goes on."""

from __future__ import annotations

import threading

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import endpoints, events, rollout
from isthmus.local.sagemaker.baking import MINUTE, bake, require_alarms
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.fleet import Fleet
from isthmus.local.sagemaker.hosts import Host
from isthmus.local.sagemaker.kinds import require_change
from isthmus.local.sagemaker.rollout import Rollout
from isthmus.local.sagemaker.serving import NotServing
from isthmus.local.sagemaker.state import now


def update(call: Call) -> Record:
    record = endpoints.find(call, call["EndpointName"])
    if record["EndpointStatus"] != "InService":
        status = record["EndpointStatus"]
        raise invalid(f'Cannot update endpoint "{record["EndpointArn"]}" in status {status}.')
    plan = endpoints.plan_of(call, call["EndpointConfigName"])
    require_change(record["EndpointArn"], record["_plan"], plan)
    _require_as_scaled(call, record, plan)
    if call.get("RetainAllVariantProperties"):
        excluded = call.get("ExcludeRetainedVariantProperties", [])
        _retain(record, plan, {one["VariantPropertyType"] for one in excluded})
    config = call.get("DeploymentConfig")
    if config is None and call.get("RetainDeploymentConfig"):
        config = record.get("LastDeploymentConfig")
    asked = _rollout(call, record, plan, config)
    host = call.here.hosts.by_arn[record["EndpointArn"]]
    record.update(
        EndpointStatus="Updating", LastModifiedTime=now(), LastModifiedBy=call.caller.user_context()
    )
    record["PendingDeploymentSummary"] = _pending(plan, "Creating")
    endpoints.say(call, record)
    change = _Update(call, record, host, plan, config, asked)
    threading.Thread(target=change.carry_out, daemon=True).start()
    return {"EndpointArn": record["EndpointArn"]}


def _require_as_scaled(call: Call, record: Record, plan: Record) -> None:
    """Raise where a variant that scales automatically would go, or have other instances."""
    kept = {one["VariantName"]: one.get("InstanceType") for one in plan["Variants"]}
    scaled = call.here.cloud.scaled(call.caller.account, call.caller.region)
    for one in record["_plan"]["Variants"]:
        name = one["VariantName"]
        resource = f"endpoint/{record['EndpointName']}/variant/{name}"
        if resource in scaled and kept.get(name) != one.get("InstanceType"):
            raise invalid(
                f"The variant(s) {name} must be deregistered as scalable targets with AWS Application Auto "
                "Scaling before they can be removed or have their instance type updated."
            )


_RETAINED = {"DesiredInstanceCount": "InitialInstanceCount", "DesiredWeight": "InitialVariantWeight"}


def _retain(record: Record, plan: Record, excluded: set[str]) -> None:
    """Give the variants as many instances, and the weight, that they have now, but for what is excluded."""
    now_ = {one["VariantName"]: one for one in record.get("ProductionVariants", [])}
    for variant in plan["Variants"]:
        if shown := now_.get(variant["VariantName"]):
            variant |= {initial: shown[kept] for kept, initial in _RETAINED.items() if kept not in excluded}


def _rollout(call: Call, record: Record, plan: Record, config: Record | None) -> Rollout:
    """What is asked for, with alarms that are there and that the caller may see."""
    variants, before = ({one["VariantName"] for one in each["Variants"]} for each in (plan, record["_plan"]))
    instances = min(one.get("InitialInstanceCount", 1) for one in plan["Variants"])
    asked = rollout.read(config, instances, same_variants=variants == before)
    require_alarms(call, asked.alarms)
    return asked


def _pending(plan: Record, status: str) -> Record:
    moment = now()

    def variants(planned: list[Record]) -> list[Record]:
        reached = [{"Status": status, "StartTime": moment}]
        return [{"VariantName": one["VariantName"], "VariantStatus": reached} for one in planned]

    return {
        "EndpointConfigName": plan["Config"],
        "ProductionVariants": variants(plan["Variants"]),
        **({"ShadowProductionVariants": variants(plan["Shadows"])} if plan.get("Shadows") else {}),
        "StartTime": moment,
    }


class _Update:
    """One update, in a thread of its own: start the new fleet, shift the traffic, keep the new or the old."""

    def __init__(
        self, call: Call, record: Record, host: Host, plan: Record, config: Record | None, asked: Rollout
    ) -> None:
        self.call, self.record, self.host, self.plan = call, record, host, plan
        self.config, self.rollout = config, asked
        self.second = call.here.minute / MINUTE

    def carry_out(self) -> None:
        green = endpoints.fleet_of(self.call, self.record, self.plan)
        reason = self._try(green)
        if self.host.deleted.is_set() or self.call.here.hosts.closing.is_set():
            green.stop()
            return
        loser = self._won(green) if reason is None else self._lost(green, reason)
        self.call.here.state.changed()
        if reason is None and self.rollout.termination_wait:
            self.host.deleted.wait(self.rollout.termination_wait * self.second)
        loser.retire()
        if self.host.backlog is not None:
            self.host.backlog.work()

    def _try(self, green: Fleet) -> str | None:
        """Why the new fleet is not to serve; None where it is."""
        try:
            self.host.green, self.host.share = green, 0.0
            self._announce("Creating")
            green.start()
            for stage in self.rollout.stages:
                self.host.share = stage.share
                self._announce("ActivatingTraffic")
                self._announce("Baking")
                bake(self.call, self.host, self.rollout.alarms, stage.seconds * self.second)
        except NotServing as error:
            return str(error)
        return None

    def _won(self, green: Fleet) -> Fleet:
        """The new fleet serves alone; gives the old one."""
        with self.call.here.state.lock:
            loser, self.host.live = self.host.live, green
            self.record.pop("ShadowProductionVariants", None)
            self.record.update(endpoints.deployed(self.plan), _plan=self.plan)
            self.record.pop("FailureReason", None)
            if self.config is not None:
                self.record["LastDeploymentConfig"] = self.config
            self._settle()
        return loser

    def _lost(self, green: Fleet, reason: str) -> Fleet:
        """The old fleet has all of the traffic again."""
        with self.call.here.state.lock:
            self.host.share = 0.0
            self.record.update(EndpointStatus="RollingBack", FailureReason=reason, LastModifiedTime=now())
            endpoints.say(self.call, self.record)
            self._settle()
        return green

    def _settle(self) -> None:
        self.host.green, self.host.share = None, 0.0
        self.record.pop("PendingDeploymentSummary", None)
        self.record.update(EndpointStatus="InService", LastModifiedTime=now())
        endpoints.say(self.call, self.record)

    def _announce(self, status: str) -> None:
        with self.call.here.state.lock:
            if "PendingDeploymentSummary" in self.record:
                self.record["PendingDeploymentSummary"] = _pending(self.plan, status)
            names = {one["VariantName"]: status for one in self.plan["Variants"]}
            here, space = self.call.here, self.call.space
            events.deployment_changed(here.cloud, space, self.record, self.plan["Config"], names)


OPERATIONS: dict[str, Operation] = {"UpdateEndpoint": update}
