"""One run's world: what the pipeline engine asks of Azure DevOps while the run goes on."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from isthmus.errors import NotFound, Refused, did_you_mean
from isthmus.local.azure_devops import gitcli, resources
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.deployments import deployed
from isthmus.local.azure_devops.faults import Fault
from isthmus.local.azure_devops.general_settings import is_on
from isthmus.local.azure_devops.oidc import connection_token
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.principals import Job
from isthmus.local.azure_devops.store import Document
from isthmus.local.azure_devops.test_runs import publish
from isthmus.local.azure_devops.timeline import from_record, run_folder
from isthmus.local.pipelines.checkouts import fetching
from isthmus.local.pipelines.host import Checkpoint, Connection, Decision, Located, Record, Result
from isthmus.local.pipelines.own_python import path_of_job


class RunHost:
    """The `Host` of one run. Thread-safe: a run's jobs go on in parallel."""

    def __init__(
        self,
        organization: Organization,
        run: Document,
        lend: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.cancelled = threading.Event()
        self.sees_ours = False
        """Whether steps find Isthmus in their Python without installing it."""
        self._organization = organization
        self._run = run
        self._lend = lend
        self._cancelling: dict[str, threading.Event] = {}
        self._tokens: list[str] = []
        self._lock = threading.Lock()
        self._without_agent = 0
        self._lent = ExitStack()
        self._completions: dict[tuple[str, str], Future[Result]] = {}

    # ---- cancellation

    def cancelling(self, stage: str) -> threading.Event:
        with self._lock:
            event = self._cancelling.setdefault(stage, threading.Event())
            if self.cancelled.is_set():
                event.set()
            return event

    def cancel(self, stage: str = "") -> None:
        """Stop the run, or that stage of it, also where it waits at a gate."""
        if stage:
            self._organization.gates.cancel(self.cancelling(stage))
            return
        with self._lock:
            self._organization.gates.cancel(self.cancelled, *self._cancelling.values())

    # ---- timeline

    def record(self, record: Record) -> None:
        self._organization.ledger.put(self._run, from_record(record))

    def log(self, record_id: str, lines: Sequence[str]) -> None:
        self._organization.ledger.append(self._run, record_id, lines)

    # ---- gates

    def checkpoint(self, checkpoint: Checkpoint) -> Decision:
        cancelled = self.cancelling(checkpoint.stage)
        return self._organization.gates.ask(self._run, checkpoint, cancelled, self._lend)

    def validate(self, record: Record, instructions: str, deadline: float | None) -> Decision:
        raise Refused(
            "ManualValidation is not asked in the local Azure DevOps",
            todo="let an environment ask: a deployment job to one that has an approval",
        )

    def release(self, checkpoint: Checkpoint) -> None:
        self._organization.gates.release(self._run, checkpoint)

    # ---- jobs without an agent

    @contextmanager
    def agentless(self) -> Iterator[None]:
        """The run gives its agent back while at least one such job goes on."""
        with self._lock:
            self._without_agent += 1
            if self._without_agent == 1:
                self._lent.enter_context(self._lend())
        try:
            yield
        finally:
            with self._lock:
                self._without_agent -= 1
                back = self._lent.pop_all() if not self._without_agent else ExitStack()
            back.close()

    def completion(self, job_id: str, task_id: str) -> Future[Result]:
        with self._lock:
            return self._completions.setdefault((job_id, task_id), Future())

    def complete(self, job_id: str, task_id: str, result: Result) -> None:
        """Somebody says that the task is complete; what nobody waits for, or knows already, is no news."""
        with self._lock:
            found = self._completions.get((job_id, task_id))
            if found is not None and not found.done():
                found.set_result(result)

    # ---- what steps see

    def environment(self, job: Path) -> Mapping[str, str]:
        """A clean environment: nothing of this process's own, and no credential of any cloud."""
        home = self._organization.state / "home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": path_of_job(job, seeing_ours=self.sees_ours),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "AZURE_DEVOPS_CACHE_DIR": str(home / "azure-devops"),
        } | self._organization.settings.environment

    def checkout(self, located: Located, folder: Path, *, depth: int, tags: bool) -> None:
        source = self._organization.state / "git" / f"{located.id}.git"
        git_folder = folder / ".git"
        if not git_folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            gitcli.git(git_folder, "init", "-q", str(folder))
            gitcli.git(git_folder, "remote", "add", "origin", located.url)
        asked = fetching(located, depth=depth, tags=tags)
        gitcli.git(git_folder, "fetch", "-q", source.resolve().as_uri(), *asked)
        gitcli.git(git_folder, f"--work-tree={folder}", "checkout", "-q", "-f", "--detach", located.commit)
        gitcli.git(git_folder, f"--work-tree={folder}", "clean", "-ffdxq")

    # ---- identity

    def access_token(self, job_id: str) -> str:
        run = self._run
        organization, project = self._organization, run["project"]
        repositories = frozenset(one["id"] for one in run["repositories"].values())
        job = Job(
            project,
            run["id"],
            run["plan"],
            job_id,
            is_on(organization, project, "enforceJobAuthScope"),
            repositories if is_on(organization, project, "enforceReferencedRepoScopedToken") else None,
        )
        token = organization.principals.issue(job, organization.project(project)["name"])
        with self._lock:
            self._tokens.append(token)
        return token

    def close(self) -> None:
        """The run is over: its tokens are no longer good, nothing waits for it, its work folder goes."""
        for token in self._tokens:
            self._organization.principals.revoke(token)
        self._organization.gates.abandon(self._run)
        shutil.rmtree(run_folder(self._organization, self._run) / "work", ignore_errors=True)

    def connection(self, name: str) -> Connection:
        mine = [one for one in self._organization.endpoints if one["project"] == self._run["project"]]
        found = next((one for one in mine if name.lower() in (one["name"].lower(), one["id"])), None)
        if found is None:
            names = [one["name"] for one in mine]
            raise NotFound(f"no service connection {name!r}{did_you_mean(name, names)}")
        if not resources.is_authorized(self._organization, "endpoint", found, self._run["pipeline"]):
            raise Refused(f"this pipeline is not authorized to use the service connection {found['name']!r}")
        parameters = {
            key.lower(): value for key, value in found["authorization"].get("parameters", {}).items()
        }
        return Connection(
            found["id"],
            found["name"],
            parameters.get("serviceprincipalid", ""),
            parameters.get("tenantid", ""),
            found["data"].get("subscriptionId", ""),
            found["url"],
        )

    def oidc_token(self, connection: Connection, job_id: str) -> str:
        try:
            return connection_token(self._organization, self._run, job_id, connection.id)
        except Fault as fault:
            raise Refused(fault.message) from None

    # ---- artifacts, attachments, tests, tags

    def upload_artifact(self, name: str, path: Path, record_id: str, *, merge: bool = False) -> None:
        target = run_folder(self._organization, self._run) / "artifacts" / name
        with self._lock:
            artifacts: list[Document] = self._run.setdefault("artifacts", [])
            known = any(one["name"] == name for one in artifacts)
            if known and not merge:
                raise Refused(f"Artifact {name} already exists for build {self._run['id']}.")
            target.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target, dirs_exist_ok=True, symlinks=True)
            else:
                shutil.copy2(path, target / path.name)
            if not known:
                artifacts.append({"id": len(artifacts) + 1, "name": name, "source": record_id})
            self._organization.save_run(self._run)

    def download_artifact(self, name: str, folder: Path) -> None:
        if name not in self.artifacts():
            raise NotFound(f"no artifact {name!r} in this run{did_you_mean(name, self.artifacts())}")
        source = run_folder(self._organization, self._run) / "artifacts" / name
        shutil.copytree(source, folder, dirs_exist_ok=True, symlinks=True)

    def artifacts(self) -> Sequence[str]:
        return [one["name"] for one in self._run.get("artifacts", [])]

    def attach(self, record_id: str, type_: str, name: str, path: Path) -> None:
        target = (
            run_folder(self._organization, self._run) / "attachments" / record_id / type_ / Path(name).name
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)

    def publish_tests(self, record_id: str, title: str, files: Sequence[Path]) -> None:
        publish(self._organization, self._run, title, files)

    def tag(self, tag: str) -> None:
        with self._lock:
            if tag not in self._run["tags"]:
                self._run["tags"] = [*self._run["tags"], tag]
            self._organization.save_run(self._run)

    def build_number(self, number: str) -> None:
        self._run["name"] = number
        self._organization.save_run(self._run)

    def deployed(self, environment: str, record: Record) -> None:
        deployed(self._organization, self._run, environment, from_record(record) | {"seen": now()})
