"""What deploying an assembly would change: resources that come, go or become something else.

Compared with what stands in an account, or with another assembly. What touches security comes first; each
says whether CloudFormation updates it or makes another in its place, which loses what it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from isthmus.counting import counted
from isthmus.infra.change import NEVER_STOOD
from isthmus.infra.manifest import Stack, read_stacks
from isthmus.infra.replacement import Fate, Resources, fates
from isthmus.infra.roles import Roles

Sign = Literal["+", "-", "~"]
LOSES: tuple[Fate, ...] = ("replace", "may replace", "delete")
# Who may do what, with which key, and from where.
SECURITY = re.compile(
    r"AWS::(IAM|KMS|SSO|WAFv2|SecretsManager|Organizations)::|Policy$|::Permission$|SecurityGroup"
)
KEPT = ("Retain", "RetainExceptOnCreate")
POLICY = re.compile(r"Policy|Permission|Trust|Encrypt|Kms|PublicAccess|Authoriz", re.IGNORECASE)


@dataclass(frozen=True)
class Difference:
    """One resource, and what would happen to it; `paths` are its parts that would become others.

    `kept` says that what goes, or gives way to another, stays in the account, by the template's own policy.
    """

    sign: Sign
    type: str
    resource: str
    fate: Fate
    paths: tuple[str, ...] = ()
    kept: bool = False

    @property
    def is_security(self) -> bool:
        """Whether a reviewer should look at it first: by its type, or by the parts that change."""
        return bool(SECURITY.search(self.type)) or any(POLICY.search(path) for path in self.paths)

    def __str__(self) -> str:
        what = f" ({', '.join(self.paths)})" if self.paths else ""
        return f"{self.sign} {self.type} {self.resource}{what}: {self.said}"

    @property
    def said(self) -> str:
        return f"{self.fate}, and the old one is kept" if self.kept else self.fate


def deployed(roles: Roles, stack: Stack) -> Resources:
    """The resources in the template of the stack as it was last deployed; none if it never was."""
    from botocore.exceptions import ClientError

    cfn = roles.session(stack.role).client("cloudformation", region_name=stack.region)
    try:
        if cfn.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"] in NEVER_STOOD:
            return {}
        body = cfn.get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return {}
        raise
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else dict(body)
    resources: Resources = template.get("Resources", {})
    return resources


def resources_of(assembly: Path) -> dict[str, Resources]:
    """Each stack's resources, by its name; none where the folder holds no assembly."""
    if not (assembly / "manifest.json").exists():
        return {}
    return {
        stack.name: json.loads(stack.template.read_text())["Resources"] for stack in read_stacks(assembly)
    }


def differences(before: Resources, after: Resources) -> list[Difference]:
    """What makes `after` of `before`: first what touches security, then by name."""
    found = [
        _difference(name, before.get(name), after.get(name), fate)
        for name, fate in sorted(fates(before, after).items())
    ]
    return sorted(found, key=lambda one: not one.is_security)


def _difference(
    name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, fate: Fate
) -> Difference:
    if before is None or after is None:
        sign: Sign = "-" if after is None else "+"
        there = after or before or {}
        kept = after is None and there.get("DeletionPolicy") in KEPT
        return Difference(sign, there["Type"], name, fate, kept=kept)
    kept = fate in LOSES and before.get("UpdateReplacePolicy") in KEPT
    return Difference("~", after["Type"], name, fate, tuple(_paths(before, after)), kept)


def _paths(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """The properties that differ, and of a resource's other attributes those that do."""
    old, new = before.get("Properties", {}), after.get("Properties", {})
    yield from (key for key in sorted({*old, *new}) if old.get(key) != new.get(key))
    rest = {*before, *after} - {"Properties", "Metadata"}
    yield from (key for key in sorted(rest) if before.get(key) != after.get(key))


# ---------------------------------------------------------------- for people


def told(stack: str, found: list[Difference]) -> Iterator[str]:
    """Lines for a terminal."""
    yield f"{stack}: " + (counted(len(found), "change") if found else "no change")
    for one in found:
        yield f"  {'!' if one.is_security else ' '} {one}"


def markdown(found: Mapping[str, list[Difference]]) -> str:
    """A comment for a pull request, by stack: what touches security, and then what else changes."""
    changed = {stack: each for stack, each in found.items() if each}
    if not changed:
        return "**No account changes.**\n"
    security = sum(one.is_security for each in changed.values() for one in each)
    total = sum(map(len, changed.values()))
    lost = sum(one.fate in LOSES and not one.kept for each in changed.values() for one in each)
    lines = [
        f"**Resources that change: {total}. Of these touch security: {security}; are or may be replaced or "
        f"deleted, with what they hold: {lost}.**",
        "",
    ]
    for title, wanted in (("Security: who may do what", True), ("The rest", False)):
        lines += _section(title, changed, security=wanted)
    return "\n".join(lines) + "\n"


def _section(title: str, found: Mapping[str, list[Difference]], *, security: bool) -> Iterator[str]:
    rows = [
        f"| {stack} | {one.sign} | {one.type} | `{one.resource}` | {', '.join(one.paths)} | {_bold(one)} |"
        for stack, each in found.items()
        for one in each
        if one.is_security == security
    ]
    if rows:
        head = ("| stack | | type | resource | parts | how |", "|---|---|---|---|---|---|")
        yield from (f"### {title}", "", *head)
        yield from (*rows, "")


def _bold(one: Difference) -> str:
    return f"**{one.said}**" if one.fate in LOSES else one.said
