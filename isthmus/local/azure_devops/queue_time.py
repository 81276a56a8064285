"""Variables of a definition, and those of a run that is asked for: which of them may be set at queue time.

https://learn.microsoft.com/azure/devops/pipelines/security/inputs#queue-time-variables
"""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.local.azure_devops.call import mapping, text
from isthmus.local.azure_devops.faults import Fault, invalid
from isthmus.local.azure_devops.general_settings import is_on
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.store import Document
from isthmus.local.pipelines.host import VariableValue


def declared(given: Document, before: Document) -> dict[str, Document]:
    """The `variables` of a definition: BuildDefinitionVariables by name. Raises 400 for what is none.

    A secret that comes without its value keeps the one that it had `before`.
    """
    found = {name: _variable(mapping(given, name)) for name in given}
    for name, one in found.items():
        if one["isSecret"] and not one["value"]:
            one["value"] = before.get(name, one)["value"]
    return found


def _variable(given: Document) -> Document:
    for flag in ("allowOverride", "isSecret"):
        if not isinstance(given.get(flag, False), bool):
            raise invalid(f"{flag} must be true or false.")
    return {
        "value": text(given, "value"),
        "allowOverride": bool(given.get("allowOverride")),
        "isSecret": bool(given.get("isSecret")),
    }


def shown(pipeline: Document) -> dict[str, Document]:
    """A definition's variables as anybody may read them: a secret keeps its value."""
    return {
        name: {key: value for key, value in one.items() if key != "value" or not one["isSecret"]}
        for name, one in pipeline.get("variables", {}).items()
    }


def of_run(
    organization: Organization, pipeline: Document, given: Mapping[str, str]
) -> dict[str, VariableValue]:
    """The variables that a run begins with: the definition's, where they were not given anew.

    Raises 400 for what was given and is not settable, where the project limits what may be set.
    """
    known: dict[str, Document] = pipeline.get("variables", {})
    _require_settable(organization, pipeline, known, given)
    values = {name: VariableValue(one["value"], one["isSecret"]) for name, one in known.items()}
    for name, value in given.items():
        same = next((one for one in known if one.lower() == name.lower()), name)
        values[same] = VariableValue(value, bool(known.get(same, {}).get("isSecret")))
    return values


def _require_settable(
    organization: Organization, pipeline: Document, known: Mapping[str, Document], given: Mapping[str, str]
) -> None:
    if not is_on(organization, pipeline["project"], "enforceSettableVar"):
        return
    settable = {name.lower() for name, one in known.items() if one["allowOverride"]}
    if refused := [name for name in given if name.lower() not in settable]:
        raise Fault(
            400,
            "PipelineValidationException",
            f"You can't set the following variables ({','.join(refused)}). If you want to be able to set "
            "these variables, then edit the pipeline and select Settable at queue time on the variables "
            "tab of the pipeline editor.",
        )
