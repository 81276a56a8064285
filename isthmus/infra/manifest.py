"""What lies in a CDK cloud assembly: its stacks and the files that they need, as plain shapes.

Reads `manifest.json` and the asset manifests beside it (schema of `aws-cdk-cloud-assembly-schema`).
Uploads and deploys nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.errors import BadInput, NotFound


@dataclass(frozen=True)
class FileAsset:
    """A file, or a folder to be zipped, that must lie at `bucket`/`key` before its stack is deployed."""

    source: Path
    is_folder: bool
    bucket: str
    key: str
    role: str | None
    """ARN of the role that publishes it, or None for the caller's own identity."""


@dataclass(frozen=True)
class Stack:
    """One stack of an assembly, with every placeholder in it resolved."""

    id: str
    name: str
    account: str
    region: str
    template: Path
    template_url: str | None
    role: str | None
    """ARN of the role that calls CloudFormation, or None for the caller's own identity."""
    execution_role: str | None
    """ARN of the role that CloudFormation itself acts as."""
    parameters: dict[str, str]
    tags: dict[str, str]
    needs: frozenset[str]
    """Ids of the stacks that must be deployed before this one."""
    assets: tuple[FileAsset, ...]
    terminates: bool
    """False when the stack is protected against deletion."""


def read_stacks(assembly: Path) -> list[Stack]:
    """The stacks of the assembly in an order in which they can be deployed.

    Raises `BadInput` when the folder is no cloud assembly.
    """
    try:
        artifacts: dict[str, Any] = json.loads((assembly / "manifest.json").read_text())["artifacts"]
        stacks = [
            _stack(assembly, id_, artifacts)
            for id_, artifact in artifacts.items()
            if artifact["type"] == "aws:cloudformation:stack"
        ]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise BadInput(
            "not a CDK cloud assembly", where=str(assembly), todo="synthesize it first: isthmus infra synth"
        ) from None
    return _in_order(stacks)


def find_stack(assembly: Path, name: str) -> Stack:
    """The stack of that name; raises `NotFound` with the names that are there."""
    stacks = read_stacks(assembly)
    for stack in stacks:
        if name in (stack.name, stack.id):
            return stack
    there = ", ".join(stack.name for stack in stacks) or "none"
    raise NotFound(f"no stack {name!r} in the assembly", where=str(assembly), todo=f"there is: {there}")


def _stack(assembly: Path, id_: str, artifacts: dict[str, Any]) -> Stack:
    artifact = artifacts[id_]
    properties = artifact["properties"]
    account, region = artifact["environment"].removeprefix("aws://").split("/")
    filled = _Placeholders(account, region)
    needs = artifact.get("dependencies", [])
    return Stack(
        id=id_,
        name=properties.get("stackName", id_),
        account=account,
        region=region,
        template=assembly / properties["templateFile"],
        template_url=filled.maybe(properties.get("stackTemplateAssetObjectUrl")),
        role=filled.maybe(properties.get("assumeRoleArn")),
        execution_role=filled.maybe(properties.get("cloudFormationExecutionRoleArn")),
        parameters=properties.get("parameters", {}),
        tags=properties.get("tags", {}),
        needs=frozenset(n for n in needs if artifacts[n]["type"] == "aws:cloudformation:stack"),
        assets=tuple(
            asset
            for need in needs
            if artifacts[need]["type"] == "cdk:asset-manifest"
            for asset in _assets(assembly / artifacts[need]["properties"]["file"], filled)
        ),
        terminates=not properties.get("terminationProtection", False),
    )


def _assets(file: Path, filled: _Placeholders) -> list[FileAsset]:
    manifest = json.loads(file.read_text())
    if manifest.get("dockerImages"):
        raise BadInput("an image asset needs Docker, which Isthmus does without", where=str(file))
    return [
        FileAsset(
            source=file.parent / asset["source"]["path"],
            is_folder=asset["source"].get("packaging") == "zip",
            bucket=filled(destination["bucketName"]),
            key=filled(destination["objectKey"]),
            role=filled.maybe(destination.get("assumeRoleArn")),
        )
        for asset in manifest.get("files", {}).values()
        for destination in asset["destinations"].values()
    ]


def _in_order(stacks: list[Stack]) -> list[Stack]:
    ordered: list[Stack] = []
    waiting = list(stacks)
    while waiting:
        done = {stack.id for stack in ordered}
        ready = [stack for stack in waiting if stack.needs <= done]
        if not ready:
            raise BadInput("stacks depend on each other in a circle: " + ", ".join(s.id for s in waiting))
        ordered += ready
        waiting = [stack for stack in waiting if stack not in ready]
    return ordered


@dataclass(frozen=True)
class _Placeholders:
    """What CDK leaves for the deploying side to fill in."""

    account: str
    region: str

    def __call__(self, text: str) -> str:
        for key, value in (("Partition", "aws"), ("AccountId", self.account), ("Region", self.region)):
            text = text.replace(f"${{AWS::{key}}}", value)
        return text

    def maybe(self, text: str | None) -> str | None:
        return None if text is None else self(text)
