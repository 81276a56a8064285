"""The state machine of executions, for any graph and any course of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isthmus.executor.definition import Step
from isthmus.executor.flow import StepState, advance

NAMES = [f"S{index}" for index in range(7)]


def step(name: str, *needs: str, branch: tuple[str, bool] | None = None, type: str = "Processing") -> Step:
    return Step(name, type, {}, frozenset(needs), branch)


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Step]:
    """Steps that need earlier ones; some stand on a branch of an earlier condition."""
    steps: dict[str, Step] = {}
    for index in range(draw(st.integers(1, len(NAMES)))):
        earlier = list(steps)
        needs = draw(st.sets(st.sampled_from(earlier), max_size=3)) if earlier else set()
        gates = [name for name in earlier if steps[name].type == "Condition"]
        gate = draw(st.none() | st.sampled_from(gates)) if gates else None
        branch = (gate, draw(st.booleans())) if gate else None
        kind = draw(st.sampled_from(["Processing", "Condition"]))
        steps[NAMES[index]] = step(NAMES[index], *needs, branch=branch, type=kind)
    return steps


ENDINGS: list[StepState] = ["Succeeded", "Succeeded", "Succeeded", "Failed", "Stopped"]


@given(graphs(), st.data(), st.integers(1, 3) | st.none())
def test_every_execution_ends_and_no_step_starts_before_its_time(
    steps: dict[str, Step], data: st.DataObject, parallel: int | None
) -> None:
    states: dict[str, StepState] = {}
    outcomes: dict[str, bool] = {}
    halted = False
    for _ in range(4 * len(steps) + 4):
        move = advance(steps, states, outcomes, parallel=parallel, halted=halted)
        for name in move.skip:
            assert name not in states
            states[name] = "Skipped"
        if move.verdict:
            break
        for name in move.start:
            assert name not in states, "a step starts once"
            assert not halted
            assert all(states[need] == "Succeeded" for need in steps[name].needs)
            if branch := steps[name].branch:
                assert outcomes[branch[0]] == branch[1]
            states[name] = "Executing"
        running = sorted(name for name, state in states.items() if state == "Executing")
        assert running, "without a verdict something runs"
        assert parallel is None or len(running) <= parallel
        ended = data.draw(st.sampled_from(running))
        states[ended] = data.draw(st.sampled_from(ENDINGS))
        if steps[ended].type == "Condition" and states[ended] == "Succeeded":
            outcomes[ended] = data.draw(st.booleans())
        halted = halted or data.draw(st.integers(0, 9)) == 0
    assert set(states) == set(steps)
    expected = "Failed" if "Failed" in states.values() else None
    assert expected in (None, move.verdict)
    assert move.verdict != "Succeeded" or not {"Failed", "Stopped"} & set(states.values())


@given(graphs())
def test_independent_steps_start_together(steps: dict[str, Step]) -> None:
    free = {name for name, one in steps.items() if not one.needs and one.branch is None}
    assert set(advance(steps, {}, {}).start) == free


def test_a_failed_step_holds_up_only_what_needs_it() -> None:
    steps = {"A": step("A"), "B": step("B", "A"), "C": step("C", "B"), "D": step("D")}
    move = advance(steps, {"A": "Failed", "D": "Executing"}, {})
    assert (move.start, move.skip, move.verdict) == ((), ("B", "C"), None)
    over: dict[str, StepState] = {"A": "Failed", "B": "Skipped", "C": "Skipped", "D": "Succeeded"}
    assert advance(steps, over, {}).verdict == "Failed"


def test_a_condition_takes_one_way() -> None:
    steps = {
        "If": step("If", type="Condition"),
        "Yes": step("Yes", branch=("If", True)),
        "No": step("No", branch=("If", False)),
        "After": step("After", "No"),
    }
    assert advance(steps, {}, {}).start == ("If",)
    move = advance(steps, {"If": "Succeeded"}, {"If": True})
    assert (move.start, move.skip) == (("Yes",), ("No", "After"))


def test_stopped_means_stopped() -> None:
    steps = {"A": step("A"), "B": step("B", "A")}
    move = advance(steps, {"A": "Stopped"}, {}, halted=True)
    assert (move.skip, move.verdict) == (("B",), "Stopped")
