"""What `isthmus run` needs to know of a folder, and the run itself."""

from __future__ import annotations

import getpass
import platform
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import yaml

from isthmus import names
from isthmus.azure.git import said
from isthmus.errors import BadInput, Problem
from isthmus.local.pipelines import interruption
from isthmus.local.pipelines.asking import ask
from isthmus.local.pipelines.compiler import compile_pipeline
from isthmus.local.pipelines.execution import execute
from isthmus.local.pipelines.folders import FolderSources
from isthmus.local.pipelines.host import Located, Repository, Request, Result, RunContext
from isthmus.local.pipelines.lending import Lender
from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.own_python import CONFIGS, path_of_job, sees_ours
from isthmus.local.pipelines.parameters import MissingParameters
from isthmus.local.pipelines.plan import Plan
from isthmus.local.pipelines.problems import Problems
from isthmus.local.pipelines.terminal import Terminal
from isthmus.local.pipelines.users import used_by


def folders_of(file: Path, given: Mapping[str, str]) -> dict[str, Path]:
    """The folder of each repository by alias; `self` is the file's, and `platform` has the platform.yaml."""
    folders = {alias: Path(folder) for alias, folder in given.items()}
    for alias, folder in folders.items():
        if not folder.is_dir():
            raise BadInput(f"the folder {str(folder)!r} of --repository {alias} does not exist")
    folders.setdefault("self", _root(file.resolve()))
    around = [folders["self"], *folders["self"].resolve().parents[:1], Path()]
    platform = next((folder for folder in around if (folder / "platform.yaml").is_file()), None)
    if platform is not None:
        folders.setdefault(names.PLATFORM_REPOSITORY, platform)
    return folders


def compile_here(
    file: Path, sources: FolderSources, request: Request, also: Callable[[Plan], None] | None = None
) -> Plan:
    """Compile; whatever is wrong is wrong with the file. Repositories with a folder count as declared."""
    root = sources.folder("self")
    if not file.resolve().is_relative_to(root):
        raise BadInput(f"{file} does not lie in the repository 'self', {root}")
    others = [Repository(alias, name=alias) for alias in sources.folders if alias != "self"]
    path = file.resolve().relative_to(root).as_posix()
    try:
        return compile_pipeline(path, sources, request, declared_elsewhere=others, also=also)
    except Problems:
        raise
    except Problem as problem:
        todo = problem.todo or _remedy(problem, file, path, root)
        raise BadInput(problem.what, where=problem.where or str(file), todo=todo) from None


def _remedy(problem: Problem, file: Path, path: str, root: Path) -> str:
    """What to do about a file that does not compile alone."""
    if users := used_by(file, root):
        return f"this is a template; run what uses it: {', '.join(_shown(one) for one in users)}"
    if isinstance(problem, MissingParameters) and problem.where == f"{path}:1":
        return " ".join(f"-p {name}=VALUE" for name in problem.missing)
    return ""


def notes(file: Path, root: Path, plan: Plan) -> Iterator[str]:
    """What people should know before the file runs: it is a template, its jobs ask for another system."""
    if users := used_by(file, root):
        yield f"{file} is a template of {', '.join(_shown(one) for one in users)}: that is what pipelines run"
    yield from _notes_of_images(plan)


def _notes_of_images(plan: Plan) -> Iterator[str]:
    here = {"Linux": "ubuntu", "Darwin": "macos", "Windows": "windows"}.get(platform.system(), "")
    for job in (job for stage in plan.stages for job in stage.jobs):
        image = job.pool.get("vmImage", "") if isinstance(job.pool, dict) else ""
        system = next((one for one in ("ubuntu", "macos", "windows") if one in str(image).lower()), here)
        if system != here:
            asks = f"the job {job.name!r} asks for {image}"
            yield f"{job.at}: {asks}; its steps run here, on {platform.system()}"


def _shown(file: Path) -> str:
    here = Path().resolve()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


def context_of(file: Path, located: Located, name: str) -> RunContext:
    """A run of the file by whoever sits here, on the commit that is checked out."""
    return RunContext(
        # Unlike any run of Azure DevOps, and another one each time: what is built is filed under it.
        build_id=int(time.time()),
        build_number=f"{datetime.now(UTC):%Y%m%d}.1",
        definition_id=1,
        definition_name=name or _name(file),
        organization_url="http://localhost/",
        project="local",
        project_id=str(uuid.uuid5(uuid.NAMESPACE_URL, "isthmus/local")),
        source_branch=located.ref,
        source_version=located.commit,
        repository_id=located.id,
        repository_name=located.name,
        repository_url=located.url,
        source_message=said(file.parent, "log", "-1", "--no-show-signature", "--format=%s"),
        requested_for=getpass.getuser(),
        plan_id=str(uuid.uuid4()),
    )


def run_here(
    plan: Plan,
    context: RunContext,
    sources: FolderSources,
    request: Request,
    approved: Collection[str],
    lent_by: Lender | None = None,
) -> Result:
    """Run to the end; Ctrl-C cancels, so that steps stop and `always()` steps still run.

    A second one leaves at once: whatever still runs is stopped with this process.
    """
    asker = ask if sys.stdin.isatty() else None
    with tempfile.TemporaryDirectory(prefix="isthmus-run-", ignore_cleanup_errors=True) as folder:
        path_of = partial(path_of_job, seeing_ours=sees_ours(sources))
        host = Terminal(sources, Path(folder), approved=approved, ask=asker, lent_by=lent_by, path_of=path_of)
        found: list[Result | BaseException] = []

        def work() -> None:
            try:
                ended = execute(
                    plan, context, host, Path(folder), variables=request.variables, counter=sources.counter
                )
                found.append(ended.result)
            except BaseException as error:  # noqa: BLE001 - raised again in the main thread
                found.append(error)
            finally:
                done.set()

        done = threading.Event()
        with interruption.cancelling(host.cancelled, Path(folder)):
            threading.Thread(target=work).start()
            done.wait()
    if host.cancelled.is_set():
        raise click.exceptions.Exit(interruption.CODE)
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _root(file: Path) -> Path:
    """The repository's folder: the checkout around the file, or a repository of ours that lies within one."""
    if any((file.parent / config).is_file() for config in CONFIGS):
        return file.parent
    return Path(said(file.parent, "rev-parse", "--show-toplevel") or file.parent)


def _name(file: Path) -> str:
    """A pipeline is called after its model, where the folder tells which; else after its file."""
    for config, key, name, checks in (
        ("model.yaml", "name", names.build_pipeline, names.pull_request_pipeline),
        ("deploy.yaml", "model", names.deploy_pipeline, names.deploy_check_pipeline),
    ):
        path = file.parent / config
        if path.is_file():
            try:
                model = yaml.safe_load(path.read_text(encoding="utf-8"))[key]
            except (yaml.YAMLError, KeyError, TypeError):
                raise broken(f"there is no {key!r} in it", str(path)) from None
            return checks(model) if "pull-request" in file.name else name(model)
    return file.stem
