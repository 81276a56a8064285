"""Runs of pipelines: what is wanted, what there is already, and whether the one does the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bridge.envelope import RECONCILER
from isthmus.agreement import Rank, rank_of

RETRAINED = {"retrain": "quality", "drift": "drift", "data": "data", "schedule": "schedule"}
"""The reason of a build that nobody merged anything for, and what platform.yaml calls it."""


@dataclass(frozen=True)
class Run:
    """One run that is wanted. `key` is the same for every copy of the event that asks for it.

    It says what the run is about, and the moment: ISO text of one length, in UTC. `after` is the number of
    the run before what it is about: that one, and older ones, do not do it.
    """

    pipeline: str
    key: str
    key_parameter: str
    parameters: dict[str, str]
    after: int = 0

    @property
    def reason(self) -> str:
        """Of a build: see `RETRAINED`."""
        return self.parameters.get("reason", "")

    @property
    def about(self) -> str:
        return self.key.partition("#")[0]

    @property
    def moment(self) -> str:
        return self.key.partition("#")[2]

    @property
    def rank(self) -> Rank:
        """Where a deployment stands in the order of approval."""
        return rank_of(self.parameters[self.key_parameter])

    def as_of(self, moment: str) -> Run:
        """The same run, which carries that moment: it does what came up to then."""
        return replace(self, parameters=self.parameters | {self.key_parameter: f"{self.about}#{moment}"})


@dataclass(frozen=True)
class Queued:
    """A run that Azure DevOps has; `queued` is when, as ISO text in UTC.

    `ours`: the bridge queued it. Whoever may queue the pipeline may give it any parameters, so what another's
    run says of an approval, an event or a reason is not believed: it would silence what is still to come.
    """

    id: str
    parameters: Mapping[str, str]
    queued: str
    over: bool
    ours: bool

    @property
    def correlation_id(self) -> str:
        return self._said("correlationId")

    @property
    def reason(self) -> str:
        """Why a version is built, one of `RETRAINED`; empty where the bridge did not ask for it."""
        return self._said("reason")

    def covers(self, wanted: Run) -> bool:
        """Whether it already does what is wanted.

        It is about the same, and of the same moment or a later one. What the registry itself asks for, any
        run covers that is newer than what it is about.
        """
        about, _, moment = self._said(wanted.key_parameter).partition("#")
        if about != wanted.about:
            return False
        if moment != wanted.moment and wanted.parameters["correlationId"].startswith(RECONCILER):
            return int(self.id) > wanted.after
        return moment >= wanted.moment

    def _said(self, name: str) -> str:
        return self.parameters.get(name, "") if self.ours else ""


def deployment(model: str, arn: str, approved: str, correlation_id: str) -> Run:
    """The run that deploys the version that was approved at that moment.

    An event whose `UpdatedModelPackageFields` name the approval has the moment in its `LastModifiedTime`: the
    same in every copy, and another one when the version is approved again after a rejection.
    """
    key = f"{arn}#{approved}"
    parameters = {"modelPackageArn": arn, "approvalKey": key, "correlationId": correlation_id}
    return Run(f"{model}-deploy", key, "approvalKey", parameters)


def rollback(model: str, failed: str, at: str, correlation_id: str, why: str, after: int = 0) -> Run:
    """The run that takes a version away which `failed` at that moment; `why` is said of it.

    Its key is of the failed one: what served before it may be another version by the next attempt. So which
    one is deployed in its place, `instead` says.
    """
    key = f"rollback:{failed}#{at}"
    said = f"the bridge: version {failed.rpartition('/')[2]} {why}"
    parameters = {"approvalKey": key, "correlationId": correlation_id, "rollback": said}
    return Run(f"{model}-deploy", key, "approvalKey", parameters, after)


def instead(run: Run, arn: str) -> Run:
    """The same run, which deploys that version."""
    return replace(run, parameters={"modelPackageArn": arn, **run.parameters})


def build(model: str, key: str, correlation_id: str, **parameters: str) -> Run:
    """The run that trains the model; `parameters` say why."""
    asked = {**parameters, "triggerKey": key, "correlationId": correlation_id}
    return Run(f"{model}-build", key, "triggerKey", asked)
