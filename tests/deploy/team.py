"""A team that deploys its model into deployed accounts, each step as the identity that takes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from click.testing import CliRunner, Result

from isthmus import names
from isthmus.cli import isthmus
from isthmus.config import Platform, Stage
from isthmus.local import image
from tests.deploy.conftest import REPOSITORY
from tests.deploy.versions import MODEL, Version
from tests.infra.conftest import Cloud
from tests.local.conftest import ACCOUNTS, AUTOMATION, REGION, ROOT_SECRET

KEYS = {"AccessKeyId": "AWS_ACCESS_KEY_ID", "SecretAccessKey": "AWS_SECRET_ACCESS_KEY"}


@dataclass(frozen=True)
class Team:
    """The deploy repository, its pipeline's identities, and the versions that it deploys."""

    cloud: Cloud
    platform: Platform
    repository: Path
    image: str
    model: str = MODEL

    def registered(self, version: Version, folder: Path) -> str:
        s3, sagemaker = (self.cloud.aws.client(name, AUTOMATION) for name in ("s3", "sagemaker"))
        return version.register(s3, sagemaker, self.platform, self.image, folder, self.model)

    def approve(self, arn: str, verdict: str = "Approved") -> None:
        role = names.approver_role(self.platform)
        sagemaker = self.cloud.client("sagemaker", self.cloud.person(AUTOMATION, role))
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=verdict)

    def synth(self, arn: str, output: Path, *more: str) -> Result:
        return self._run(
            self._connection(
                AUTOMATION,
                names.synth_role(self.platform, self.model),
                names.synth_connection(self.platform, self.model),
            ),
            ["deploy", "synth", "--model-package-arn", arn, "--output", str(output), *more],
        )

    def apply(self, assembly: Path, stage: Stage, run: str, *more: str) -> Result:
        words = ["deploy", "apply", "--stage", stage, "--assembly", str(assembly), "--run-id", run]
        return self._run(self.deployer(stage), [*words, *more])

    def gate(self, assembly: Path, stage: Stage, results: Path, *only: str) -> Result:
        words = ["gate", "run", "--stage", stage, "--assembly", str(assembly), "--results", str(results)]
        return self._run(self.deployer(stage), words + [word for one in only for word in ("--only", one)])

    def operate(self, *words: str) -> Result:
        return self._run(self.cloud.laptop, [*words])

    def package(self, arn: str) -> dict[str, Any]:
        return self.cloud.aws.client("sagemaker", AUTOMATION).describe_model_package(ModelPackageName=arn)

    def deployer(self, stage: Stage) -> Mapping[str, str]:
        return self._connection(
            ACCOUNTS[stage],
            names.deploy_role(self.platform, self.model),
            names.deploy_connection(self.platform, self.model, stage),
        )

    def _connection(self, account: str, role: str, connection: str) -> Mapping[str, str]:
        subject = names.connection_subject(self.platform, connection)
        held = self.cloud.connection(account, role, subject, self.platform.azure.audience)
        return {KEYS[key]: held[key] for key in KEYS} | {"AWS_SESSION_TOKEN": held["SessionToken"]}

    def _run(self, who: Mapping[str, str], words: list[str]) -> Result:
        here = Path.cwd()
        os.chdir(self.repository)
        try:
            return CliRunner(env={"AWS_SESSION_TOKEN": None, **who}).invoke(isthmus, words)
        finally:
            os.chdir(here)


def gather(cloud: Cloud, platform: Platform, folder: Path, model: str = MODEL) -> Team:
    """The team of `platform` in its deployed accounts; its repository is made in `folder`."""
    digest = image.push(boto3.Session(AUTOMATION, ROOT_SECRET, region_name=REGION))
    uri = f"{AUTOMATION}.dkr.ecr.{REGION}.amazonaws.com/{names.IMAGE_REPOSITORY}@{digest}"
    repository = folder / "model-deploy"
    shutil.copytree(REPOSITORY, repository, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return Team(cloud, platform, repository, uri, model)


def done(result: Result) -> str:
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return result.output
