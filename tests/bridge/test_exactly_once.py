"""Approvals, copies, losses, edits, rejections, crashes, throttling: none lost, none twice, in order."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.bridge.clouds import Clouds
from tests.bridge.conftest import GROUP_ARN, MODEL, Bridge, approval
from tests.bridge.delivery import Delivery
from tests.bridge.test_reconcile import register

DEPLOY = f"{MODEL}-deploy"
VERSIONS = st.integers(1, 3)


@pytest.mark.parametrize("change", range(4))
def test_two_that_have_the_same_approval_at_the_same_time_queue_one_run(
    change: int, bridge: Bridge, clouds: Clouds
) -> None:
    other: list[list[str]] = []
    clouds.meanwhile[change] = lambda: other.append(bridge.send(approval()))
    assert bridge.send(approval()) == []
    # Whoever comes while the lease is held is put off; before, and after, it does it, or finds it done.
    assert other == [["0"] if 1 <= change <= 3 else []]
    assert len(clouds.runs_of(DEPLOY)) == 1


def test_a_run_that_is_made_after_the_bridge_waited_no_longer_is_not_queued_twice(
    bridge: Bridge, clouds: Clouds
) -> None:
    first, second = (register(clouds, version, age=3000 - version) for version in (1, 2))
    clouds.tardy = True
    assert bridge.send(approval(1, at=first)) == ["0"]
    clouds.tardy = False
    assert 60 <= clouds.put_off[0] <= 62, "it comes again when nobody holds the lease any more"
    # The run is not there yet: neither a copy, nor a later approval, nor a look may queue anything.
    assert bridge.send(approval(1, at=first), approval(2, at=second, id="event-2")) == ["0", "1"]
    assert bridge.reconcile() == 0
    clouds.pass_time(61)
    assert bridge.send(approval(2, at=second, id="event-2"), approval(1, at=first)) == []
    assert [run["modelPackageArn"][-1] for run in clouds.runs_of(DEPLOY)] == ["1", "2"]


class Registry(Delivery):
    """A registry whose events reach the bridge late, often, out of order, or not at all."""

    def begin(self) -> None:
        self.random = random.Random(0)
        self.now = time.time() - 5 * 24 * 3600
        # Of each version: whether it is approved, and the moments of its approvals that events tell of.
        self.approved: dict[int, bool] = {}
        self.told: list[tuple[int, str]] = []
        self.silent: list[int] = []
        # Versions that a later approval may overtake: an edit moves the only time that the registry has, so
        # what was approved before looks approved later; and what its list shows late is not seen in time.
        self.hidden: set[int] = set()
        # How often each was edited while it was approved; and of which events were forged.
        self.edits: Counter[int] = Counter()
        self.forged: set[int] = set()

    @rule(
        version=VERSIONS,
        copies=st.integers(0, 3),
        late=st.booleans(),
        change=st.integers(0, 3),
        looks=st.booleans(),
    )
    def approve(self, version: int, copies: int, late: bool, change: int, looks: bool) -> None:
        if self.approved.get(version):
            return
        first = version not in self.approved
        if copies == 0 and not first:
            return
        self.approved[version] = True
        if late:
            self.hidden.add(version)
            self.clouds.unlisted.add(f"{GROUP_ARN}/{version}")
        at = self._change(version, "Approved")
        if copies:
            self.told.append((version, at))
        else:
            self.silent.append(version)
        for copy in range(copies):
            identity = f"{version}-{self.now}-{copy}"
            self.queue.append(approval(version, at=repr(float(at) * 1000), id=identity))
        if copies:
            again = self.queue[-1]
            self._overlap(change, self.bridge.reconcile if looks else lambda: self.bridge.send(again))

    @rule(order=st.permutations((1, 2, 3)), arrival=st.permutations((0, 1, 2)), tardy=st.booleans())
    def approve_several(self, order: list[int], arrival: list[int], tardy: bool) -> None:
        """Their events come in another order and twice; the first time, perhaps, no run is answered."""
        events = [self._approve(version) for version in order if not self.approved.get(version)]
        self.clouds.strike(None)
        for self.clouds.tardy in (tardy, False):
            for place in arrival:
                self.bridge.send(*events[place : place + 1])

    def _approve(self, version: int) -> dict[str, Any]:
        """Its event, which is on its way."""
        self.approved[version] = True
        at = self._change(version, "Approved")
        self.told.append((version, at))
        self.queue.append(approval(version, at=repr(float(at) * 1000), id=f"{version}-{self.now}"))
        return self.queue[-1]

    def _overlap(self, change: int, meanwhile: Callable[[], object]) -> None:
        """Deliver the latest message; something else goes on before a change that its invocation makes.

        It stays in the queue: a copy of it is still on its way.
        """
        self.clouds.strike(None)
        self.clouds.meanwhile[change] = meanwhile
        self.bridge.send(self.queue[-1])
        self.clouds.strike(None)

    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 5))
    def age(self, which: int) -> None:
        """Where every approval has had its run, none is listed any more; and one's event comes again."""
        runs = self.clouds.runs_of(DEPLOY)
        if all(self._has_run(*one) for one in self.told) and all(map(self._moments, self.silent)):
            self.clouds.unlisted_runs = set(range(len(self.clouds.runs) + 1))
            for run in runs:
                cycle = {"Stage": "staging", "StageStatus": "Retired"}
                self.clouds.packages[run["modelPackageArn"]]["ModelLifeCycle"] = cycle
            version, at = self.told[which % len(self.told)]
            self.bridge.send(approval(version, at=repr(float(at) * 1000), id=f"again-{self.now}"))

    @rule()
    def show(self) -> None:
        """The registry's list shows all that there is."""
        self.clouds.unlisted.clear()

    @rule(version=VERSIONS)
    def reject(self, version: int) -> None:
        if self.approved.get(version):
            self.approved[version] = False
            at = self._change(version, "Rejected")
            self.queue.append(approval(version, at=at, id=f"no-{self.now}", ModelApprovalStatus="Rejected"))

    @rule(version=VERSIONS)
    def edit(self, version: int) -> None:
        """Metadata is written, as each deployment does."""
        if self.approved.get(version):
            self.hidden.add(version)
            self.edits[version] += 1
            at = self._change(version, "Approved")
            edited = ["CustomerMetadataProperties"]
            self.queue.append(approval(version, at=at, id=f"e-{self.now}", UpdatedModelPackageFields=edited))

    # Where the runs are listed no more, nobody knows what a past moment comes after.
    @precondition(lambda self: not self.clouds.unlisted_runs)
    @rule(version=VERSIONS, back=st.lists(st.integers(0, 300), min_size=2, max_size=3, unique=True))
    def forge(self, version: int, back: list[int]) -> None:
        """Somebody tells of approvals that never were, each of another moment, before its event comes."""
        if not self.approved.get(version):
            self._approve(version)
        self.forged.add(version)
        self.clouds.strike(None)
        changed = self.clouds.packages[f"{GROUP_ARN}/{version}"]["LastModifiedTime"]
        for seconds in sorted(back, reverse=True):
            at = repr((changed - seconds) * 1000)
            self.bridge.send(approval(version, at=at, id=f"forged-{self.now}-{seconds}"), told=False)

    @invariant()
    def none_twice(self) -> None:
        if not hasattr(self, "clouds"):
            return
        keys = [run["approvalKey"] for run in self.clouds.runs_of(DEPLOY)]
        assert len(keys) == len(set(keys))
        for version in (1, 2, 3):
            runs = [key for key in keys if key.startswith(f"{GROUP_ARN}/{version}#")]
            moments = [one for one, _ in self.told if one == version]
            # What was edited since may have been approved again, as far as the registry shows.
            more = self.edits[version] if version in self.forged else 0
            assert len(runs) <= len(moments) + self.silent.count(version) + more

    @invariant()
    def in_order(self) -> None:
        if hasattr(self, "clouds"):
            moments = self._moments()
            assert moments == sorted(moments)

    def settle(self) -> None:
        """The clouds are well again, and everything that waits is delivered."""
        self.new_lambda()
        self.show()
        while self.queue:
            assert self.bridge.send(self.queue[0]) == []
            self.queue.pop(0)
        self.bridge.reconcile()
        self.none_twice()
        self.in_order()
        assert self.clouds.dead_letters == []
        for version in {one for one, _ in self.told}:
            self._told_has_its_run(version, [float(at) for one, at in self.told if one == version])
        self._none_silent_is_lost()

    def _told_has_its_run(self, version: int, approvals: list[float]) -> None:
        """Unless it was withdrawn; or a later approval overtook it, which the registry could not show."""
        if not self.approved[version]:
            return
        hidden = version in self.hidden or len(approvals) > 1 or version in self.silent
        if not self._has_run(version, repr(approvals[-1])):
            assert hidden and max(self._moments()) > approvals[-1]

    def _has_run(self, version: int, at: str) -> bool:
        return any(one >= round(float(at), 3) - 0.0011 for one in self._moments(version))

    def _none_silent_is_lost(self) -> None:
        """What no event told of is repaired, unless it was withdrawn or overtaken meanwhile."""
        for version in self.silent:
            overtaken = self.clouds.packages[f"{GROUP_ARN}/{version}"]["LastModifiedTime"] < max(
                self._moments(), default=0.0
            )
            assert self._moments(version) or overtaken or not self.approved[version]

    def _moments(self, version: int | None = None) -> list[float]:
        """When each run's version was approved, as its key says, in the order in which they were queued."""
        runs = self.clouds.runs_of(DEPLOY)
        mine = [run for run in runs if version is None or run["modelPackageArn"] == f"{GROUP_ARN}/{version}"]
        return [_seconds(run["approvalKey"].partition("#")[2]) for run in mine]

    def _change(self, version: int, status: str) -> str:
        self.now += 60 + self.random.random()
        age = time.time() - self.now
        times = {"CreationTime": self.now - 30, "LastModifiedTime": round(self.now, 3)}
        before = self.clouds.packages.get(f"{GROUP_ARN}/{version}", {})
        kept = {key: before[key] for key in before.keys() & {"ModelLifeCycle"}}
        register(self.clouds, version, ModelApprovalStatus=status, **times, **kept)
        assert age > 0
        return repr(round(self.now, 3))


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
