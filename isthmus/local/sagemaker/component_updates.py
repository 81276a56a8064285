"""UpdateInferenceComponent and UpdateInferenceComponentRuntimeConfig: another version, or more copies.

The old process answers until the new one is healthy; with a RollingUpdatePolicy it gives its requests away in
batches, while alarms are watched, and takes them back where one goes off. Other components of the endpoint
have processes of their own and see nothing of it. One process stands for all of a component's copies.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import components, endpoints, rollout
from isthmus.local.sagemaker.baking import MINUTE, bake, require_alarms
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.fleet import Fleet
from isthmus.local.sagemaker.hosts import Host
from isthmus.local.sagemaker.rollout import Rollout
from isthmus.local.sagemaker.serving import NotServing
from isthmus.local.sagemaker.state import now


def update(call: Call) -> Record:
    record = _changeable(call)
    given = call.get("Specification")
    copies = call.get("RuntimeConfig", {}).get("CopyCount", record["RuntimeConfig"]["DesiredCopyCount"])
    specification = copy.deepcopy(given or record["_plan"]["Specification"])
    endpoint = endpoints.find(call, record["EndpointName"])
    name, variant = record["InferenceComponentName"], record["VariantName"]
    plan = components.plan_of(call, name, endpoint, variant, specification, copies)
    config = call.get("DeploymentConfig")
    asked = rollout.read_rolling(config, max(1, copies))
    require_alarms(call, asked.alarms)
    _begin(call, record, copies)
    same = plan["Specification"] == record["_plan"]["Specification"]
    change = _Update(call, record, _host(call, record), plan, config, asked, same)
    threading.Thread(target=change.carry_out, daemon=True).start()
    return {"InferenceComponentArn": record["InferenceComponentArn"]}


def update_runtime_config(call: Call) -> Record:
    record = _changeable(call)
    copies: int = call["DesiredRuntimeConfig"]["CopyCount"]
    plan = copy.deepcopy(record["_plan"])
    plan["Variants"][0]["InitialInstanceCount"] = copies
    _begin(call, record, copies)
    change = _Update(call, record, _host(call, record), plan, None, Rollout(), True)
    threading.Thread(target=change.carry_out, daemon=True).start()
    return {"InferenceComponentArn": record["InferenceComponentArn"]}


def _changeable(call: Call) -> Record:
    record = components.find(call, call["InferenceComponentName"])
    if record["InferenceComponentStatus"] != "InService":
        raise invalid(
            f'Cannot update inference component "{record["InferenceComponentArn"]}" in status '
            f"{record['InferenceComponentStatus']}."
        )
    return record


def _begin(call: Call, record: Record, copies: int) -> None:
    record.update(
        InferenceComponentStatus="Updating", LastModifiedTime=now(), LastModifiedBy=call.caller.user_context()
    )
    record["RuntimeConfig"]["DesiredCopyCount"] = copies


def _host(call: Call, record: Record) -> Host:
    return call.here.hosts.by_arn[record["InferenceComponentArn"]]


@dataclass(frozen=True)
class _Update:
    """One update, in a thread of its own; of copies alone where it is the `same` version."""

    call: Call
    record: Record
    host: Host
    plan: Record
    config: Record | None
    rollout: Rollout
    same: bool = False

    def carry_out(self) -> None:
        before = self.host.live
        green, reason = self._green(before), None
        try:
            if green is not before:
                self._try(green)
        except NotServing as error:
            reason = str(error)
        if self.host.deleted.is_set() or self.call.here.hosts.closing.is_set():
            green.stop()
            return
        with self.call.here.state.lock:
            self._settle(green, before, reason)
        self.call.here.state.changed()
        if green is not before:
            (green if reason else before).retire()

    def _green(self, before: Fleet) -> Fleet:
        """What shall answer: the same process, where only the number of its copies changes."""
        copies = self.record["RuntimeConfig"]["DesiredCopyCount"]
        if self.same and copies and before.ready.is_set():
            before.servers[self.record["VariantName"]].plan["InitialInstanceCount"] = copies
            return before
        return endpoints.fleet_of(self.call, self.record, self.plan)

    def _try(self, green: Fleet) -> None:
        """Raises `NotServing` where the new process is not to answer."""
        if not self.record["RuntimeConfig"]["DesiredCopyCount"]:
            return
        self.host.green, self.host.share = green, 0.0
        green.start()
        for stage in self.rollout.stages:
            self.host.share = stage.share
            bake(self.call, self.host, self.rollout.alarms, stage.seconds * self.call.here.minute / MINUTE)

    def _settle(self, green: Fleet, before: Fleet, reason: str | None) -> None:
        self.host.green, self.host.share = None, 0.0
        runtime = self.record["RuntimeConfig"]
        if reason is None:
            self.host.live = green
            self.record.update(_plan=self.plan, Specification=components.shown(self.plan))
            if self.config is not None:
                self.record["LastDeploymentConfig"] = self.config
        else:
            runtime["DesiredCopyCount"] = runtime["CurrentCopyCount"]
        components.settle(self.record, reason)


OPERATIONS: dict[str, Operation] = {
    "UpdateInferenceComponent": update,
    "UpdateInferenceComponentRuntimeConfig": update_runtime_config,
}
