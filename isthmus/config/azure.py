"""azure in platform.yaml: the organization of Azure DevOps, and who signs and approves there."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from isthmus.config.fields import Guid, Misfit, Strict, Text, Url, again, twice
from isthmus.config.hours import BusinessHours
from isthmus.config.variables import VariableGroup

# https://learn.microsoft.com/azure/devops/organizations/settings/naming-restrictions
_NO_PROJECT = re.compile(r"""[\\/:*?"'<>;#$*{},+=\[\]|]|^[_.]|\.$""")
_ORGANIZATION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,48}[A-Za-z0-9])?$")
NOT_THE_BRIDGE = "it is the bridge's application, which a deploy job could sign in as: make another in Entra"


class Azure(Strict):
    """Where the code lives and the pipelines run."""

    organization_url: Url
    organization_id: Guid
    tenant_id: Guid
    project: Text = Field(max_length=64)
    issuer: Url = Field(
        default="", validate_default=False, description="Who signs a service connection's tokens."
    )
    audience: str = "api://AzureADTokenExchange"
    authority_host: Url = Field(default="https://login.microsoftonline.com", description="Entra.")
    bridge_client_id: Guid = Field(description="The Entra application that the bridge acts as.")
    connection_client_id: Guid = Field(
        description="The Entra application of the service connections: another than the bridge's, which any "
        "deploy job could sign in as otherwise."
    )
    approvers: list[Text] = Field(min_length=1, description="Who may let a deployment pass to prod.")
    business_hours: BusinessHours | None = Field(
        default=None, description="When prod may be deployed to; at other times a deployment waits."
    )
    variable_groups: list[VariableGroup] = Field(
        default=[], description="Values that pipelines share, and which pipelines may use them."
    )
    retention_days: int | None = Field(
        default=None,
        ge=30,
        le=731,
        description="For how long the project keeps its runs; else as people set it there. Those of what "
        "serves in prod are kept for as long as that does.",
    )
    entra_subjects: dict[str, str] = Field(
        default={},
        description="The subject of each service connection's token of the Entra issuer, by the "
        "connection's name; where given, both issuers are trusted side by side.",
    )

    @field_validator("entra_subjects")
    @classmethod
    def _one_subject_each(cls, subjects: dict[str, str]) -> dict[str, str]:
        if subject := twice(subjects.values()):
            raise ValueError(f"{subject} stands twice: each service connection has a subject of its own")
        return subjects

    @field_validator("variable_groups")
    @classmethod
    def _one_group_each(cls, groups: list[VariableGroup]) -> list[VariableGroup]:
        for at, name in again(one.name.lower() for one in groups):
            raise Misfit(f"{name} stands twice", at, "name")
        return groups

    @field_validator("project")
    @classmethod
    def _is_a_project(cls, name: str) -> str:
        if _NO_PROJECT.search(name):
            raise ValueError(
                r"Azure DevOps names no project so: none of \ / : * ? \" ' < > ; # $ { } , + = [ ] | in it, "
                "no _ or . first and no . last"
            )
        return name

    @field_validator("organization_url")
    @classmethod
    def _names_an_organization(cls, url: str) -> str:
        host, _, path = url.rstrip("/").partition("://")[2].partition("/")
        if not _ORGANIZATION.match(path.rsplit("/", 1)[-1]) or host.endswith(".visualstudio.com"):
            raise ValueError("it names no organization; one is named like https://dev.azure.com/contoso")
        return url

    @model_validator(mode="after")
    def _two_applications(self) -> Azure:
        if self.connection_client_id.lower() == self.bridge_client_id.lower():
            raise Misfit(NOT_THE_BRIDGE, "connection_client_id")
        return self

    @property
    def organization(self) -> str:
        return self.organization_url.rstrip("/").rsplit("/", 1)[-1]

    @property
    def token_issuer(self) -> str:
        return self.issuer or f"https://vstoken.dev.azure.com/{self.organization_id}"

    @property
    def entra_issuer(self) -> str:
        return f"{self.authority_host.rstrip('/')}/{self.tenant_id}/v2.0"
