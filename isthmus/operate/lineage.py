"""Where a version came from and where it went: from it, or back from a prediction, a run, a commit or data.

All of it is read where AWS and Azure DevOps keep it: the versions' metadata, their manifests of data, what
was captured, and runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from isthmus import names
from isthmus.config import STAGES, Platform, Stage
from isthmus.errors import BadInput, NotFound
from isthmus.operate import captures, endpoints, registry
from isthmus.operate.accounts import Accounts
from isthmus.operate.captures import Capture, Captured
from isthmus.operate.data_objects import DataObject, read
from isthmus.operate.devops import Said
from isthmus.operate.endpoints import Endpoint
from isthmus.operate.registry import Version
from isthmus.serving import variants_of


@dataclass(frozen=True)
class Deployment:
    """A version at a stage: the Azure run that brought it there, who let it pass, and whether it runs now.

    `at` is when it was deployed last, and `until` when another took its place.
    """

    stage: Stage
    run_id: str
    endpoint: str
    running: bool
    passed_by: str = ""
    passed_at: str = ""
    url: str = ""
    at: str = ""
    until: str = ""
    # What it answered there, as far as the registry records through which configurations.
    predictions: tuple[Captured, ...] = ()


@dataclass(frozen=True)
class Lineage:
    """`origin` holds what the build recorded: commit, repository, run, data version, execution, ..."""

    version: Version
    origin: dict[str, str]
    deployments: list[Deployment]
    data: list[DataObject]
    capture: Capture | None = None


ORIGIN = {
    "commit": "commit",
    "repository": "repository",
    "run_id": "build run",
    "reason": "built because of",
    "correlation_id": "correlation id",
    "data_version": "data version",
    "data_manifest": "data manifest",
    "data_set": "data set that landed",
    "evaluation_uri": "evaluation",
    "baseline_uri": "baseline",
}
"""What the build records in the registry, and what people call it."""
# A pipeline parameter cannot be empty, so this is recorded where there was nothing to record.
NONE = "none"


def of_version(accounts: Accounts, model: str, wanted: str | None, said: Said) -> Lineage:
    """The lineage of a version of that number or ARN, or of the newest."""
    found = registry.find(accounts.client("automation", "sagemaker"), model, wanted)
    return _Tracing.begin(accounts, model, said).of(found)


def of_commit(accounts: Accounts, model: str, commit: str, said: Said) -> list[Lineage]:
    """The lineages of all versions built from that commit, the newest first. Raises `NotFound`."""
    if not re.fullmatch(r"[0-9a-f]{6,40}", commit.lower()):
        raise BadInput(f"{commit!r} is no commit", todo="give six of its digits or more")
    return _where(
        accounts,
        model,
        said,
        lambda one: one.version.metadata.get("commit", "").startswith(commit.lower()),
        f"no version of {model} was built from commit {commit}",
    )


def of_data(accounts: Accounts, model: str, wanted: str, said: Said) -> list[Lineage]:
    """The lineages of all versions that learned from these data, the newest first. Raises `NotFound`.

    They are a data version, a data set (`NAME@VERSION`), or a file: its S3 URI (with `?versionId=` of just
    that version), its path in the repository, or its SHA-256.
    """

    def meant(one: Lineage) -> bool:
        named = {one.version.metadata.get(key) for key in ("data_version", "data_set")}
        return wanted in named or any(each.is_meant(wanted) for each in one.data)

    return _where(accounts, model, said, meant, f"no version of {model} learned from {wanted}")


def of_run(accounts: Accounts, model: str, run: str, said: Said) -> list[Lineage]:
    """The lineages of all versions that a run built, or deployed last to a stage. Raises `NotFound`."""
    if not run.isdecimal():
        raise BadInput(f"{run!r} is no run", todo="give its number, such as 51")
    keys = ("run_id", *(f"{stage}_run_id" for stage in STAGES))
    return _where(
        accounts,
        model,
        said,
        lambda one: run in [one.version.metadata.get(key) for key in keys],
        f"run {run} has built or deployed no version of {model}",
    )


def _where(
    accounts: Accounts, model: str, said: Said, meant: Callable[[Lineage], bool], none: str
) -> list[Lineage]:
    tracing = _Tracing.begin(accounts, model, said)
    found = [one for one in map(tracing.of, tracing.versions) if meant(one)]
    if not found:
        raise NotFound(none, todo=f"see what there is: isthmus models {model}")
    return found


def of_prediction(accounts: Accounts, model: str, stage: Stage, inference_id: str, said: Said) -> Lineage:
    """The lineage of the version that gave one captured prediction. Raises `NotFound`."""
    account = getattr(accounts.platform.accounts, stage)
    capture = captures.find(accounts.client(stage, "s3"), accounts.platform, model, account, inference_id)
    tracing = _Tracing.begin(accounts, model, said)
    answered = _that_answered(accounts, model, stage, capture, tracing.versions)
    return replace(tracing.of(answered), capture=capture)


def _that_answered(
    accounts: Accounts, model: str, stage: Stage, capture: Capture, recorded: Sequence[Version]
) -> Version:
    """The version behind the variant that answered, also where its configuration has been deleted."""
    config = capture.endpoint_config
    for version in recorded:
        if version.metadata.get(f"{stage}_compared_config") == config:
            champion = version.metadata.get(f"{stage}_compared_with", "")
            number = str(version.number) if capture.variant == names.CHALLENGER else champion
            return next((one for one in recorded if str(one.number) == number), version)
        if version.metadata.get(f"{stage}_endpoint_config") == config:
            return version
    serving = accounts.client(stage, "sagemaker")
    try:
        arn = variants_of(serving, config)[capture.variant]
    except serving.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        raise NotFound(
            f"the endpoint configuration {capture.endpoint_config} that answered is there no more, and no "
            "version says that it was its own",
            where=capture.uri,
        ) from None
    return registry.find(accounts.client("automation", "sagemaker"), model, arn)


@dataclass(frozen=True)
class _Tracing:
    """What is asked once for all versions of a model: what runs now, and what was deployed when."""

    accounts: Accounts
    said: Said
    versions: list[Version]
    running: Mapping[Stage, Endpoint]

    @classmethod
    def begin(cls, accounts: Accounts, model: str, said: Said) -> _Tracing:
        versions = registry.versions(accounts.client("automation", "sagemaker"), model)
        running = {
            stage: endpoints.find(accounts.client(stage, "sagemaker"), model, stage) for stage in STAGES
        }
        return cls(accounts, said, versions, running)

    def of(self, version: Version) -> Lineage:
        recorded = {label: version.metadata.get(key, "") for key, label in ORIGIN.items()}
        origin = {label: value for label, value in recorded.items() if value not in ("", NONE)}
        if version.execution:
            origin["execution"] = version.execution
        found = [self._deployment(version, stage) for stage in STAGES]
        try:
            data = read(self.accounts.client("automation", "s3"), version.metadata.get("data_manifest", ""))
        except BadInput as problem:
            # A job wrote it: one that is odd hides neither its version nor the others.
            origin["data unreadable"], data = problem.what, []
        return Lineage(version, origin, [one for one in found if one], data)

    def _deployment(self, version: Version, stage: Stage) -> Deployment | None:
        run_id, running = version.metadata.get(f"{stage}_run_id", ""), self.running[stage]
        here = running.runs(version.arn)
        if not run_id and not here:
            return None
        run = self.said.run(run_id)
        asked = self.said.asked and not self.said.problem and stage == "prod" and run_id
        passed = _passed(self.accounts.platform, int(run_id)) if asked else ("", "")
        return Deployment(
            stage,
            run_id,
            running.name,
            here,
            *passed,
            url=run.url if run else "",
            at=version.metadata.get(f"{stage}_at", ""),
            until="" if here else self._until(version, stage),
            predictions=tuple(self._predictions(version, stage)),
        )

    def _predictions(self, version: Version, stage: Stage) -> Iterator[Captured]:
        """By its own configuration; and by those of comparisons, as the new version or beside one."""
        through = [(version.metadata.get(f"{stage}_endpoint_config"), names.VARIANT)]
        through.append((version.metadata.get(f"{stage}_compared_config"), names.CHALLENGER))
        through += [
            (one.metadata.get(f"{stage}_compared_config"), names.VARIANT)
            for one in self.versions
            if one.metadata.get(f"{stage}_compared_with") == str(version.number)
        ]
        platform = self.accounts.platform
        account, s3 = getattr(platform.accounts, stage), self.accounts.client(stage, "s3")
        for config, variant in dict.fromkeys(through):
            found = config and captures.by_variant(s3, platform, version.model, account, config, variant)
            if found:
                yield found

    def _until(self, version: Version, stage: Stage) -> str:
        """When the next version was deployed to the stage; empty where nobody wrote that down."""
        key = f"{stage}_at"
        since = version.metadata.get(key)
        later = [one.metadata[key] for one in self.versions if key in one.metadata]
        return min((at for at in later if since and at > since), default="")


def _passed(platform: Platform, run: int) -> tuple[str, str]:
    """Who let the run pass to prod, and when."""
    from isthmus.azure import approvals
    from isthmus.azure.client import connect

    return approvals.passed(connect(platform), run)


def job_seconds(sagemaker: Any, execution: str) -> dict[str, float]:
    """How long each job of an execution took, by its step; nothing where it is not known any more."""
    if not execution:
        return {}
    pages = sagemaker.get_paginator("list_pipeline_execution_steps")
    try:
        steps = [
            step
            for page in pages.paginate(PipelineExecutionArn=execution, SortOrder="Ascending")
            for step in page["PipelineExecutionSteps"]
        ]
    except sagemaker.exceptions.ClientError:
        return {}
    return {
        step["StepName"]: (step["EndTime"] - step["StartTime"]).total_seconds()
        for step in steps
        if "EndTime" in step and {"ProcessingJob", "TrainingJob"} & set(step.get("Metadata", {}))
    }
