"""What pipeline jobs and the image install: locked by hash, at the versions that are tested here."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "requirements"
INSTALL = runpy.run_path(str(ROOT / "azure-pipelines/steps/install.py"))


def locked(name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name_, version in re.findall(
        r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", (LOCKS / name).read_text(), re.M
    ):
        found[name_] = version
    return found


def extras_in_yaml() -> set[str]:
    parameters = yaml.safe_load((ROOT / "azure-pipelines/steps/install.yml").read_text())["parameters"]
    return set(next(one["values"] for one in parameters if one["name"] == "extra"))


@pytest.mark.parametrize("extra", sorted(extras_in_yaml() | {"container"}))
def test_an_extra_is_locked_whole_at_the_versions_of_this_checkout(extra: str) -> None:
    found, every = locked(f"{extra}.lock"), locked("all.lock")
    assert {name.lower() for name in INSTALL["wanted"](extra)} <= found.keys()
    assert {name: every[name] for name in found} == found


@pytest.mark.parametrize("lock", sorted(path.name for path in LOCKS.iterdir()))
def test_each_requirement_has_a_hash_and_none_names_an_index(lock: str) -> None:
    text = (LOCKS / lock).read_text()
    requirements = re.split(r"^(?=[\w.-]+(?:\[[^]]*\])?==)", text, flags=re.M)[1:]
    assert requirements and all("--hash=sha256:" in one for one in requirements)
    assert "://" not in text


def test_make_lock_makes_every_lock_but_that_of_uv_itself(tmp_path: Path) -> None:
    for program in ("uv", "npm"):
        (tmp_path / program).write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
        (tmp_path / program).chmod(0o755)
    subprocess.run(["make", "--silent", "lock", f"BIN={tmp_path}"], cwd=ROOT, check=True)
    made = re.findall(r"--output-file requirements/(\S+)", (tmp_path / "asked").read_text())
    assert sorted([*made, "bootstrap.lock"]) == sorted(path.name for path in LOCKS.iterdir())


def test_a_job_installs_nothing_where_it_is_there_and_knows_where_it_is_not() -> None:
    assert all(INSTALL["is_there"](extra) for extra in extras_in_yaml())
    INSTALL["PROJECT"]["optional-dependencies"]["odd"] = ["a-package-that-nobody-has"]
    assert not INSTALL["is_there"]("odd")
