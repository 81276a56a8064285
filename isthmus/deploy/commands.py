"""`isthmus deploy` and `isthmus gate`: exactly one model version, synthesized once, then stage by stage."""

from __future__ import annotations

from pathlib import Path

import click

HERE = Path()
STAGE = click.Choice(["staging", "prod"])
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def deploy() -> None:
    """Synthesize and deploy exactly one model version; run in a model-deploy repository."""


@deploy.command()
@click.option("--model-package-arn", required=True, help="The version that was approved.")
@click.option("--output", type=FOLDER, required=True, help="Where the assembly goes.")
def synth(model_package_arn: str, output: Path) -> None:
    """Synthesize both stages of a version, once."""
    from isthmus.config import platform_path, read_platform
    from isthmus.deploy.synth import synth

    package = synth(read_platform(platform_path()), HERE, model_package_arn, output)
    click.echo(f"{package.model} version {package.version}: {output}")


@deploy.command()
@click.option("--stage", type=STAGE, required=True)
@click.option("--assembly", type=FOLDER, required=True, help="What `synth` wrote.")
@click.option("--run-id", required=True, help="The run of Azure Pipelines that asks.")
def apply(stage: str, assembly: Path, run_id: str) -> None:
    """Deploy one stage, and assert that the endpoint runs what was asked for."""
    from isthmus.config import STAGES, platform_path, read_platform
    from isthmus.deploy.apply import apply

    named = STAGES[STAGES.index(stage)]
    done = apply(read_platform(platform_path()), assembly, named, run_id, click.echo)
    click.echo(f"endpoint {done.endpoint} in {done.stage} runs {done.model_package_arn}")


@click.group()
def gate() -> None:
    """Test a deployed endpoint, and write test results."""


@gate.command("run")
@click.option("--stage", type=STAGE, required=True)
@click.option("--assembly", type=FOLDER, required=True, help="What `synth` wrote.")
@click.option("--results", type=FOLDER, required=True, help="Where the test results go.")
@click.option("--only", multiple=True, metavar="GATE", help="Only this gate; may be repeated.")
def run_gates(stage: str, assembly: Path, results: Path, only: tuple[str, ...]) -> None:
    """Run the gates of gates/*.py against the live endpoint; exit 1 when one finds a fault."""
    import boto3

    from isthmus import names
    from isthmus.config import platform_path, read_deploy, read_platform
    from isthmus.deploy.gates.gate import LiveEndpoint
    from isthmus.deploy.gates.run import find, run, write

    config, platform = read_deploy(), read_platform(platform_path())
    gates = find(HERE / "gates", only)
    runtime = boto3.Session(region_name=platform.region).client("sagemaker-runtime")
    endpoint = LiveEndpoint(runtime, names.endpoint(config.model), config, assembly)
    done = []
    for result in run(gates, endpoint):
        done.append(result)
        for finding in result.findings:
            click.echo(f"{'✓' if finding.passed else '✗'} {result.gate}: {finding.name}: {finding.message}")
    write(done, results, stage)
    if not all(result.passed for result in done):
        raise click.exceptions.Exit(1)
