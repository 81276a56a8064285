"""What the stand-in keeps."""

from __future__ import annotations

from pathlib import Path

from isthmus.local.azure_devops.store import Store


def test_what_a_run_that_outlives_the_server_writes_is_neither_kept_nor_an_error(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    runs = store.table("run")
    runs.save(runs.next_id(), {"state": "canceled"})
    store.close()
    runs.save(1, {"state": "completed"})
    runs.save(runs.next_id(), {"state": "completed"})
    runs.drop(1)
    assert not list(store.table("first asked for now"))
    again = Store(tmp_path / "state.db").table("run")
    assert list(again) == [{"state": "canceled"}]
