"""`isthmus azure ...`: the group; its commands stand in files of their own, by what they are about."""

from __future__ import annotations

import click

from isthmus.azure import provision_commands, pull_request_commands, run_commands


@click.group()
def azure() -> None:
    """Provision Azure DevOps from platform.yaml; its runs, pull requests and what waits there.

    Signs in with AZURE_DEVOPS_TOKEN (a PAT, or a token of Entra).
    """


for _command in (
    provision_commands.plan,
    provision_commands.apply,
    provision_commands.destroy,
    run_commands.run,
    run_commands.follow,
    run_commands.log,
    run_commands.cancel,
    run_commands.rerun,
    run_commands.approvals,
    run_commands.approve,
    pull_request_commands.pull_request,
    pull_request_commands.agree,
    pull_request_commands.propose,
    pull_request_commands.comment,
):
    azure.add_command(_command)
