"""What of a thing that is there is not as wanted: what people changed by hand, or platform.yaml since.

Which instruction mends it, `provision` says.
"""

from __future__ import annotations

from typing import Any

from isthmus import names
from isthmus.azure import policies
from isthmus.azure.differences import Difference, differences
from isthmus.azure.instructions.pipelines import TRIGGERED_BY_YAML
from isthmus.azure.present import Present
from isthmus.azure.resources import Check, Connection, Pipeline, Policy, VariableGroup
from isthmus.config import Platform
from isthmus.config.secrets import is_called_secret, is_secret

AS_ITS_YAML = "as its YAML says"


def of_pipeline(pipeline: Pipeline, found: dict[str, Any]) -> tuple[Difference, ...]:
    """Its folder, YAML and repository, whether it takes runs, and triggers and variables of its own: none."""
    there = {
        "folder": found.get("path", names.PIPELINE_FOLDER),
        "path": "/" + str(found.get("process", {}).get("yamlFilename", "")).lstrip("/"),
        "repository": found.get("repository", {}).get("name"),
        "queueStatus": found.get("queueStatus", "enabled"),
        "triggers": ", ".join(_overrides(found)) or AS_ITS_YAML,
        "variables": sorted(found.get("variables") or {}),
    }
    wanted = {
        "folder": names.PIPELINE_FOLDER,
        "path": pipeline.path,
        "repository": pipeline.repository,
        "queueStatus": "enabled",
        "triggers": AS_ITS_YAML,
        "variables": [],
    }
    return differences(wanted, there)


def _overrides(found: dict[str, Any]) -> list[str]:
    """The triggers that somebody set in the pipeline's settings, which win over those of its YAML."""
    by_yaml = TRIGGERED_BY_YAML["settingsSourceType"]
    triggers = found.get("triggers") or []
    return sorted(str(one.get("triggerType")) for one in triggers if one.get("settingsSourceType") != by_yaml)


def of_connection(platform: Platform, connection: Connection, found: Any) -> tuple[Difference, ...]:
    """Where it leads: its URL; or scheme, tenant, application and the subject of its tokens."""
    if connection.url:
        return differences({"url": connection.url}, {"url": (found.url or "").rstrip("/")})
    authorization, azure = found.authorization, platform.azure
    parameters = {key.lower(): value for key, value in (authorization.parameters or {}).items()}
    there = {"scheme": authorization.scheme, **parameters}
    wanted = {
        "scheme": "WorkloadIdentityFederation",
        "tenantid": azure.tenant_id,
        "serviceprincipalid": connection.client_id,
    }
    subject = str(parameters.get("workloadidentityfederationsubject") or "")
    trusted = (
        names.connection_subject(platform, connection.name),
        azure.entra_subjects.get(connection.name, ""),
    )
    # A subject of Entra's form is Entra's to make: only one that platform.yaml names can be compared.
    is_ours_to_know = subject.startswith("sc://") or bool(trusted[1])
    if subject and is_ours_to_know and subject.lower() not in map(str.lower, trusted):
        wanted["workloadidentityfederationsubject"] = trusted[1] or trusted[0]
    return differences(wanted, there)


def of_variable_group(group: VariableGroup, found: Any) -> tuple[Difference, ...]:
    """Its description, and each value: another, one more or less, one made secret."""
    wanted: dict[str, Any] = dict(group.values)
    there = {name: _shown(name, one) for name, one in (found.variables or {}).items()}
    wanted |= {name: None for name in there if name not in wanted}
    about = differences({"description": group.description}, {"description": found.description})
    changed = [name for name, value in wanted.items() if there.get(name) != value]
    return about + tuple(Difference(name, there.get(name), wanted[name]) for name in changed)


def _shown(name: str, variable: Any) -> Any:
    """A value as it may be told: what was put there by hand may be anything."""
    value = variable.value or ""
    hidden = variable.is_secret or is_called_secret(name) or is_secret(value)
    return "a secret" if hidden else value


def of_check(check: Check, found: dict[str, Any], present: Present) -> tuple[Difference, ...]:
    """Its settings, timeout, whether it is on, and by name who approves."""
    wanted = {"settings": check.settings, "timeout": check.timeout, "isDisabled": False}
    return differences(wanted, found) + _approvers(check, found, present)


def _approvers(check: Check, found: dict[str, Any], present: Present) -> tuple[Difference, ...]:
    if not check.approvers:
        return ()
    there = {str(one["id"]): one.get("displayName", one["id"]) for one in found["settings"]["approvers"]}
    if set(there) == {present.identity(name) for name in check.approvers}:
        return ()
    return (Difference("approvers", sorted(there.values()), sorted(check.approvers)),)


def of_policy(policy: Policy, found: Any, present: Present) -> tuple[Difference, ...]:
    """Its settings, and whether it is on and required."""
    wanted = {"isEnabled": True, "isBlocking": True, "settings": policies.settings(policy, present)}
    there = {"isEnabled": found.is_enabled, "isBlocking": found.is_blocking, "settings": found.settings}
    return differences(wanted, there)
