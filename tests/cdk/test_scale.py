"""Two hundred models: nothing that stands once grows with them, and nothing comes near a limit of AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from isthmus import names
from isthmus.config import STAGES, Platform, read_platform
from isthmus.infra.manifest import read_stacks
from isthmus.infra.synth import synthesize
from tests.cdk.conftest import CHECKOUT, FULL

MODELS = 200
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
RESOURCES, TEMPLATE_BYTES = 500, 1_000_000
# IAM's, KMS's, S3's, ECR's and SageMaker's limits of a policy (for IAM's, white space does not count).
LONGEST_POLICY = {
    "AWS::IAM::ManagedPolicy": ("PolicyDocument", 6_144),
    "AWS::IAM::Role": ("AssumeRolePolicyDocument", 2_048),
    "AWS::KMS::Key": ("KeyPolicy", 32_768),
    "AWS::S3::BucketPolicy": ("PolicyDocument", 20_480),
    "AWS::ECR::Repository": ("RepositoryPolicyText", 10_240),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupPolicy", 20_480),
    "AWS::SQS::QueuePolicy": ("PolicyDocument", 262_144),
    "AWS::Events::Rule": ("EventPattern", 2_048),
}
LAMBDA_ENVIRONMENT = 4_096
# A stack of a model: its roles, its group, its parameter, its schedule.
OF_A_MODEL = 7


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, Path]:
    """A platform with everything that can be asked for, and two hundred models of its teams; and its file."""
    content = yaml.safe_load(FULL.read_text())
    few = content["models"]
    more = [
        {
            "name": f"model-{number:03}",
            "owner": "somebody",
            "team": few[number % len(few)]["team"],
            "build_repository": f"build-{number:03}",
            "deploy_repository": f"deploy-{number:03}",
        }
        for number in range(MODELS - len(few))
    ]
    file = tmp_path_factory.mktemp("many") / "platform.yaml"
    file.write_text(yaml.safe_dump(content | {"models": [*few, *more]}, sort_keys=False))
    return read_platform(file), file


@pytest.fixture(scope="module")
def templates(platform: tuple[Platform, Path]) -> dict[str, bytes]:
    return read(synthesize(CHECKOUT / "app.py", platform[1].parent / "assembly", platform=platform[1]))


def read(assembly: Path) -> dict[str, bytes]:
    return {stack.name: stack.template.read_bytes() for stack in read_stacks(assembly)}


def of_models(platform: Platform) -> set[str]:
    accounts = ("automation", *STAGES)
    return {names.model_stack(platform, one, model.name) for one in accounts for model in platform.models}


def resources(templates: dict[str, bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    for stack, template in templates.items():
        for name, resource in json.loads(template)["Resources"].items():
            yield f"{stack} {name}", resource


def test_what_stands_once_is_the_same_for_few_models_and_for_two_hundred(
    platform: tuple[Platform, Path], templates: dict[str, bytes], full: Path
) -> None:
    few = read(full)
    # A team's role names the team's models.
    teams = {names.team_stack(platform[0], team.name) for team in platform[0].teams}
    assert {name: templates[name] for name in few.keys() - teams} == {
        name: few[name] for name in few.keys() - teams
    }
    assert templates.keys() - few.keys() == of_models(platform[0]) - few.keys()


def test_a_model_has_few_resources_and_no_stack_many(
    platform: tuple[Platform, Path], templates: dict[str, bytes]
) -> None:
    small = of_models(platform[0])
    for name, template in templates.items():
        count = len(json.loads(template)["Resources"])
        assert count <= (OF_A_MODEL if name in small else RESOURCES // 2), name
        assert len(template) < TEMPLATE_BYTES // 2, name


def test_each_policy_and_pattern_fits_with_room_to_spare(templates: dict[str, bytes]) -> None:
    for name, resource in resources(templates):
        key, longest = LONGEST_POLICY.get(resource["Type"], ("", 0))
        if key in resource.get("Properties", {}):
            assert len(json.dumps(resource["Properties"][key], separators=(",", ":"))) < longest, name


def test_no_environment_of_a_function_grows(templates: dict[str, bytes]) -> None:
    for name, resource in resources(templates):
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            assert len(json.dumps(variables)) < LAMBDA_ENVIRONMENT // 2, name
