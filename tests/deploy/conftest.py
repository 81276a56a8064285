"""A deploy repository beside a package's description, and what its app makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from isthmus.config import Platform, read_platform
from isthmus.deploy.package import Package
from isthmus.infra.manifest import read_stacks
from isthmus.infra.synth import synthesize
from tests.deploy.versions import MODEL

CHECKOUT = Path(__file__).parents[2]
REPOSITORY = CHECKOUT / "model-deploy"
STAGES = ("staging", "prod")
Templates = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def platform() -> Platform:
    return read_platform(CHECKOUT / "platform.yaml")


@pytest.fixture(scope="session")
def package(platform: Platform) -> Package:
    registry = f"{platform.region}:{platform.accounts.automation}"
    runs = f"s3://isthmus-artifacts-{platform.accounts.automation}-{platform.region}/{MODEL}/runs/1"
    return Package(
        arn=f"arn:aws:sagemaker:{registry}:model-package/{MODEL}/3",
        model=MODEL,
        version=3,
        image=f"{platform.accounts.automation}.dkr.ecr.{platform.region}.amazonaws.com/t@sha256:{'0' * 64}",
        artifact=f"{runs}/model.tar.gz",
        evaluation=f"{runs}/evaluation",
        baseline=f"{runs}/baseline",
        metadata={"commit": "c0ffee"},
        registered="2026-11-20T09:00:00+00:00",
    )


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory, package: Package) -> Path:
    """Synthesized with CDK's own validation on."""
    folder = tmp_path_factory.mktemp("package")
    package.write(folder)
    output = tmp_path_factory.mktemp("deploy") / "assembly"
    return synth(output, folder, validate=True)


def synth(output: Path, folder: Path, *, validate: bool = False) -> Path:
    """The app of the deploy repository, run on the package described in `folder`."""
    return synthesize(
        REPOSITORY / "app.py",
        output,
        platform=CHECKOUT / "platform.yaml",
        validate=validate,
        arguments=(str(folder),),
    )


def read_templates(assembly: Path) -> Templates:
    return {stack.name: json.loads(stack.template.read_text()) for stack in read_stacks(assembly)}


@pytest.fixture(scope="session")
def templates(assembly: Path, platform: Platform) -> Templates:
    """Each stage's template."""
    found = read_templates(assembly)
    return {stage: found[f"{platform.name}-{MODEL}-{stage}"] for stage in STAGES}
