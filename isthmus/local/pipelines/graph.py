"""Stages and jobs as graphs: the order in which they may run, and what their results add up to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from isthmus.local.pipelines.host import Result
from isthmus.local.pipelines.runtime import Outcome

Depends = Mapping[str, tuple[str, ...]]


def in_order(depends: Depends, run: Callable[[str, Mapping[str, Outcome]], Outcome]) -> dict[str, Outcome]:
    """Run each node once those that it depends on have ended, in a thread; gives all outcomes.

    Where each waits for all before it, no two go on at a time and none needs a thread.
    """
    outcomes: dict[str, Outcome] = {}
    if _in_a_row(depends):
        for name in depends:
            outcomes[name] = run(name, dict(outcomes))
        return outcomes
    waiting = dict(depends)
    running: dict[Future[Outcome], str] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(depends))) as pool:
        while waiting or running:
            for name in [name for name, needs in waiting.items() if all(one in outcomes for one in needs)]:
                del waiting[name]
                running[pool.submit(run, name, dict(outcomes))] = name
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                outcomes[running.pop(future)] = future.result()
    return outcomes


def _in_a_row(depends: Depends) -> bool:
    before: list[str] = []
    for name, needs in depends.items():
        if (before and before[-1] not in needs) or not set(needs) <= set(before):
            return False
        before.append(name)
    return True


def ancestors(name: str, depends: Depends) -> list[str]:
    """Everything before a node in the graph."""
    found: list[str] = []
    stack = list(depends[name])
    while stack:
        one = stack.pop()
        if one not in found:
            found.append(one)
            stack += depends[one]
    return found


def total(outcomes: Collection[Outcome], *, cancelled: bool = False) -> Result:
    """The result of a whole from those of its parts."""
    results = {outcome.result for outcome in outcomes}
    if cancelled:
        return "canceled"
    order: tuple[Result, ...] = ("failed", "canceled", "succeededWithIssues", "succeeded", "skipped")
    return next((result for result in order if result in results), "succeeded")
