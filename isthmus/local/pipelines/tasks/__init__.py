"""The built-in tasks that run here, by reference: their inputs, and what they do."""

from __future__ import annotations

from isthmus.errors import did_you_mean
from isthmus.local.pipelines.nodes import broken
from isthmus.local.pipelines.plan import Plan, Step
from isthmus.local.pipelines.problems import Notes
from isthmus.local.pipelines.tasks import (
    artifacts,
    azure_cli,
    cache,
    checkout,
    coverage,
    files,
    manual_validation,
    node,
    python,
    rest_api,
    results,
    shell,
)
from isthmus.local.pipelines.tasks.task import Task

TASKS: dict[str, Task] = {
    "checkout": checkout.CHECKOUT,
    "download": artifacts.DOWNLOAD_SHORTHAND,
    "Bash@3": shell.BASH,
    "CmdLine@2": shell.COMMAND_LINE,
    "PowerShell@2": shell.POWERSHELL,
    "PythonScript@0": python.PYTHON_SCRIPT,
    "UsePythonVersion@0": python.USE_PYTHON_VERSION,
    "AzureCLI@2": azure_cli.AZURE_CLI,
    "PublishPipelineArtifact@0": artifacts.PUBLISH_0,
    "PublishPipelineArtifact@1": artifacts.PUBLISH,
    "DownloadPipelineArtifact@1": artifacts.DOWNLOAD_1,
    "DownloadPipelineArtifact@2": artifacts.DOWNLOAD,
    "PublishBuildArtifacts@1": artifacts.PUBLISH_BUILD,
    "DownloadBuildArtifacts@0": artifacts.DOWNLOAD_BUILD,
    "DownloadBuildArtifacts@1": artifacts.DOWNLOAD_BUILD,
    "PublishTestResults@2": results.PUBLISH_TEST_RESULTS,
    "PublishCodeCoverageResults@1": coverage.COVERAGE,
    "PublishCodeCoverageResults@2": coverage.COVERAGE,
    "CopyFiles@2": files.COPY_FILES,
    "DeleteFiles@1": files.DELETE_FILES,
    "Cache@2": cache.CACHE,
    "NodeTool@0": node.USE_NODE,
    "UseNode@1": node.USE_NODE,
    "InvokeRESTAPI@1": rest_api.INVOKE_REST_API,
    "ManualValidation@0": manual_validation.MANUAL_VALIDATION,
    "ManualValidation@1": manual_validation.MANUAL_VALIDATION,
}
_BY_NAME = {name.lower(): task for name, task in TASKS.items()}


def find(reference: str) -> Task | None:
    return _BY_NAME.get(reference.lower())


def connections(step: Step) -> list[str]:
    """The names of service connections that a step uses, as they are written."""
    task = find(step.task)
    names = task.connection_inputs if task else ()
    return [text for key, text in step.inputs.items() if key.lower() in names and text]


def refuse_unsupported(plan: Plan) -> None:
    """Raise `BadInput` for every task, input and job that cannot run here; nothing has run yet."""
    notes = Notes()
    for stage in plan.stages:
        for job in stage.jobs:
            if job.container:
                notes.note(broken("jobs in containers do not run here", job.at))
            for step in (step for step in job.all_steps() if step.enabled != "false"):
                with notes.noting():
                    _refuse(step, agentless=job.is_agentless)
    notes.settle()


def _refuse(step: Step, *, agentless: bool) -> None:
    if step.container:
        raise broken(f"steps in containers do not run here: {step.container!r}", step.at)
    task = find(step.task)
    if task is None:
        raise broken(
            f"the task {step.task} does not run here{did_you_mean(step.task, TASKS)}",
            step.at,
            f"leave it out: --without {step.task}; or run the pipeline in Azure DevOps",
        )
    if task.agentless != agentless:
        where = (
            "only in a job with `pool: server`" if task.agentless else "on an agent, and not on the server"
        )
        raise broken(f"the task {step.task} runs {where}", step.at)
    known = {one.lower() for one in task.inputs}
    for key in step.inputs:
        if key.lower() not in known:
            raise broken(
                f"{step.task} has no input {key!r}{did_you_mean(key, task.inputs)}",
                step.input_places.get(key, step.at),
            )
    for name in task.required:
        names = {name.lower(), *(alias.lower() for alias in task.aliases.get(name, ()))}
        if not any(key.lower() in names and text for key, text in step.inputs.items()):
            raise broken(f"{step.task} needs the input {name!r}", step.at)
    if task.check is not None:
        task.check(step)
