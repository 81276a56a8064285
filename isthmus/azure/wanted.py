"""What a platform needs in Azure DevOps, computed from platform.yaml alone: nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from isthmus import names
from isthmus.azure.bits import CHANGE
from isthmus.azure.guarded import ACCOUNTS, checks
from isthmus.azure.resources import (
    Authorization,
    BuildValidation,
    Connection,
    Denial,
    Environment,
    FileReviewers,
    Grant,
    JobRight,
    MinimumReviewers,
    Pipeline,
    PipelineDenial,
    Policy,
    Repository,
    RequiredReviewers,
    Setting,
    VariableGroup,
    Wanted,
)
from isthmus.config import STAGES, Platform
from isthmus.errors import BadInput, did_you_mean

T = TypeVar("T")
# Of the namespace Build: view builds, queue builds, view the pipeline, and say what a free parameter is
# (Edit queue build configuration); and update what builds say.
# https://learn.microsoft.com/azure/devops/pipelines/policies/permissions
QUEUE, TELL = 1 | 128 | 1024 | 65536, 64
# And retain builds indefinitely: to add and to free leases on them, and not to delete any.
RETAIN = 4
# To see what waits for approval is to view the builds that wait.
SEE = 1 | 1024
# The file of a pull request's checks, in a team's repository.
CHECK = "/azure-pipelines.pull-request.yml"
# Of the namespace Git Repositories: read; contribute and make branches; comment on pull requests.
READ, PUSH, COMMENT = 2, 4 | 16, 16384
# https://learn.microsoft.com/azure/devops/pipelines/security/inputs#limit-variables-that-can-be-set-at-queue-time
# https://learn.microsoft.com/azure/devops/pipelines/security/secure-access-to-repos
# Not enforceReferencedRepoScopedToken: the audit's job reads repositories that its file cannot name.
SETTINGS = (
    Setting("enforceJobAuthScope", "a job's token does not leave the project"),
    Setting("enforceJobAuthScopeForReleases", "a classic release's token does not leave the project"),
    Setting("enforceSettableVar", "a run sets no variable but those that its pipeline lets it set"),
)


def wanted(platform: Platform, callback: str = "") -> Wanted:
    """All of it, each thing once, in an order in which it can be made.

    `callback` is the URL of the bridge's HTTPS route, which only the automation account knows; without it
    there is nothing that leads there.
    """
    pipelines = _once(_pipelines(platform))
    return Wanted(
        project=platform.azure.project,
        settings=SETTINGS,
        retention_days=platform.azure.retention_days,
        repositories=_once(_repositories(platform)),
        pipelines=pipelines,
        environments=tuple(_environments(platform)),
        connections=(*_once(_connections(platform)), *_callback(platform, callback)),
        variable_groups=tuple(_variable_groups(platform)),
        checks=tuple(checks(platform)),
        authorizations=(
            *_authorizations(platform),
            *_calling(platform, callback),
            *_reading_variables(platform),
        ),
        policies=_once(_policies(platform)),
        grants=_once(_grants(platform)),
        pipeline_denials=tuple(PipelineDenial(one.name, CHANGE) for one in pipelines),
        job_rights=_once(_job_rights(platform)),
        denials=tuple(_denials(platform)),
    )


def _once(found: Iterator[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(found))


def _repositories(platform: Platform) -> Iterator[Repository]:
    yield Repository(names.PLATFORM_REPOSITORY, "platform", ours=True)
    for model in platform.models:
        yield Repository(model.build_repository, "model-build")
        yield Repository(model.deploy_repository, "model-deploy")


def _pipelines(platform: Platform) -> Iterator[Pipeline]:
    ours = names.PLATFORM_REPOSITORY
    yield Pipeline(names.INFRASTRUCTURE_PIPELINE, ours, "/azure-pipelines/infrastructure.yml")
    yield Pipeline(names.PLATFORM_PULL_REQUEST_PIPELINE, ours, "/azure-pipelines/pull-request.yml")
    for model in platform.models:
        build, deploy = model.build_repository, model.deploy_repository
        yield Pipeline(names.build_pipeline(model.name), build, "/azure-pipelines.yml")
        yield Pipeline(names.pull_request_pipeline(model.name), build, CHECK)
        yield Pipeline(names.deploy_pipeline(model.name), deploy, "/azure-pipelines.yml")
        yield Pipeline(names.deploy_check_pipeline(model.name), deploy, CHECK)


def _environments(platform: Platform) -> Iterator[Environment]:
    for stage in STAGES:
        yield Environment(stage, f"The AWS account for {stage}: deployed to by the deploy pipelines only.")
    for account in ACCOUNTS:
        name = names.infrastructure_environment(account)
        yield Environment(
            name, f"The stacks of the {account} account: deployed by the pipeline for them only."
        )


def _connections(platform: Platform) -> Iterator[Connection]:
    client = platform.azure.connection_client_id
    for account in ACCOUNTS:
        number = getattr(platform.accounts, account) or "an account that is not there yet"
        deploys, looks = names.infrastructure_role(platform), names.drift_role(platform)
        yield Connection(
            names.infrastructure_connection(platform, account),
            f"{account}: enters AWS as {deploys} in {number}",
            client,
        )
        yield Connection(
            names.drift_connection(platform, account), f"{account}: enters AWS as {looks} in {number}", client
        )
    audits, automation = names.audit_role(platform), platform.accounts.automation
    about = f"audit: enters AWS as {audits} in {automation}"
    yield Connection(names.audit_connection(platform), about, client)
    for model in platform.models:
        yield from _model_connections(platform, model.name)


def _callback(platform: Platform, url: str) -> Iterator[Connection]:
    if url:
        about = "Where jobs without an agent say which execution of SageMaker they wait for"
        yield Connection(names.callback_connection(platform), about, url=url)


def _calling(platform: Platform, url: str) -> Iterator[Authorization]:
    if url:
        builds = tuple(names.build_pipeline(model.name) for model in platform.models)
        yield Authorization("endpoint", names.callback_connection(platform), builds, only=True)


def _variable_groups(platform: Platform) -> Iterator[VariableGroup]:
    for one in platform.azure.variable_groups:
        yield VariableGroup(one.name, one.description, tuple(one.values.items()))


def _reading_variables(platform: Platform) -> Iterator[Authorization]:
    known = [one.name for one in _pipelines(platform)]
    for at, one in enumerate(platform.azure.variable_groups):
        for name in one.pipelines:
            if name not in known:
                raise BadInput(
                    f"variable group {one.name}: no pipeline {name!r}{did_you_mean(name, known)}",
                    where=f"platform.yaml, azure.variable_groups.{at}.pipelines",
                    todo=f"apply makes {', '.join(known)}",
                )
        yield Authorization("variablegroup", one.name, tuple(one.pipelines), only=True)


def _model_connections(platform: Platform, model: str) -> Iterator[Connection]:
    automation, client = platform.accounts.automation, platform.client_of(model)
    deploy = names.deploy_role(platform, model)
    enters = {
        names.build_connection(platform, model): (names.build_role(platform, model), automation),
        names.synth_connection(platform, model): (names.synth_role(platform, model), automation),
    } | {
        names.deploy_connection(platform, model, stage): (deploy, getattr(platform.accounts, stage))
        for stage in STAGES
    }
    for name, (role, account) in enters.items():
        yield Connection(name, f"{model}: enters AWS as {role} in {account}", client)


def _authorizations(platform: Platform) -> Iterator[Authorization]:
    every, deploys = [names.INFRASTRUCTURE_PIPELINE], []
    audit = names.audit_connection(platform)
    yield Authorization("endpoint", audit, (names.INFRASTRUCTURE_PIPELINE,), only=True)
    for account in ACCOUNTS:
        yield from _to_infrastructure(platform, account)
    for model in platform.models:
        build, deploy = names.build_pipeline(model.name), names.deploy_pipeline(model.name)
        every += [build, names.pull_request_pipeline(model.name), deploy]
        every.append(names.deploy_check_pipeline(model.name))
        deploys.append(deploy)
        owned = {
            names.build_connection(platform, model.name): build,
            names.synth_connection(platform, model.name): deploy,
        } | {names.deploy_connection(platform, model.name, stage): deploy for stage in STAGES}
        for connection, pipeline in owned.items():
            yield Authorization("endpoint", connection, (pipeline,), only=True)
    for stage in STAGES:
        yield Authorization("environment", stage, tuple(deploys), only=True)
    yield Authorization("repository", names.PLATFORM_REPOSITORY, tuple(every))


def _to_infrastructure(platform: Platform, account: str) -> Iterator[Authorization]:
    only = (names.INFRASTRUCTURE_PIPELINE,)
    for name in (
        names.infrastructure_connection(platform, account),
        names.drift_connection(platform, account),
    ):
        yield Authorization("endpoint", name, only, only=True)
    yield Authorization("environment", names.infrastructure_environment(account), only, only=True)


def _policies(platform: Platform) -> Iterator[Policy]:
    """What main of each repository asks for.

    A check's file is the pull request's own, and passes as it says there: approvers agree to another one.
    Jobs may comment on pull requests, and who may comment may vote: so one of those who agree is no job.
    """
    ours = names.PLATFORM_REPOSITORY
    yield BuildValidation(ours, names.PLATFORM_PULL_REQUEST_PIPELINE)
    yield RequiredReviewers(ours, tuple(platform.azure.approvers))
    for model in platform.models:
        yield BuildValidation(model.build_repository, names.pull_request_pipeline(model.name))
        yield RequiredReviewers(model.build_repository, (names.contributors(platform),))
        yield BuildValidation(model.deploy_repository, names.deploy_check_pipeline(model.name))
        for name in (model.build_repository, model.deploy_repository):
            yield FileReviewers(name, tuple(platform.azure.approvers), CHECK)
    for repository in _once(_repositories(platform)):
        yield MinimumReviewers(repository.name)


def _job_rights(platform: Platform) -> Iterator[JobRight]:
    """A pull request's code is nobody's yet: in a team's repository its job only comments."""
    ours, folder = names.PLATFORM_REPOSITORY, names.PROPOSALS
    opens = f"open pull requests, and push no branch but those of {folder}/,"
    yield JobRight("repository", ours, READ | COMMENT, opens, denied=PUSH)
    # What is said of a folder of branches goes before what is said of the repository.
    # https://learn.microsoft.com/azure/devops/repos/git/require-branch-folders
    yield JobRight("repository", ours, PUSH, f"push branches of {folder}/", folder=folder)
    for model in platform.models:
        yield JobRight("repository", model.build_repository, READ | COMMENT, "comment on pull requests")
        for pipeline in (names.build_pipeline(model.name), names.deploy_pipeline(model.name)):
            yield JobRight("pipeline", pipeline, RETAIN, "keep runs")


def _denials(platform: Platform) -> Iterator[Denial]:
    """Administrators are left: somebody has to be able to mend what a policy blocks."""
    for repository in _once(_repositories(platform)):
        yield Denial(repository.name, names.contributors(platform))
        yield Denial(repository.name, "")


def _grants(platform: Platform) -> Iterator[Grant]:
    yield Grant(platform.azure.bridge_client_id, names.INFRASTRUCTURE_PIPELINE, SEE, "see the runs of")
    for model in platform.models:
        yield Grant(platform.azure.bridge_client_id, names.deploy_pipeline(model.name), QUEUE)
        yield Grant(platform.azure.bridge_client_id, names.build_pipeline(model.name), QUEUE | TELL)
