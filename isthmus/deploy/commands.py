"""`isthmus deploy` and `isthmus gate`: exactly one model version, synthesized once, then stage by stage."""

from __future__ import annotations

from pathlib import Path

import click

from isthmus.config import STAGES, Stage

HERE = Path()
FOLDER = click.Path(file_okay=False, path_type=Path)
STAGE = click.option("--stage", type=click.Choice(STAGES), required=True)
ASSEMBLY = click.option("--assembly", type=FOLDER, required=True, help="What `synth` wrote.")
RUN = click.option("--run-id", type=int, required=True, help="The run of Azure Pipelines that asks.")


@click.group()
def deploy() -> None:
    """Synthesize and deploy exactly one model version; run in a model-deploy repository."""


@deploy.command()
@click.option("--model-package-arn", required=True, help="The version that was approved.")
@click.option("--output", type=FOLDER, required=True, help="Where the assembly goes.")
@click.option(
    "--validate/--no-validate",
    envvar="CDK_VALIDATION",
    help="Let CDK check the templates too (3 s); CDK_VALIDATION=true says so as well.",
)
@click.option("--alone", default="", help="Why it takes the place of what serves, whatever `compare` says.")
def synth(model_package_arn: str, output: Path, validate: bool, alone: str) -> None:
    """Synthesize both stages of a version, once."""
    from isthmus.config import read_platform
    from isthmus.deploy.synth import synth

    package, compared = synth(
        read_platform(), HERE, model_package_arn, output, validate=validate, alone=bool(alone)
    )
    approved = package.metadata.get("approved_by")
    click.echo(f"{package.arn}" + (f", approved by {approved}" if approved else ""))
    click.echo(f"staging and prod of {package.model} version {package.version}: {output}")
    if compared:
        click.echo(f"in prod beside version {compared.champion.version}: {compared.how}")


@deploy.command()
@click.option("--model", default="", help="The model that it is to be; a pipeline's is in its name.")
def check(model: str) -> None:
    """Check this repository without a version and without a cloud: what its pull requests must pass."""
    from isthmus.config import read_platform
    from isthmus.deploy.check import check

    check(read_platform(), HERE, click.echo, model=model)


@deploy.command()
@STAGE
@ASSEMBLY
@click.option("--run-id", required=True, help="The run of Azure Pipelines that asks.")
@click.option("--rollback", default="", help="Why people go back to this version, where they do.")
@click.option("--promote", default="", help="Why it is to serve alone after a comparison, where it is.")
def apply(stage: Stage, assembly: Path, run_id: str, rollback: str, promote: str) -> None:
    """Deploy one stage, and assert that the endpoint runs what was asked for."""
    from isthmus.azure.logging_commands import command
    from isthmus.config import read_platform
    from isthmus.deploy.apply import apply
    from isthmus.deploy.records import Why

    why = Why(rollback, promote)
    done = apply(read_platform(), assembly, stage, run_id, click.echo, why)
    click.echo(f"endpoint {done.endpoint} in {done.stage} runs {done.model_package_arn}")
    if done.challenger:
        click.echo(f"{'mirrored to' if done.shadow else 'beside'} {done.challenger}")
        command("task.setvariable", "true", variable="COMPARED")
    click.echo(f"by {done.endpoint_config}, deployed by run {run_id}")


@deploy.command()
@STAGE
@ASSEMBLY
@RUN
def duties(stage: Stage, assembly: Path, run_id: int) -> None:
    """Refuse the deployment where who had the version built approved it or let it pass.

    In a pipeline's job, as the job: env: SYSTEM_ACCESSTOKEN: $(System.AccessToken).
    """
    from isthmus.azure.client import connect
    from isthmus.config import read_platform
    from isthmus.deploy.duties import require

    platform = read_platform()
    require(platform, connect(platform), assembly, stage, run_id, click.echo)


@deploy.command()
@STAGE
@ASSEMBLY
@RUN
def retain(stage: Stage, assembly: Path, run_id: int) -> None:
    """Keep the runs that built and deployed what serves, and no longer those of what served before.

    In a pipeline's job, as the job: env: SYSTEM_ACCESSTOKEN: $(System.AccessToken).
    """
    from isthmus.azure.client import connect
    from isthmus.config import read_platform
    from isthmus.deploy.retain import retain

    platform = read_platform()
    retain(platform, connect(platform), assembly, stage, run_id, click.echo)


@click.group()
def gate() -> None:
    """Test a deployed endpoint, and write test results."""


@gate.command("run")
@STAGE
@ASSEMBLY
@click.option("--results", type=FOLDER, required=True, help="Where the test results go.")
@click.option("--only", multiple=True, metavar="GATE", help="Only this gate; may be repeated.")
def run_gates(stage: Stage, assembly: Path, results: Path, only: tuple[str, ...]) -> None:
    """Run the gates of gates/*.py against the live endpoint; exit 1 when one finds a fault."""
    from isthmus.azure.logging_commands import command
    from isthmus.config import read_deploy, read_platform
    from isthmus.deploy.gates import summary
    from isthmus.deploy.gates.run import find, live, run, unasked, write

    gates = find(HERE / "gates", only)
    endpoint = live(read_platform(), read_deploy(), assembly, stage)
    done = []
    for result in run(gates, endpoint) if endpoint else unasked(gates):
        done.append(result)
        for finding in result.findings:
            click.echo(f"{finding.mark} {result.gate}: {finding.name}: {finding.message}")
    write(done, results, stage)
    command("task.uploadsummary", str(summary.write(done, results, stage).resolve()))
    if not all(result.passed for result in done):
        raise click.exceptions.Exit(1)
