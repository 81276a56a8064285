"""Stand-ins that die or find their state damaged, and what `isthmus up` then says, in a few lines."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from isthmus import lifeline
from isthmus.errors import Unavailable
from isthmus.local import ports, stand_in
from isthmus.local.furnish import CHECKOUT
from tests.local.conftest import ACCOUNTS, REGION, free_port

TIMEOUT = 60
TRUNCATED = b'{"__ministack_format__": 2, "payload": {"users'


class Folder:
    """A folder with a platform.yaml, where commands are run as from a terminal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        shutil.copy(CHECKOUT / "platform.yaml", path)

    @property
    def state(self) -> Path:
        return self.path / ".isthmus" / "up"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "isthmus", *arguments]
        mine = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_", "ISTHMUS_"))}
        return subprocess.Popen(
            command, cwd=self.path, env=mine, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=TIMEOUT)
        assert "Traceback" not in err, err
        return process.returncode, out, err

    def up(self, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
        """A platform that answers, and what other terminals know of it."""
        process, deadline = self.start("up", "--bare", *arguments), time.monotonic() + TIMEOUT
        while not (self.state / "running.json").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process, json.loads((self.state / "running.json").read_text())


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, out, err


def servers(process: subprocess.Popen[str], module: str) -> list[psutil.Process]:
    """The processes of one stand-in, without the supervisor that stands before it."""
    below = psutil.Process(process.pid).children(recursive=True)
    return [one for one in below if command(one)[1:3] == ["-m", module]]


def command(process: psutil.Process) -> list[str]:
    """Nothing of one that has just ended, as the small programs that a server starts do."""
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    found = Folder(tmp_path_factory.mktemp("running"))
    process, _ = found.up()
    yield found
    code, out, err = end(process)
    assert (code, "stopped; state is kept" in out, err) == (0, True, "")


def test_a_second_one_is_refused(running: Folder) -> None:
    code, _, err = running.run("up", "--bare")
    assert (code, "a local platform is already running here" in err) == (4, True)


def test_whoever_is_not_there_is_told_who_is(running: Folder) -> None:
    code, _, err = running.run("env", "--as", "nobody")
    assert code == 2 and "there is no user 'nobody'" in err
    assert "users: admin, dana, kim, robin" in err


@pytest.mark.parametrize("damage", ["", '{"AWS_ACCESS_KEY_ID": 1}'])
def test_a_damaged_key_of_the_laptop_is_made_anew(running: Folder, damage: str) -> None:
    (running.state / "laptop-robin.json").write_text(damage)
    code, out, _ = running.run("env")
    assert (code, "export AWS_ACCESS_KEY_ID=AKIA" in out) == (0, True)
    assert json.loads((running.state / "laptop-robin.json").read_text())["AWS_ACCESS_KEY_ID"] in out


@pytest.mark.parametrize("damage", ["", '{"state": 1}'])
def test_a_damaged_record_of_what_runs_is_named(running: Folder, damage: str) -> None:
    record = running.state / "running.json"
    before = record.read_text()
    try:
        record.write_text(damage)
        for command in ("env", "models"):
            code, _, err = running.run(command)
            assert (code, "running.json is damaged" in err) == (5, True), command
    finally:
        record.write_text(before)


def test_a_stand_in_that_dies_ends_it_and_the_next_start_takes_the_same_ports(folder: Folder) -> None:
    first = killed(folder, "isthmus.local.azure_devops", "the local Azure DevOps")
    second = killed(folder, "isthmus.local.aws", "the local AWS")
    assert (first["aws_url"], first["azure_url"]) == (second["aws_url"], second["azure_url"])


def killed(folder: Folder, module: str, name: str) -> dict[str, str]:
    """Start it, kill one of its stand-ins, and see it end with nothing left; returns what ran."""
    process, found = folder.up()
    (server,) = servers(process, module)
    everything = psutil.Process(process.pid).children(recursive=True)
    server.kill()
    _, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, f"{name} died: killed by SIGKILL" in err) == (5, True), err
    assert "its log" in err
    assert not psutil.wait_procs(everything, timeout=60)[1]
    return found


