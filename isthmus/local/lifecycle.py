"""The whole lifecycle, as the demo plays it: what each person and each cloud does, in order."""

from __future__ import annotations

from dataclasses import dataclass, field

from isthmus import aws, names
from isthmus.azure import approvals, callback, contents, provision, pull_requests, runs
from isthmus.counting import counted
from isthmus.errors import Problem
from isthmus.local import furnish, traffic
from isthmus.local.aws.bootstrap import bootstrap_all
from isthmus.local.pushing import push_branch
from isthmus.local.report import Outcome, Progress
from isthmus.local.world import World
from isthmus.monitor import findings, reported
from isthmus.monitor import run as monitor
from isthmus.monitor.findings import Findings
from isthmus.operate import endpoints, predictions, registry
from isthmus.operate.show import metric
from isthmus.serving import look

BRANCH = "name-the-owner"
TITLE = "Say who owns the model"


@dataclass(frozen=True)
class Verdict:
    """Why a build registered no version, and whether model.yaml takes that for a failure."""

    words: str
    red: bool


@dataclass
class Lifecycle:
    """`progress` is told each step. `builds_before` are the runs before the world changed."""

    world: World
    progress: Progress
    builds_before: set[int] = field(default_factory=set)

    def play(self) -> tuple[str, Outcome]:
        """All of it; returns what prod serves in the end, and why, as a sentence.

        A first version below the bar ends it: a failure where model.yaml says so, as its run is.
        """
        self.furnish_aws()
        self.furnish_azure()
        first = self.build(self.pull_request(), "Train the first version")
        if isinstance(first, Verdict):
            return f"{first.words}; prod serves nothing.", "failed" if first.red else "succeeded"
        self.approve_and_deploy(first, "first")
        self.predict()
        self.world_changes()
        return self.react(first, self.monitor()), "succeeded"

    def react(self, serving: registry.Version, found: Findings) -> str:
        """Retrain where quality was lost, and deploy what is better; returns what prod serves, and why."""
        still = f"prod still serves version {serving.number}, at {_quality(found)}."
        if not found.lost:
            return f"Nothing was retrained, as it should be: {still}"
        second = self.build(self.alarm(), "Retrain against the version in prod")
        if isinstance(second, Verdict):
            return f"{second.words}; {still}"
        self.approve_and_deploy(second, "second")
        return f"Prod serves version {second.number}: {second.gain or 'nothing could be compared'}."

    # ---------------------------------------------------------------- the accounts and the project

    def furnish_aws(self) -> None:
        world, assembly = self.world, self.world.state / "assembly"
        with (
            self.progress.step("Synthesize and check the stacks", "synthesize") as step,
            world.acting("admin"),
        ):
            bootstrap_all(world.local.root, world.platform)
            furnish.synthesize(contents.CHECKOUT, world.scene.platform_file, assembly)
            step.short = counted(furnish.check(assembly), "template")
            step.result = f"{step.short}, no finding of cfn-lint"
        with (
            self.progress.step("Deploy the accounts' stacks", "deploy accounts") as step,
            world.acting("admin"),
        ):
            stacks = furnish.deploy(world.platform, assembly, lambda _line: None)
            accounts = world.platform.accounts.model_dump(exclude_none=True)
            step.short = f"{counted(stacks, 'stack')} in {counted(len(accounts), 'account')}"
            step.result = (
                f"{step.short}: {', '.join(accounts)}; by CloudFormation, each as its account's deploy role"
            )

    def furnish_azure(self) -> None:
        world = self.world
        with self.progress.step("Provision Azure DevOps", "provision") as step, world.acting("admin"):
            platform = world.platform
            done = provision.apply(platform, world.scene.folders, callback=callback.url(platform))
            step.short = counted(len(done), "change")
            step.result = f"{step.short}: project, repositories, pipelines, environments, checks"

    # ---------------------------------------------------------------- a data scientist

    def pull_request(self) -> runs.Run:
        """A branch is pushed and a pull request completed; returns the run of the build that follows."""
        world, repository = self.world, self.world.platform.models[0].build_repository
        with self.progress.step("Merge a pull request") as step, world.acting("dana"):
            self.push_branch(repository)
            client = world.client()
            request = pull_requests.open_(client, repository, BRANCH, TITLE)
            checked = world.succeeded(world.newest(names.pull_request_pipeline(world.model.name)))
            with world.acting("robin"):
                pull_requests.agree(world.client(), request)
            pull_requests.complete(client, request, every_seconds=0.1)
            build = world.newest(names.build_pipeline(world.model.name))
            step.short = f"run {checked.id} checked it"
            step.result = (
                f"{repository}: run {checked.id}: lint, tests and a sample run passed, robin agreed; "
                f"merged, which started run {build.id}"
            )
        return build

    def push_branch(self, repository: str) -> None:
        world = self.world
        url = f"{world.local.organization_url}/{world.platform.azure.project}/_git/{repository}"
        folder = world.state / "dana" / repository
        folder.parent.mkdir()
        push_branch(url, folder, BRANCH, TITLE, f"Owner: {world.platform.models[0].owner}")

    # ---------------------------------------------------------------- build, approve, deploy

    def build(self, build: runs.Run, title: str) -> registry.Version | Verdict:
        """Follow a build; returns the version that it registered, or why none was good enough."""
        world = self.world
        with self.progress.step(title) as step, world.acting("dana"):
            ended = world.ended(build)
            if verdict := world.verdict(ended):
                step.status = "failed" if ended.result == "failed" else "succeeded"
                step.short = "not registered"
                step.result = f"run {build.id} {ended.result}: {verdict}"
                return Verdict(verdict, step.status == "failed")
            world.assert_not_failed(ended)
            version = self.registered(ended)
            step.short = metric(version.metric)
            compared = f"\n{version.gain}" if version.gain else ""
            step.result = f"run {build.id} registered version {version.number}: {step.short}{compared}"
        return version

    def registered(self, build: runs.Run) -> registry.Version:
        """The version of exactly that run."""
        found = registry.versions(self.world.sagemaker("automation"), self.world.model.name)
        for version in found:
            if version.metadata.get("run_id") == str(build.id):
                return version
        raise Problem(f"run {build.id} of {build.pipeline} succeeded and registered nothing", where=build.url)

    def approve_and_deploy(self, version: registry.Version, which: str) -> None:
        run = self.approve(version, which)
        world = self.world
        with self.progress.step("Deploy to staging and run the gates") as step, world.acting("robin"):
            waiting = world.until(lambda: self.waiting(run.id), "the run asks for the approval of prod")
            step.short = f"run {run.id}: gates passed"
            served = f"run {run.id}: staging serves version {version.number}, its gates passed"
            step.result = f"{served}; {counted(len(waiting), 'approval')} waited for"
        with self.progress.step("Approve and deploy to prod") as step, world.acting("robin"):
            self.finish(run.id)
            found = endpoints.find(world.sagemaker("prod"), world.model.name, "prod")
            if found.model_package_arn != version.arn:
                raise Problem(f"prod runs {found.model_package_arn}, not {version.arn}")
            step.short = f"run {run.id}: version {found.version} serves"
            step.result = f"endpoint {found.name} in prod runs version {found.version}"

    def approve(self, version: registry.Version, which: str) -> runs.Run:
        """Approve in the registry; returns the run that the bridge queues for it."""
        world, pipeline = self.world, names.deploy_pipeline(self.world.model.name)
        with (
            self.progress.step(f"Approve the {which} version", "events over the bridge") as step,
            world.acting("robin"),
        ):
            before = {run.id for run in runs.every(world.client(), pipeline)}
            role = names.approver_role(world.platform)
            session = aws.session(world.platform.region, world.platform.accounts.automation, role)
            registry.decide(session.client("sagemaker"), version, "Approved", "The figures are convincing")
            run = world.until(lambda: self.run_after(before, pipeline), "the bridge queues a run")
            step.short = f"the bridge queued run {run.id}"
            step.result = (
                f"EventBridge → queue → bridge Lambda → run {run.id} of {pipeline}, of exactly {version.name}"
            )
        return run

    def run_after(self, before: set[int], pipeline: str) -> runs.Run | None:
        found = runs.every(self.world.client(), pipeline)
        return next((one for one in found if one.id not in before), None)

    def waiting(self, run: int) -> list[approvals.Approval]:
        """The approvals that the run waits for; raises `Problem` where it ended before."""
        client = self.world.client()
        found = approvals.pending(client, run)
        if not found:
            self.world.assert_not_failed(runs.get(client, run))
        return found

    def finish(self, run: int) -> None:
        """Approve whatever the run waits for until it is over: the environment, then the connection."""
        client = self.world.client()

        def step() -> runs.Run | None:
            now = runs.get(client, run)
            if now.is_over:
                return now
            if approvals.pending(client, run):
                approvals.decide_run(client, run, "Staging looks right")
            return None

        self.world.assert_not_failed(self.world.until(step, "the deployment ends"))

    def predict(self) -> None:
        world = self.world
        with self.progress.step("Ask prod for a prediction", "traffic") as step, world.acting("dana"):
            values = traffic.line(world.model, world.scene.later.rows[0])
            prod = world.session("prod")
            serving = look(prod.client("sagemaker"), world.model.name, "prod")
            (step.short,) = predictions.ask(prod.client("sagemaker-runtime"), serving, values.encode())
            step.result = f"{values} → {step.short}"

    # ---------------------------------------------------------------- the world changes

    def world_changes(self) -> None:
        """Later data arrives at prod, and its labels follow."""
        world = self.world
        model, later, region = world.model, world.scene.later, world.scene.platform.region
        with self.progress.step("Later data arrive, then labels", "traffic") as step, world.acting("admin"):
            builds = runs.every(world.client(), names.build_pipeline(model.name))
            self.builds_before = {run.id for run in builds}
            sent = traffic.send(world.session("prod").client("sagemaker-runtime"), model, later)
            prod, automation = world.platform.accounts.prod, world.platform.accounts.automation
            owner = names.data_role(world.platform)
            labels = names.ground_truth_bucket(world.platform, prod)
            traffic.label(aws.session(region, prod, owner), labels, model, later)
            data = names.data_bucket(world.platform)
            traffic.land(aws.session(region, automation, owner), data, model, later)
            step.short = f"{counted(sent, 'row')}, from {world.scene.later_from}"
            step.result = (
                f"{counted(sent, 'row')} of {world.scene.later_from} asked, then labelled; "
                f"with the prediction above {sent + 1} are captured"
            )

    def monitor(self) -> Findings:
        world = self.world
        with self.progress.step("Monitor prod", "monitor") as step, world.acting("admin"):
            session = world.session("prod")
            monitor.wait(session, monitor.start(session, world.model.name))
            report = reported.newest(session, world.platform, world.model.name, "prod", "findings.json")
            if report is None:
                raise Problem("the monitor has succeeded and left no report", where=world.model.name)
            found = findings.parse(report.read("findings.json"))
            drifted = counted(len(found.drifted), "feature")
            step.short = f"{drifted} drifted; quality {'lost' if found.lost else 'kept'}"
            step.result = findings.summary(found)
        return found

    def alarm(self) -> runs.Run:
        """The run that the bridge queues for the alarm in prod."""
        world, pipeline = self.world, names.build_pipeline(self.world.model.name)
        with (
            self.progress.step("The alarm starts a retraining", "events over the bridge") as step,
            world.acting("admin"),
        ):
            run = world.until(
                lambda: self.run_after(self.builds_before, pipeline), "the bridge queues a retraining"
            )
            step.short = f"the bridge queued run {run.id}"
            reason = run.parameters.get("reason")
            step.result = f"alarm in prod → automation bus → bridge → run {run.id} of {pipeline}, {reason}"
        return run


def _quality(found: Findings) -> str:
    return found.quality.now if found.quality else "a quality that too few labels tell yet"
