"""AzureCLI@2: a script with a service connection's own token in its environment."""

from __future__ import annotations

import shlex
import shutil

from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.plan import Step
from isthmus.local.pipelines.running_step import Running, StepFailed
from isthmus.local.pipelines.tasks.shell import BASH_COMMAND
from isthmus.local.pipelines.tasks.task import Task


def _azure_cli(step: Running) -> None:
    """`idToken`, `servicePrincipalId` and `tenantId` are given under addSpnToEnvironment, as the task does.

    The sign-in of `az` itself is left out where `az` is not installed: then only the token is there.
    """
    name = step.input("azureSubscription") or step.input("connectedServiceNameARM")
    host = step.job.host
    connection = host.connection(name)
    token = host.oidc_token(connection, step.job.record.id)
    step.add_secret(token)
    if shutil.which("az", path=step.environment().get("PATH")) is None:
        step.log("There is no `az` on this machine: nobody is signed in to Azure; the script has the token.")
    else:
        _sign_in(step, connection.client_id, connection.tenant_id, token)
    extra = {}
    if step.flag("addSpnToEnvironment"):
        extra = {
            "idToken": token,
            "servicePrincipalId": connection.client_id,
            "tenantId": connection.tenant_id,
        }
    code = step.execute(
        _argv(step),
        cwd=step.folder("workingDirectory" if step.input("workingDirectory") else "cwd"),
        extra=extra,
        fail_on_stderr=step.flag("failOnStandardError"),
    )
    if code:
        raise StepFailed(f"the script failed with exit code: {code}")


def _argv(step: Running) -> list[str]:
    arguments = shlex.split(step.input("scriptArguments") or step.input("arguments"))
    if step.input("scriptLocation", "scriptPath").lower() == "inlinescript":
        return [*BASH_COMMAND, str(step.script_file(step.input("inlineScript"), ".sh")), *arguments]
    path = step.path("scriptPath")
    if not path.is_file():
        raise StepFailed(f"there is no script {str(path)!r}")
    return [*BASH_COMMAND, str(path), *arguments]


def _sign_in(step: Running, client: str, tenant: str, token: str) -> None:
    argv = ["az", "login", "--service-principal", "-u", client, "--tenant", tenant]
    argv += ["--allow-no-subscriptions", "--federated-token", token, "--output", "none"]
    if step.execute(argv):
        raise StepFailed("az login failed")


def _check(step: Step) -> None:
    inputs = {key.lower(): text for key, text in step.inputs.items()}
    if inputs.get("scripttype", "bash").lower() != "bash":
        raise broken("AzureCLI@2 runs here with scriptType: bash", step.at)
    if not (inputs.get("azuresubscription") or inputs.get("connectedservicenamearm")):
        raise broken("AzureCLI@2 needs the input 'azureSubscription', a service connection", step.at)
    inline = inputs.get("scriptlocation", "").lower() == "inlinescript"
    wanted = "inlineScript" if inline else "scriptPath"
    if not inputs.get(wanted.lower()):
        raise broken(f"AzureCLI@2 needs the input {wanted!r}", step.at)


AZURE_CLI = Task(
    _azure_cli,
    (
        "azureSubscription",
        "connectedServiceNameARM",
        "scriptType",
        "scriptLocation",
        "scriptPath",
        "inlineScript",
        "arguments",
        "scriptArguments",
        "powerShellErrorActionPreference",
        "addSpnToEnvironment",
        "useGlobalConfig",
        "workingDirectory",
        "cwd",
        "failOnStandardError",
        "powerShellIgnoreLASTEXITCODE",
        "visibleAzLogin",
        "keepAzSessionActive",
    ),
    connection_inputs=("azuresubscription", "connectedservicenamearm"),
    check=_check,
)
