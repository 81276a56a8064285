"""`isthmus demo`: a fresh state, the lifecycle played in it, the report, and how to look at what it left."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from rich.console import Console
from rich.text import Text

from isthmus.errors import BadInput, Refused
from isthmus.local import here, lock, spent
from isthmus.local.lifecycle import Lifecycle
from isthmus.local.looking_back import look_back
from isthmus.local.platform import LOCK, running
from isthmus.local.report import Progress, Report, show
from isthmus.local.scene import Scene, lay
from isthmus.local.world import World


def run(state: Path, *, report: Path | None, model_build: Path | None, keep: bool) -> Report:
    """Run the demo in `state`, which is made anew, and removed afterwards unless `keep`.

    Where a step fails or is interrupted, `report` is written with what was done until then, and why it ended.
    Raises `Problem` where a step fails, with what a person should look at; `Refused` while another demo
    runs in the same folder, or `isthmus up --demo` goes on with the last; and, before anything is started,
    `BadInput` where `report` cannot be written.
    """
    if report and not os.access(report.absolute().parent, os.W_OK):
        raise BadInput(
            "the report cannot be written: its folder is not there, or not yours to write in",
            where=str(report),
            todo="make the folder, or name another file",
        )
    already = Refused(
        "a demo is already running here",
        where=str(state),
        todo="wait until it is over, or stop it with Ctrl-C",
    )
    # The lock lies beside the folder, which each demo makes anew.
    with lock.held(state.with_name(f"{state.name}.lock"), already):
        if lock.is_held(state / here.CLOUDS / LOCK):
            raise already
        return _run(state, report, model_build, keep)


def _run(state: Path, report: Path | None, model_build: Path | None, keep: bool) -> Report:
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    console = Console(highlight=False)
    progress = Progress(console)
    try:
        scene = lay(state.resolve() / "scene", model_build)
        _play(scene, state.resolve(), progress)
        show(progress.report, console)
    except BaseException as error:
        progress.report.stop(error)
        raise
    finally:
        if report:
            progress.report.write(report)
        if keep and any(step.status == "succeeded" for step in progress.report.steps):
            console.print(_where_to_look(progress.report))
        if not keep:
            shutil.rmtree(state, ignore_errors=True)
    return progress.report


def _play(scene: Scene, state: Path, progress: Progress) -> None:
    with contextlib.ExitStack() as stack:
        with progress.step("Start the local clouds", "start the clouds") as step:
            local = stack.enter_context(running(scene.platform_file, state / here.CLOUDS))
            step.result = (
                f"AWS           {local.aws_url}\n"
                f"Azure DevOps  {local.organization_url}\n"
                f"Entra         {local.authority}"
            )
            step.short = "AWS, Azure DevOps, Entra"
        world = World(scene, local, state)
        progress.report.end, progress.report.status = Lifecycle(world, progress).play()
        with progress.step("Look back", "look back") as step, world.acting("robin"):
            look_back(world, progress.report)
            step.result = step.short = progress.report.kept
            runs = spent.of_runs(world.client())
        progress.report.account_for(runs)


def _where_to_look(report: Report) -> Text:
    """Commands to paste, from the folder that the demo was started in."""
    activate = ". .venv/bin/activate && " if Path(".venv/bin/activate").exists() else ""
    shown = Text("\nWhere to look\n", "bold")
    shown.append("  Nothing is left running. Go on with what was made, until Ctrl-C:\n", "not bold")
    shown.append(f"    {activate}isthmus up --demo\n", "not bold cyan")
    shown.append("  and in another terminal:\n", "not bold")
    shown.append(f'    {activate}eval "$(isthmus env)" && isthmus status\n', "not bold cyan")
    if report.model_packages:
        model = report.model_packages[0]["arn"].split("/")[-2]
        shown.append(f"    isthmus models; isthmus events; isthmus lineage {model}", "not bold cyan")
    return shown
