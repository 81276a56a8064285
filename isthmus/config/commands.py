"""`isthmus model` and `team` add to platform.yaml, whose comments and order stay; `schema` says its form."""

from __future__ import annotations

import json

import click


@click.group()
def model() -> None:
    """The models of a platform: add one."""


@model.command("add")
@click.argument("name")
@click.option("--owner", required=True, metavar="MAIL", help="Who answers for it.")
@click.option("--team", default="", help="The team whose scientists work on it.")
@click.option("--build-repository", default="", help="Where it is built.  [default: NAME-build]")
@click.option("--deploy-repository", default="", help="Where it is deployed from.  [default: NAME-deploy]")
@click.option(
    "--connection-client-id",
    default="",
    metavar="CLIENT_ID",
    help="An Entra application of its own for its service connections: one takes those of two models.",
)
def add_model(
    name: str, owner: str, team: str, build_repository: str, deploy_repository: str, connection_client_id: str
) -> None:
    """Add a model to platform.yaml: three small stacks, two repositories and three pipelines."""
    given = {
        "name": name,
        "owner": owner,
        "team": team,
        "build_repository": build_repository or f"{name}-build",
        "deploy_repository": deploy_repository or f"{name}-deploy",
        "connection_client_id": connection_client_id,
    }
    _add("models", {key: value for key, value in given.items() if value})
    click.echo(f"model {name} is in platform.yaml; on main the pipeline infrastructure makes its stacks,")
    click.echo("and `isthmus azure apply` its repositories and pipelines")


@click.group()
def team() -> None:
    """The teams of a platform: add one."""


@team.command("add")
@click.argument("name")
@click.option(
    "--scientists",
    "--scientist",
    multiple=True,
    metavar="NAMES",
    help="Who belongs to it; several names with spaces between them, or the option more than once.",
)
def add_team(name: str, scientists: tuple[str, ...]) -> None:
    """Add a team of scientists to platform.yaml."""
    _add("teams", {"name": name, "scientists": [one for names in scientists for one in names.split()]})
    click.echo(f"team {name} is in platform.yaml; on main the pipeline infrastructure makes its profiles")


@click.command()
@click.argument("file", type=click.Choice(["platform", "model", "deploy"]))
def schema(file: str) -> None:
    """Print the JSON Schema of platform.yaml, model.yaml or deploy.yaml, for editors."""
    from pydantic import BaseModel

    from isthmus.config import DeployConfig, ModelConfig, Platform

    kinds: dict[str, type[BaseModel]] = {"platform": Platform, "model": ModelConfig, "deploy": DeployConfig}
    click.echo(json.dumps(kinds[file].model_json_schema(), indent=2))


def _add(where: str, item: dict[str, object]) -> None:
    from isthmus.config import Platform, platform_path
    from isthmus.config.editing import append, edit

    edit(platform_path(), Platform, lambda text: append(text, [where], item))
