"""Service connections: made, or led back to where they should lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isthmus.azure.differences import Difference
from isthmus.azure.instructions.instruction import Instruction
from isthmus.azure.present import Present
from isthmus.azure.resources import Connection, Kind


@dataclass(frozen=True)
class PutConnection(Instruction):
    """Make a service connection, or (with `id`) change where the one leads that is there."""

    connection: Connection
    tenant_id: str
    id: str = ""
    differences: tuple[Difference, ...] = ()

    @property
    def summary(self) -> str:
        sign, where = "~" if self.id else "+", f": {self.connection.url}" if self.connection.url else ""
        return f"{sign} service connection {self.connection.name}{where}"

    @property
    def makes(self) -> tuple[Kind, str] | None:
        return None if self.id else ("connection", self.connection.name)

    def carry_out(self, present: Present) -> None:
        reference = {
            "name": self.connection.name,
            "description": self.connection.description,
            "projectReference": {"id": present.project(), "name": present.client.project},
        }
        endpoint = {
            "name": self.connection.name,
            "description": self.connection.description,
            "isShared": False,
            "isReady": True,
            "serviceEndpointProjectReferences": [reference],
        } | (self._service() if self.connection.url else self._entra())
        client = present.clients.get_service_endpoint_client()
        if self.id:
            client.update_service_endpoint(endpoint, self.id)
        else:
            client.create_service_endpoint(endpoint)

    def _service(self) -> dict[str, Any]:
        """A URL, which nobody signs in to by the connection."""
        return {
            "type": "generic",
            "url": self.connection.url,
            "authorization": {
                "scheme": "UsernamePassword",
                "parameters": {"username": "", "password": ""},
            },
            "data": {},
        }

    def _entra(self) -> dict[str, Any]:
        return {
            "type": "azurerm",
            "url": "https://management.azure.com/",
            "authorization": {
                "scheme": "WorkloadIdentityFederation",
                "parameters": {"tenantid": self.tenant_id, "serviceprincipalid": self.connection.client_id},
            },
            # The tenant itself: nothing of Azure is managed through it, so it has no subscription.
            "data": {
                "environment": "AzureCloud",
                "scopeLevel": "ManagementGroup",
                "managementGroupId": self.tenant_id,
                "managementGroupName": "Tenant Root Group",
                "creationMode": "Manual",
            },
        }
