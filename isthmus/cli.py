"""The command `isthmus`: a table of where each command lives; each is imported only when it is called."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any, NamedTuple, NoReturn

import click

from isthmus.azure.logging_commands import command, silence_others
from isthmus.errors import BadInput, Problem, Unavailable, did_you_mean
from isthmus.printable import printable


class Entry(NamedTuple):
    target: str
    summary: str


# As `--help` shows them.
SECTIONS = {
    "On a laptop": {
        "demo": Entry(
            "isthmus.local.commands:demo", "Run the whole lifecycle on this machine, and report it."
        ),
        "up": Entry("isthmus.local.commands:up", "Start the local clouds and keep them until Ctrl-C."),
        "env": Entry(
            "isthmus.local.commands:env", "Print the variables that point AWS and Azure clients at `up`."
        ),
        "run": Entry(
            "isthmus.local.pipelines.run:run", "Run, or show expanded, an Azure Pipelines YAML file here."
        ),
    },
    "Operate models": {
        "status": Entry("isthmus.operate.commands:status", "What runs where, and what waits for whom."),
        "pending": Entry(
            "isthmus.operate.governing:pending", "What waits for a decision: since when, by whom, and how."
        ),
        "evidence": Entry("isthmus.operate.governing:evidence", "What an approver judges a version by."),
        "models": Entry(
            "isthmus.operate.commands:models", "The versions of each model, with metrics and approvers."
        ),
        "approve": Entry("isthmus.operate.commands:approve", "Approve a model version in the registry."),
        "reject": Entry("isthmus.operate.commands:reject", "Reject a model version in the registry."),
        "compare": Entry(
            "isthmus.compare.commands:compare", "Whether a version beside the one in prod is better or worse."
        ),
        "promote": Entry(
            "isthmus.operate.promoting:promote", "Have the version that is compared serve alone."
        ),
        "rollback": Entry(
            "isthmus.operate.rolling_back:rollback", "Go back to the version that served before."
        ),
        "invoke": Entry("isthmus.operate.invoking:invoke", "Ask an endpoint for predictions."),
        "label": Entry("isthmus.operate.labelling:label", "Send labels, by inference id, to the monitors."),
        "lineage": Entry(
            "isthmus.operate.commands:lineage", "Where a model version came from and where it went."
        ),
        "events": Entry("isthmus.operate.event_commands:events", "Each hop of each event over the bridge."),
        "bridge": Entry(
            "isthmus.operate.bridging:bridge", "What the bridge could not carry, and sending it again."
        ),
        "idle": Entry("isthmus.operate.idling:idle", "What costs money and serves nobody."),
        "audit": Entry(
            "isthmus.audit.commands:audit", "Prove that what runs in prod came there by the rules."
        ),
    },
    "Set up a platform": {
        "azure": Entry("isthmus.azure.commands:azure", "Provision Azure DevOps from platform.yaml."),
        "account": Entry(
            "isthmus.infra.account_commands:account", "Add and bootstrap the platform's AWS accounts."
        ),
        "infra": Entry("isthmus.infra.commands:infra", "Synthesize, check and deploy the accounts' stacks."),
        "diff": Entry(
            "isthmus.infra.commands:diff", "Show what deploying the accounts' stacks would change."
        ),
        "destroy": Entry(
            "isthmus.infra.destroy.commands:destroy", "Destroy what stands in accounts, with all data."
        ),
        "model": Entry("isthmus.config.commands:model", "Add a model to platform.yaml."),
        "team": Entry("isthmus.config.commands:team", "Add a team of scientists to platform.yaml."),
        "schema": Entry("isthmus.config.commands:schema", "Print the JSON Schema of a configuration file."),
        "doctor": Entry(
            "isthmus.doctor.commands:doctor", "What a set-up lacks in either cloud, and what mends it."
        ),
    },
    "In pipelines": {
        "build": Entry("isthmus.build.commands:build", "Define, run and follow a SageMaker pipeline."),
        "deploy": Entry("isthmus.deploy.commands:deploy", "Synthesize and deploy exactly one model version."),
        "gate": Entry("isthmus.deploy.commands:gate", "Test a deployed endpoint, and write test results."),
        "monitor": Entry("isthmus.monitor.commands:monitor", "Watch an endpoint's captured data."),
        "assume": Entry(
            "isthmus.azure.assuming:assume", "Run a command as an AWS role, by the job's OIDC token."
        ),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
# Where the environment names no clouds and a local platform runs in this folder: those that only read talk
# to that, and say so; those that decide something do not guess.
READING = frozenset(
    {
        "status",
        "pending",
        "evidence",
        "idle",
        "models",
        "compare",
        "invoke",
        "lineage",
        "events",
        "monitor",
        "audit",
        "doctor",
    }
)
DECIDING = frozenset({"approve", "reject", "promote", "rollback", "bridge", "events replay"})


class LazyGroup(click.Group):
    """A group whose commands are imported by name when needed, so that `--help` is quick."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        entry = COMMANDS.get(name)
        if entry is None:
            return None
        module, attribute = entry.target.split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # click would say "Aborted!" and end with 1, as if something had failed.
            sys.exit(130)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, COMMANDS))
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(widest), entry.summary) for name, entry in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            ctx.fail(f"no command {args[0]!r}{did_you_mean(args[0], COMMANDS)}")
        if args and not {"-h", "--help"} & set(args):
            _settle_clouds(args)
        return super().resolve_command(ctx, args)


def _settle_clouds(args: list[str]) -> None:
    from isthmus.local import here

    if DECIDING & {args[0], " ".join(args[:2])}:
        here.refuse_to_guess()
    elif args[0] in READING:
        here.adopt()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="isthmus")
@click.option("--platform", "platform_file", default=None, metavar="FILE", help="Instead of ./platform.yaml.")
def isthmus(platform_file: str | None) -> None:
    """MLOps between Azure DevOps and AWS: one narrow land bridge between two clouds."""
    if platform_file:
        os.environ["ISTHMUS_PLATFORM"] = platform_file


def main() -> None:
    """Run a command; a `Problem` becomes a few lines on stderr and its exit code, never a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    silence_others()
    try:
        isthmus(prog_name="isthmus")
    except Problem as problem:
        _fail(problem)
    except BrokenPipeError:
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        explained = _of_files(error) or _of_extras(error) or _of_aws(error)
        if explained is None:
            raise
        _fail(explained)


def _fail(problem: Problem) -> NoReturn:
    """Say it; in a job of Azure Pipelines as an error of the run too, not only in a line of its log."""
    click.echo(printable(f"isthmus: {problem}"), err=True)
    if os.environ.get("TF_BUILD"):
        command("task.logissue", problem.in_a_line, type="error")
    sys.exit(problem.exit_code)


def _of_files(error: Exception) -> Problem | None:
    """What a person should read where a file that they named cannot be read or written."""
    if not isinstance(error, OSError) or not error.filename:
        return None
    return BadInput(f"{error.strerror}: {os.fspath(error.filename)}", todo="name another file or folder")


def _of_extras(error: Exception) -> Problem | None:
    """What a person should read where a library is missing that only some commands need."""
    if not isinstance(error, ModuleNotFoundError):
        return None
    return Unavailable(
        f"this command needs {error.name}, which is not installed",
        todo="pip install 'isthmus[local]' has everything; a pipeline's job takes the extra that it needs",
    )


def _of_aws(error: Exception) -> Problem | None:
    """What a person should read where AWS refused or did not answer; None for any other error."""
    if not type(error).__module__.startswith("botocore"):
        return None
    from isthmus.aws import explained

    return explained(error)