def test_damaged_state_is_named_and_not_written_over(folder: Folder) -> None:
    damaged = folder.state / "aws" / "services" / "iam.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(TRUNCATED)
    code, _, err = folder.run("up", "--bare")
    assert (code, "the local AWS did not start: iam.json is damaged" in err) == (5, True), err
    assert "begin anew without any of this state: rm -r .isthmus/up" in err
    assert damaged.read_bytes() == TRUNCATED


AWS = {"accounts": ACCOUNTS, "region": REGION, "platform": "isthmus", "issuers": {}, "environment": {},
       "root_secret": "test"}  # fmt: skip
AZURE = dict.fromkeys(("organization", "organization_id", "tenant_id", "issuer"), "contoso")


@pytest.mark.parametrize(
    ("module", "config", "file", "content"),
    [
        ("aws", AWS, "services/sagemaker.json", b'{"__ministack_format__": 2, "payload": {"here": 1}}'),
        ("aws", AWS, "services/kms.json", b"\x00\xff\x00"),
        ("aws", AWS, "signing-key.pem", b"-----BEGIN PRIVATE KEY-----\n"),
        ("azure_devops", AZURE, "azure.sqlite", b""),
        ("azure_devops", AZURE, "azure.sqlite", b"no database" * 100),
        ("azure_devops", AZURE, "issuer.pem", b""),
        ("azure_devops", AZURE, "tokens.json", b"{"),
    ],
)
def test_each_damaged_file_is_named(
    tmp_path: Path, module: str, config: dict, file: str, content: bytes
) -> None:
    damaged = tmp_path / file
    damaged.parent.mkdir(exist_ok=True)
    damaged.write_bytes(content)
    one = stand_in.start("it", f"isthmus.local.{module}", tmp_path, ports.bound(0), config)
    try:
        with pytest.raises(Unavailable, match=f"{damaged.name} is damaged") as caught:
            one.wait_until_ready()
    finally:
        lifeline.stop(one.process)
    assert caught.value.where == str(damaged)
    assert damaged.read_bytes() == content


def test_one_port_for_two_clouds_is_refused(folder: Folder) -> None:
    port = str(free_port())
    code, _, err = folder.run("up", "--bare", "--aws-port", port, "--azure-port", port)
    assert (code, f"--aws-port and --azure-port are both {port}" in err) == (2, True)


def test_a_file_where_a_folder_belongs_is_named(folder: Folder) -> None:
    (folder.path / ".isthmus").write_text("")
    code, _, err = folder.run("up", "--bare")
    assert (code, ".isthmus" in err, "move it away" in err) == (5, True, True)
    (folder.path / ".isthmus").unlink()
    (folder.state / "lock").mkdir(parents=True)
    code, _, err = folder.run("up", "--bare")
    assert (code, "up/lock" in err, "move it away" in err) == (5, True, True)
    assert folder.run("env")[0] == 3


def test_a_port_is_nobody_elses_from_its_choice_until_its_server_ends(tmp_path: Path) -> None:
    bound = ports.bound(0)
    port = ports.number(bound)
    with pytest.raises(Unavailable, match=f"port {port} cannot be used"), bound:
        bound.listen()
        ports.bound(port)
    kept = ports.choose(tmp_path, 0, 0)
    for one in kept:
        with pytest.raises(OSError, match="in use"), socket.socket() as another:
            another.bind(("127.0.0.1", ports.number(one)))
    taken = stand_in.start("it", "isthmus.local.azure_devops", tmp_path, kept[1], AZURE)
    try:
        taken.wait_until_ready()
        again = ports.choose(tmp_path, 0, 0)
        assert ports.number(again[1]) != ports.number(kept[0])
    finally:
        lifeline.stop(taken.process)


@pytest.mark.parametrize("module", ["aws", "azure_devops"])
def test_a_port_in_use_is_told_in_a_line(tmp_path: Path, module: str) -> None:
    with ports.bound(0) as bound:
        bound.listen()
        (tmp_path / "config.json").write_text(json.dumps(AWS if module == "aws" else AZURE))
        argv = [sys.executable, "-m", f"isthmus.local.{module}", "--port", str(ports.number(bound))]
        argv += ["--state", str(tmp_path), "--config", str(tmp_path / "config.json")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith("failed {")) == (5, True)
    assert "cannot be used: [Errno" in done.stderr
    assert "Traceback" not in done.stderr
