"""The whole lifecycle on this machine: what each person and each cloud does, in order, with live progress."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
from rich.console import Console

from isthmus import aws, names
from isthmus.azure import approvals, provision, runs
from isthmus.azure.client import Client, connect
from isthmus.config import STAGES
from isthmus.errors import Problem, Refused
from isthmus.local import furnish, here, lock, traffic
from isthmus.local.aws.bootstrap import bootstrap_all
from isthmus.local.identity import acting_as
from isthmus.local.platform import LOCK, Local, running
from isthmus.local.report import Progress, Report, show
from isthmus.local.scene import Scene, lay
from isthmus.monitor import run as monitor
from isthmus.operate import endpoints, hops, registry

Found = TypeVar("Found")
POLL_SECONDS = 0.25
LONGEST_WAIT = 600.0
BRANCH = "first-version"


def run(state: Path, *, report: Path | None, model_build: Path | None, keep: bool) -> Report:
    """Run the demo in `state`, which is made anew, and removed afterwards unless `keep`.

    Raises `Problem` where a step fails, with what a person should look at, and `Refused` while another demo
    runs in the same folder.
    """
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
    state = state.resolve()
    console = Console(highlight=False)
    progress = Progress(console)
    try:
        scene = lay(state / "scene", model_build)
        _play(scene, state, progress)
        show(progress.report, console)
        console.print(
            f"State is kept in {state}" if keep else "Nothing is left running; look around with: isthmus up"
        )
        return progress.report
    finally:
        if report:
            progress.report.write(report)
        if not keep:
            shutil.rmtree(state, ignore_errors=True)


def _play(scene: Scene, state: Path, progress: Progress) -> None:
    with contextlib.ExitStack() as stack:
        with progress.step("Start the local clouds") as step:
            local = stack.enter_context(running(scene.platform_file, state / here.CLOUDS))
            step.result = (
                f"AWS {local.aws_url}, Azure DevOps {local.organization_url}, Entra {local.authority}"
            )
        _Lifecycle(scene, local, state, progress).play()


@dataclass
class _Lifecycle:
    scene: Scene
    local: Local
    state: Path
    progress: Progress
    builds_before: set[int] = field(default_factory=set)

    def play(self) -> None:
        self.furnish_aws()
        self.furnish_azure()
        build = self.pull_request()
        first = self.build(build, "Train the first version in SageMaker")
        if first is None:
            self.look_back()
            return
        self.approve_and_deploy(first, "first")
        self.predict()
        if self.drift():
            self.retrain()
        self.look_back()

    def retrain(self) -> None:
        """The alarm's retraining; its version is deployed only if it beats the one in prod."""
        second = self.build(self.alarm(), "Retrain, and compare with the version in prod")
        if second is not None:
            self.approve_and_deploy(second, "second")

    # ---------------------------------------------------------------- the accounts and the project

    def furnish_aws(self) -> None:
        assembly = self.state / "assembly"
        with self.progress.step("Synthesize and check the accounts' stacks") as step, self.acting("admin"):
            bootstrap_all(self.local.aws_url, self.platform)
            furnish.synthesize(furnish.CHECKOUT, self.scene.platform_file, assembly)
            step.result = f"{furnish.check(assembly)} templates, no finding of cfn-lint"
        with self.progress.step("Deploy each account as its deploy role") as step, self.acting("admin"):
            stacks = furnish.deploy(self.platform, assembly, self.progress.say)
            step.result = f"{stacks} stacks in {stacks} accounts, by CloudFormation, under IAM"

    def furnish_azure(self) -> None:
        with self.progress.step("Provision Azure DevOps") as step, self.acting("admin"):
            done = provision.apply(self.platform, self.scene.folders)
            step.result = f"{len(done)} changes: project, repositories, pipelines, environments, checks"

    # ---------------------------------------------------------------- a data scientist

    def pull_request(self) -> runs.Run:
        """A branch is pushed and a pull request completed; returns the run of the build that follows."""
        model = self.scene.platform.models[0]
        with self.progress.step("Pull request in " + model.build_repository) as step, self.acting("dana"):
            client = self.client()
            self.push_branch(model.build_repository)
            repository = f"git/repositories/{model.build_repository}"
            asked = {
                "sourceRefName": f"refs/heads/{BRANCH}",
                "targetRefName": "refs/heads/main",
                "title": "Say who owns the model",
            }
            number = client.post(f"{repository}/pullrequests", asked)["pullRequestId"]
            pipeline = names.pull_request_pipeline(self.scene.model.name)
            checked = self.over(client, self.newest(client, pipeline))
            current = client.get(f"{repository}/pullrequests/{number}")
            done = {"status": "completed", "lastMergeSourceCommit": current["lastMergeSourceCommit"]}
            client.patch(f"{repository}/pullrequests/{number}", done)
            build = self.newest(client, names.build_pipeline(self.scene.model.name))
            step.result = (
                f"run {checked.id}: lint, tests and a sample run passed; merged, which started run {build.id}"
            )
        return build

    def push_branch(self, repository: str) -> None:
        """An ordinary clone, commit and push over HTTP."""
        folder = self.state / "dana" / repository
        url = f"{self.local.organization_url}/{self.platform.azure.project}/_git/{repository}"
        url = url.replace("://", f"://dana:{self.local.token('dana')}@")
        _git(["clone", "--quiet", url, str(folder)], self.state)
        with (folder / "README.md").open("a") as readme:
            readme.write(f"\nOwner: {self.platform.models[0].owner}\n")
        author = ["-c", "user.name=Dana Scientist", "-c", "user.email=dana@contoso.example"]
        _git(["checkout", "--quiet", "-b", BRANCH], folder)
        _git(["add", "README.md"], folder)
        _git([*author, "commit", "--quiet", "-m", "Say who owns the model"], folder)
        _git(["push", "--quiet", "origin", BRANCH], folder)

    # ---------------------------------------------------------------- build, approve, deploy

    def build(self, build: runs.Run, title: str) -> registry.Version | None:
        """Follow a build; returns the version that it registered, or None where none was good enough."""
        with self.progress.step(title) as step, self.acting("dana"):
            client = self.client()
            ended = runs.wait(client, build.id, timeout=LONGEST_WAIT, every_seconds=POLL_SECONDS)
            verdict = re.search(r"not registered: .*", _tail(client, ended))
            if verdict:
                step.result = f"run {build.id}: {verdict.group()}"
                return None
            self.assert_not_failed(client, ended)
            version = registry.find(self.sagemaker("automation"), self.scene.model.name, None)
            metric = "{metric} {value:.3f} [{ci_low:.3f}, {ci_high:.3f}]".format(**version.metric)
            step.result = f"run {build.id} registered version {version.number}: {metric}"
        return version

    def approve_and_deploy(self, version: registry.Version, which: str) -> None:
        name = names.deploy_pipeline(self.scene.model.name)
        with self.progress.step(f"Approve the {which} version in the registry") as step, self.acting("robin"):
            before = {run.id for run in runs.every(self.client(), name)}
            role = names.approver_role(self.platform)
            session = aws.session(self.platform.region, self.platform.accounts.automation, role)
            registry.decide(session.client("sagemaker"), version, "Approved", "The figures are convincing")
            run = self.until(
                lambda: next((one for one in runs.every(self.client(), name) if one.id not in before), None),
                "the bridge queues a run",
            )
            way = f"EventBridge → queue → bridge Lambda → run {run.id} of {name}"
            step.result = f"{way}, of exactly {_short(version.arn)}"
        with self.progress.step("Deploy to staging and run the gates") as step, self.acting("robin"):
            waiting = self.until(lambda: self.waiting(run.id), "the run asks for the approval of prod")
            served = f"run {run.id}: staging serves version {version.number}, its gates passed"
            step.result = f"{served}; {len(waiting)} approvals wait"
        with self.progress.step("Approve and deploy to prod") as step, self.acting("robin"):
            self.finish(run.id)
            found = endpoints.find(self.sagemaker("prod"), self.scene.model.name, "prod")
            if found.model_package_arn != version.arn:
                raise Problem(f"prod runs {found.model_package_arn}, not {version.arn}")
            step.result = f"endpoint {found.name} in prod runs version {found.version}"

    def waiting(self, run: int) -> list[approvals.Approval]:
        """The approvals that the run waits for; raises `Problem` where it ended before."""
        client = self.client()
        found = approvals.pending(client, run)
        if not found:
            self.assert_not_failed(client, runs.get(client, run))
        return found

    def finish(self, run: int) -> None:
        """Approve whatever the run waits for until it is over: the environment, then the connection."""
        client = self.client()

        def step() -> runs.Run | None:
            now = runs.get(client, run)
            if now.is_over:
                return now
            if approvals.pending(client, run):
                approvals.decide_run(client, run, "Staging looks right")
            return None

        self.assert_not_failed(client, self.until(step, "the deployment ends"))

    def predict(self) -> None:
        with self.progress.step("Ask prod for a prediction") as step, self.acting("dana"):
            row = self.scene.later.rows[0]
            values = ",".join(row[feature] for feature in self.scene.model.features)
            answer = (
                self.session("prod")
                .client("sagemaker-runtime")
                .invoke_endpoint(
                    EndpointName=names.endpoint(self.scene.model.name),
                    ContentType="text/csv",
                    Accept="text/csv",
                    Body=values.encode(),
                )
            )
            step.result = f"{values} → {answer['Body'].read().decode().strip()}"

    # ---------------------------------------------------------------- the world changes

    def drift(self) -> bool:
        """Later data arrives at prod, its labels follow; whether the monitor found a loss of quality."""
        model, later, region = self.scene.model, self.scene.later, self.scene.platform.region
        with self.progress.step("Later data arrives at prod, then its labels") as step, self.acting("admin"):
            self.builds_before = {
                run.id for run in runs.every(self.client(), names.build_pipeline(model.name))
            }
            sent = traffic.send(self.session("prod").client("sagemaker-runtime"), model, later)
            prod, automation = self.platform.accounts.prod, self.platform.accounts.automation
            owner = names.data_role(self.platform)
            labels = names.ground_truth_bucket(self.platform, prod)
            traffic.label(aws.session(region, prod, owner), labels, model, later)
            data = names.data_bucket(self.platform)
            traffic.land(aws.session(region, automation, owner), data, model, later)
            step.result = f"{sent} requests captured, {len(later.rows)} labels"
        with self.progress.step("Monitor prod") as step, self.acting("admin"):
            session = self.session("prod")
            monitor.wait(session, monitor.start(session, model.name))
            found = monitor.findings(session, self.platform, model.name, "prod", "findings.json")
            step.result = monitor.summary(found).replace("\n", "\n  ")
            quality = json.loads(found).get("quality")
            lost = bool(quality and quality["loss"] > 1)
            if not lost:
                step.result += "\n  no loss of quality: nothing is retrained, as it should be"
        return lost

    def alarm(self) -> runs.Run:
        """The run that the bridge queues for the alarm in prod."""
        pipeline = names.build_pipeline(self.scene.model.name)

        def queued() -> runs.Run | None:
            found = runs.every(self.client(), pipeline)
            return next((one for one in found if one.id not in self.builds_before), None)

        with self.progress.step("The alarm starts a retraining") as step, self.acting("admin"):
            run = self.until(queued, "the bridge queues a retraining")
            reason = run.parameters.get("reason")
            step.result = f"alarm in prod → automation bus → bridge → run {run.id} of {pipeline}, {reason}"
        return run

    # ---------------------------------------------------------------- looking back

    def look_back(self) -> None:
        """Read from the clouds what they keep: versions, deployments, hops."""
        report, model = self.progress.report, self.scene.model.name
        with self.progress.step("Look back") as step, self.acting("robin"):
            client = self.client()
            for version in registry.versions(self.sagemaker("automation"), model):
                report.model_packages.append(
                    {
                        "arn": version.arn,
                        "version": version.number,
                        "status": version.status,
                        "metrics": version.metric,
                        "approved_by": version.approved_by,
                        "comment": version.comment,
                    }
                )
                report.deployments += self.deployments(client, version)
            logs = self.session("automation").client("logs")
            report.events += [vars(hop) for hop in hops.read(logs, self.platform)]
            kept = (len(report.model_packages), len(report.deployments), len(report.events))
            step.result = "{} versions, {} deployments, {} hops over the bridge".format(*kept)

    def deployments(self, client: Client, version: registry.Version) -> list[dict[str, Any]]:
        found = []
        for stage in STAGES:
            run = version.metadata.get(f"{stage}_run_id")
            if not run:
                continue
            people = {name for one in approvals.every(client, int(run)) for name in one.approved_by}
            found.append(
                {
                    "stage": stage,
                    "model_package_arn": version.arn,
                    "run_id": int(run),
                    "endpoint": version.metadata[f"{stage}_endpoint"],
                    "approved_by": ", ".join(sorted(people)) if stage == "prod" else version.approved_by,
                }
            )
        return found

    # ---------------------------------------------------------------- waiting

    def newest(self, client: Client, pipeline: str) -> runs.Run:
        return self.until(
            lambda: next(iter(runs.every(client, pipeline, top=1)), None), f"a run of {pipeline} starts"
        )

    def over(self, client: Client, run: runs.Run) -> runs.Run:
        """Follow a run to its end; raises `Problem` with its failed steps."""
        ended = runs.wait(client, run.id, timeout=LONGEST_WAIT, every_seconds=POLL_SECONDS)
        self.assert_not_failed(client, ended)
        return ended

    def assert_not_failed(self, client: Client, run: runs.Run) -> None:
        if run.is_over and run.result not in ("succeeded", "partiallySucceeded"):
            reasons = "\n".join(runs.failures(client, run.id)) or "see its log"
            raise Problem(
                f"run {run.id} of {run.pipeline} {run.result}:\n{reasons}",
                where=run.url,
                todo=_tail(client, run),
            )

    def until(self, look: Callable[[], Found | None], what: str) -> Found:
        deadline = time.monotonic() + LONGEST_WAIT
        while not (found := look()):
            if time.monotonic() > deadline:
                raise Problem(
                    f"waited {LONGEST_WAIT:.0f} s in vain until {what}", where=str(self.local.state)
                )
            time.sleep(POLL_SECONDS)
        return found

    # ---------------------------------------------------------------- who acts

    @property
    def platform(self) -> Any:
        """The platform as product code reads it in the environment of who acts."""
        from isthmus.config import read_platform

        return read_platform(self.scene.platform_file)

    def acting(self, user: str) -> Any:
        return acting_as(user, self.local)

    def client(self) -> Client:
        return connect(self.platform)

    def session(self, account: str) -> boto3.Session:
        role = names.operator_role(self.scene.platform)
        return aws.session(self.scene.platform.region, getattr(self.scene.platform.accounts, account), role)

    def sagemaker(self, account: str) -> Any:
        return self.session(account).client("sagemaker")


def _tail(client: Client, run: runs.Run) -> str:
    """The end of the failed step's log."""
    failed = [
        one
        for one in runs.timeline(client, run.id)
        if one["type"] == "Task" and one.get("result") == "failed"
    ]
    lines = [
        line
        for one in failed
        if one.get("log")
        for line in runs.log(client, run.id, one["log"]["id"]).splitlines()
    ]
    return "\n".join(["the end of its log:", *lines[-15:]])


def _short(arn: str) -> str:
    return arn.split(":", 5)[-1]


def _git(arguments: list[str], folder: Path) -> None:
    """Run git without the machine's configuration; raises `Problem` with what it said."""
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | alone, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip()
        raise Problem(f"git {arguments[0]} failed: {said}")
