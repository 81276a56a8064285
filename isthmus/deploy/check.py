"""Checks a deploy repository before anybody deploys from it: it takes no version of the model, and no cloud.

What only a version can show (its figures, whether it answers), the gates find in staging.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from isthmus import names
from isthmus.config import Platform, read_deploy
from isthmus.config.reading import place
from isthmus.deploy.comparison import Comparison
from isthmus.deploy.gates.run import find
from isthmus.deploy.package import Package
from isthmus.deploy.synth import require_fit
from isthmus.errors import BadInput
from isthmus.infra.check import refuse_findings
from isthmus.infra.synth import synthesize

Say = Callable[[str], None]


def check(platform: Platform, repository: Path, say: Say, *, model: str = "") -> None:
    """Read deploy.yaml, synthesize both stages under CDK's and cdk-nag's rules, lint them, load the gates.

    `model` is the one that the repository's pipeline is called after, where that is known.
    Raises `BadInput` for what does not fit, and `Problem` for what the rules find.
    """
    config = read_deploy(repository / "deploy.yaml")
    platform.model(config.model, place(repository / "deploy.yaml", "model"))
    if model and model != config.model:
        raise BadInput(
            f"its pipeline deploys {model}", where=f"{repository / 'deploy.yaml'}, model: {config.model}"
        )
    require_fit(platform, config, repository / "deploy.yaml")
    say(f"deploy.yaml: {config.model}, {config.endpoint}")
    found = find(repository / "gates", ())
    say(f"gates: {', '.join(found)}")
    with tempfile.TemporaryDirectory() as name:
        scratch, assembly = Path(name) / "package", Path(name) / "assembly"
        scratch.mkdir()
        version = specimen(platform, config.model)
        version.write(scratch)
        if config.compare:
            Comparison(version, config.compare.record()).write(scratch)
        synthesize(repository / "app.py", assembly, validate=True, arguments=(str(scratch),))
        say("synthesized: staging and prod, under the rules of CDK and cdk-nag")
        refuse_findings(assembly)
    say("cfn-lint: no findings")


def specimen(platform: Platform, model: str) -> Package:
    """A version as the registry would describe it, of which nothing but the description exists."""
    account = platform.accounts.automation
    runs = f"s3://{names.artifact_bucket(platform)}/{model}/runs/0"
    return Package(
        arn=f"arn:aws:sagemaker:{platform.region}:{account}:model-package/{model}/1",
        model=model,
        version=1,
        image=f"{account}.dkr.ecr.{platform.region}.amazonaws.com/{platform.name}@sha256:{'0' * 64}",
        artifact=f"{runs}/model.tar.gz",
        evaluation=f"{runs}/evaluation",
        baseline=f"{runs}/baseline",
        metadata={},
        registered="1970-01-01T00:00:00+00:00",
    )
