"""What our pipeline YAML compiles to: stages, gates, identities, and no parameter in any script."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from isthmus import names
from isthmus.config import STAGES, AccountRole, read_platform
from isthmus.errors import BadInput
from isthmus.local.pipelines.compiler import compile_pipeline
from isthmus.local.pipelines.folders import FolderSources
from isthmus.local.pipelines.host import Request
from isthmus.local.pipelines.plan import Plan, Step
from isthmus.local.pipelines.rendering import final_yaml
from isthmus.local.pipelines.tasks import connections, refuse_unsupported

ROOT = Path(__file__).parents[2]
PLATFORM = read_platform(ROOT / "platform.yaml")
MODEL = PLATFORM.models[0].name
MERGED = "See that the commit is merged"
# Macros and expressions are refused: tests/azure/attacks/test_macros.py.
HOSTILE = "x'\"; touch /tmp/owned; `id` $HOME"
BUILD = ("model-build", "azure-pipelines.yml", names.build_pipeline(MODEL))
PULL_REQUEST = ("model-build", "azure-pipelines.pull-request.yml", names.pull_request_pipeline(MODEL))
DEPLOY = ("model-deploy", "azure-pipelines.yml", names.deploy_pipeline(MODEL))
DEPLOY_CHECK = ("model-deploy", "azure-pipelines.pull-request.yml", names.deploy_check_pipeline(MODEL))
INFRASTRUCTURE = (".", "azure-pipelines/infrastructure.yml", "infrastructure")
OWN_PULL_REQUEST = (".", "azure-pipelines/pull-request.yml", "pull-request")
ALL = (BUILD, PULL_REQUEST, DEPLOY, DEPLOY_CHECK, INFRASTRUCTURE, OWN_PULL_REQUEST)
ACCOUNTS = get_args(AccountRole)


def compiled(file: tuple[str, str, str], **parameters: str) -> Plan:
    folder, path, pipeline = file
    sources = FolderSources({"self": ROOT / folder, "platform": ROOT})
    request = Request(parameters=parameters, predefined={"Build.DefinitionName": pipeline})
    return compile_pipeline(path, sources, request)


def required(file: tuple[str, str, str], value: str = "arn:aws:sagemaker:x") -> dict[str, str]:
    return {"modelPackageArn": value} if file is DEPLOY else {}


def steps(plan: Plan) -> list[Step]:
    return [step for stage in plan.stages for job in stage.jobs for step in job.all_steps()]


@pytest.mark.parametrize("file", ALL, ids=lambda file: file[2])
def test_each_pipeline_compiles_and_can_run_here(file: tuple[str, str, str]) -> None:
    plan = compiled(file, **required(file))
    refuse_unsupported(plan)
    assert plan.warnings == ()


@pytest.mark.parametrize("file", ALL, ids=lambda file: file[2])
def test_every_gate_and_stage_stays(file: tuple[str, str, str]) -> None:
    assert all(not stage.is_skippable for stage in compiled(file, **required(file)).stages)


def test_the_deploy_pipeline_goes_from_synthesis_over_staging_to_prod() -> None:
    plan = compiled(DEPLOY, **required(DEPLOY))
    assert [(stage.name, stage.depends_on) for stage in plan.stages] == [
        ("build", ()),
        ("staging", ("build",)),
        ("prod", ("staging",)),
    ]
    assert [stage.lock_behavior for stage in plan.stages] == ["", "sequential", "sequential"]
    for stage in STAGES:
        (job,) = plan.stage(stage).jobs
        used = {name for step in job.all_steps() for name in connections(step)}
        assert job.environment == stage
        assert used == {names.deploy_connection(PLATFORM, MODEL, stage)}


def test_each_pipeline_enters_aws_as_itself() -> None:
    used = {name for step in steps(compiled(BUILD)) for name in connections(step)}
    assert used == {names.build_connection(PLATFORM, MODEL), names.callback_connection(PLATFORM)}
    (build, *_) = compiled(DEPLOY, **required(DEPLOY)).stages
    used = {name for job in build.jobs for step in job.all_steps() for name in connections(step)}
    assert used == {names.synth_connection(PLATFORM, MODEL)}
    plan = compiled(INFRASTRUCTURE)
    for account in ACCOUNTS:
        assert used_in(plan, account) == {names.infrastructure_connection(PLATFORM, account)}
    assert used_in(plan, "drift") == {names.drift_connection(PLATFORM, account) for account in ACCOUNTS}
    assert used_in(plan, "audit") == {names.audit_connection(PLATFORM)}
    assert used_in(plan, "synth") == used_in(plan, "add") == set()


def used_in(plan: Plan, stage: str) -> set[str]:
    return {name for job in plan.stage(stage).jobs for step in job.all_steps() for name in connections(step)}


def test_the_check_of_a_deploy_repository_has_no_credential_and_knows_its_model() -> None:
    plan = compiled(DEPLOY_CHECK)
    assert [name for step in steps(plan) for name in connections(step)] == []
    assert "System.AccessToken" not in final_yaml(plan)
    check = next(step for step in steps(plan) if step.display_name == "Check")
    assert dict(check.env)["MODEL"] == MODEL


@pytest.mark.parametrize("file", [PULL_REQUEST, OWN_PULL_REQUEST], ids=lambda file: file[2])
def test_a_pull_request_has_no_credential_of_a_cloud(file: tuple[str, str, str]) -> None:
    plan = compiled(file)
    assert [name for step in steps(plan) for name in connections(step)] == []
    trusted = [step.display_name for step in steps(plan) if "System.AccessToken" in str(step.env)]
    assert trusted == TRUSTED[file]
    assert final_yaml(plan).count("System.AccessToken") == len(trusted)


TRUSTED = {
    PULL_REQUEST: ["Compare with prod", "Say so on the pull request"],
    OWN_PULL_REQUEST: ["Say so on the pull request"],
}


@pytest.mark.parametrize("file", TRUSTED, ids=lambda file: file[2])
def test_no_job_of_a_pull_request_has_both_its_code_and_the_token(file: tuple[str, str, str]) -> None:
    """A process of the job could read what another of its steps was given."""
    checks, tell = compiled(file).stages[0].jobs
    assert "System.AccessToken" not in str(checks)
    assert tell.depends_on == (checks.name,)
    first, *rest = list(tell.all_steps())
    scripts = [step.inputs.get("script", "") for step in tell.all_steps()]
    if file is OWN_PULL_REQUEST:
        # Nothing runs before the request's files are gone, and main's are there.
        _, second, *rest = [first, *rest]
        assert second.inputs["script"] == "git checkout --quiet --force --detach HEAD^1"
        scripts.remove(second.inputs["script"])
    installs = [step.inputs.get("scriptPath", "") for step in rest if step.task == "PythonScript@0"]
    folder = "/platform" if file is PULL_REQUEST else ""
    assert installs == [f"$(Build.SourcesDirectory){folder}/azure-pipelines/steps/install.py"]
    said = [text.split()[:3] for text in scripts if text]
    assert {words[0] for words in said} == {"isthmus"}
    assert not {"sample", "run", "check"} & {word for words in said for word in words}


def test_the_teams_files_extend_the_platforms_templates() -> None:
    for file, template in (
        (BUILD, "azure-pipelines/model-build.yml"),
        (PULL_REQUEST, "azure-pipelines/model-pull-request.yml"),
        (DEPLOY, "azure-pipelines/model-deploy.yml"),
        (DEPLOY_CHECK, "azure-pipelines/model-deploy-pull-request.yml"),
    ):
        ((_, _, ref, path),) = compiled(file, **required(file)).extends
        assert (ref, path) == ("refs/heads/main", template)


@pytest.mark.parametrize(
    ("file", "parameters"),
    [
        (BUILD, ("correlationId", "triggerKey", "dataSet")),
        (DEPLOY, ("modelPackageArn", "approvalKey", "correlationId")),
        (INFRASTRUCTURE, ("name", "owner", "team", "scientists")),
    ],
    ids=["build", "deploy", "infrastructure"],
)
def test_no_parameter_reaches_a_script(file: tuple[str, str, str], parameters: tuple[str, ...]) -> None:
    plan = compiled(file, **{**required(file), **dict.fromkeys(parameters, HOSTILE)})
    for step in steps(plan):
        for name, text in step.inputs.items():
            assert "touch /tmp/owned" not in text, f"{step.at}: {name}"
        assert "touch /tmp/owned" not in step.condition


def test_scripts_quote_every_variable_and_use_no_macro() -> None:
    import re

    for file in ALL:
        for step in steps(compiled(file, **required(file))):
            for name in ("script", "inlineScript"):
                text = step.inputs.get(name, "")
                if step.task != "PythonScript@0":
                    assert "$(" not in text, f"{step.at}: pass it through env"
                    assert not re.search(r'(?<!["\w/])\$\w', text), f"{step.at}: quote it"


def test_a_reason_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BadInput, match="'retrian' is not a value of the parameter 'reason'; did you mean"):
        compiled(BUILD, reason="retrian")


def test_a_version_must_be_named() -> None:
    with pytest.raises(BadInput, match="required parameter has no value: modelPackageArn"):
        compiled(DEPLOY)


def test_the_model_is_the_one_that_the_pipeline_is_called_after() -> None:
    plan = compiled((*DEPLOY[:2], "my-deploy-deploy"), **required(DEPLOY))
    used = {name for step in steps(plan) for name in connections(step)}
    assert "isthmus-my-deploy-synth" in used


def test_the_accounts_are_deployed_one_after_the_other_and_only_from_main() -> None:
    plan = compiled(INFRASTRUCTURE)
    assert [stage.name for stage in plan.stages] == ["synth", *ACCOUNTS, "drift", "audit", "add"]
    assert [plan.stage(account).depends_on for account in ACCOUNTS] == [
        ("synth",),
        ("synth", "management"),
        ("dev",),
        ("automation",),
        ("staging",),
    ]
    for account in ACCOUNTS:
        (job,) = plan.stage(account).jobs
        assert job.environment == names.infrastructure_environment(account)
        assert plan.stage(account).lock_behavior == "sequential"
    assert all("refs/heads/main" in plan.stage(name).condition for name in (*ACCOUNTS, "drift", "audit"))


def test_a_build_holds_no_agent_while_sagemaker_trains() -> None:
    (stage,) = compiled(BUILD).stages
    jobs = {job.name: job for job in stage.jobs}
    assert [name for name, job in jobs.items() if job.is_agentless] == ["wait"]
    assert "build start" in str(jobs["start"].steps) and "build finish" in str(jobs["finish"].steps)
    # Azure DevOps gives a job of an agent an hour, and a callback three days.
    assert {job.timeout_minutes for job in jobs.values()} == {"60", "4320"}
    (asked,) = jobs["wait"].steps
    assert asked.inputs["waitForCompletion"] == "true"
    # Only that step has the job's token, and what asks git whether the commit is merged.
    merged = sum(step.display_name == MERGED for step in steps(compiled(BUILD)))
    assert (final_yaml(compiled(BUILD)).lower().count("system.accesstoken"), merged) == (1 + 3, 3)
    assert jobs["stop"].condition == "canceled()"


@pytest.mark.parametrize("file", [BUILD, DEPLOY, INFRASTRUCTURE], ids=lambda file: file[2])
def test_each_job_that_enters_aws_first_sees_that_its_commit_is_merged(file: tuple[str, str, str]) -> None:
    plan = compiled(file, **required(file))
    jobs = [job for stage in plan.stages for job in stage.jobs if not job.is_agentless]
    entering = [job for job in jobs if any(connections(step) for step in job.all_steps())]
    assert entering and all(next(iter(job.all_steps())).display_name == MERGED for job in entering)


def test_no_file_that_extends_the_infrastructures_template_steers_its_steps() -> None:
    """A step's environment is its variables, and the file that is run may be anybody's."""
    for template in ("model-build.yml", "model-deploy.yml", "stages/infrastructure.yml"):
        assert "\nvariables:\n" in (ROOT / "azure-pipelines" / template).read_text()
