"""azure.variable_groups in platform.yaml: values that pipelines share, and none of them a secret."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from isthmus.config.fields import Misfit, RepositoryName, Strict, Text, again
from isthmus.config.secrets import is_called_secret

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
# What Azure Pipelines takes for itself: https://learn.microsoft.com/azure/devops/pipelines/process/variables
_TAKEN = re.compile(r"endpoint|input|path|secret|(agent|build|environment|pipeline|system)\.", re.I)


class VariableGroup(Strict):
    """A variable group of the project's library, for the pipelines that it names and no others."""

    name: RepositoryName
    description: Text = Field(default="Values from platform.yaml.", validate_default=False)
    values: dict[str, str] = Field(min_length=1, description="Each variable's value; secrets are refused.")
    pipelines: list[Text] = Field(min_length=1, description="Which pipelines may use it; never all.")

    @field_validator("values")
    @classmethod
    def _are_variables(cls, values: dict[str, str]) -> dict[str, str]:
        for at, _ in again(name.lower() for name in values):
            name = list(values)[at]
            raise Misfit(f"{name} stands twice: Azure Pipelines does not tell apart capitals", name)
        for name, value in values.items():
            if not _NAME.fullmatch(name):
                raise Misfit("a variable is called by letters, digits, _ and ., and a letter first", name)
            if _TAKEN.match(name):
                raise Misfit("such names Azure Pipelines takes for itself", name)
            if is_called_secret(name):
                raise Misfit(
                    "it would hold a secret, and whoever may use the group could read that: keep it in AWS "
                    "Secrets Manager, and let the job's role read it there",
                    name,
                )
            if "\n" in value or "\r" in value:
                raise Misfit("a value is one line", name)
        return values
