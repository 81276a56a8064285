"""Landing and the bridge import nothing of ours, and call things as the stacks and the library do."""

from __future__ import annotations

from bridge import callback, execution
from bridge.reactions import REACTIONS
from isthmus import names
from landing import arrival, data_set, take, tell


def test_landing_tells_of_what_the_rules_let_pass_and_the_bridge_understands() -> None:
    assert (tell.SOURCE, tell.COMPLETE) == (names.LANDING_SOURCE, names.DATA_SET_COMPLETE)
    assert (tell.SOURCE, tell.COMPLETE) in REACTIONS
    assert tell.FILE_REJECTED == names.DATA_FILE_REJECTED


def test_the_route_tells_of_what_the_rules_let_pass_and_knows_runs_by_their_executions_names() -> None:
    assert (callback.SOURCE, callback.JOB_WAITING) == (names.CALLBACK_SOURCE, names.JOB_WAITING)
    assert (callback.SOURCE, callback.JOB_WAITING) in REACTIONS
    assert execution.name_of("17") == names.execution("17")


def test_landing_reads_and_writes_where_its_role_may() -> None:
    assert [f"{one}/" for one in (arrival.INCOMING, take.REJECTED)] == [names.INCOMING, names.REJECTED]
    assert f"rain/{take.CHECKED}/" == names.checked("rain")
    assert f"rain/{data_set.LANDED}/" == names.landed("rain")
