"""Tags for cost: what AWS can tag says whose it is and who pays for it, on every stack of every variant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from isthmus import names
from isthmus.config import Platform, read_platform
from tests.cdk.conftest import FULL, MODEL


@pytest.fixture(scope="module")
def full_platform() -> Platform:
    return read_platform(FULL)


def tags_in(template: Path, region: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The name and tags of each resource whose type AWS can tag."""
    for id_, resource in json.loads(template.read_text())["Resources"].items():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, resource["Type"]).schema
        tagging = schema.get("tagging", {"taggable": schema.get("taggable", True)})
        if tagging.get("taggable", True):
            where = tagging.get("tagProperty", "/properties/Tags").rsplit("/", 1)[-1]
            tags = resource.get("Properties", {}).get(where, {})
            yield f"{resource['Type']} {id_}", as_pairs(tags)


def as_pairs(tags: Any) -> dict[str, str]:
    return tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}


def test_everything_says_whose_it_is_and_who_pays(variants: Path, full_platform: Platform) -> None:
    found = 0
    for template in variants.glob("excused/*/*.template.json"):
        for name, tags in tags_in(template, full_platform.region):
            assert tags.keys() >= {"platform", "account", "owner"}, (template.name, name)
            found += 1
    assert found > 500


@pytest.mark.parametrize(
    ("stack", "account", "owner"),
    [
        ("automation", "automation", "ml-platform@contoso.example"),
        (f"prod-{MODEL}", "prod", "weather-team@contoso.example"),
        ("feature-store", "automation", "weather-team@contoso.example"),
    ],
)
def test_the_owner_is_the_models_or_groups_or_else_the_platforms(
    variants: Path, full_platform: Platform, stack: str, account: str, owner: str
) -> None:
    template = variants / f"excused/everything/{full_platform.name}-{stack}.template.json"
    for name, tags in tags_in(template, full_platform.region):
        assert (tags["platform"], tags["account"], tags["owner"]) == (full_platform.name, account, owner), (
            name
        )


def test_a_models_things_name_the_model_and_its_team(variants: Path, full_platform: Platform) -> None:
    for account in ("automation", "staging", "prod"):
        stack = names.model_stack(full_platform, account, MODEL)
        for name, tags in tags_in(
            variants / f"excused/everything/{stack}.template.json", full_platform.region
        ):
            assert (tags["model"], tags["team"]) == (MODEL, "weather"), name
