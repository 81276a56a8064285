"""What clients ask first: who am I, where are the resource areas, and which routes are there."""

from __future__ import annotations

from isthmus.local.azure_devops.call import Answer, Call
from isthmus.local.azure_devops.organization import unique_name
from isthmus.local.azure_devops.principals import Principal
from isthmus.local.azure_devops.routing import Resource, Router
from isthmus.local.azure_devops.store import Document


def connection_data(call: Call) -> Document:
    who = _identity(call.principal)
    return {
        "authenticatedUser": who,
        "authorizedUser": who,
        "instanceId": call.organization.settings.organization_id,
        "deploymentId": call.organization.settings.organization_id,
        "deploymentType": "hosted",
        "locationServiceData": {
            "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
            "defaultAccessMappingMoniker": "",
        },
    }


def _identity(principal: Principal) -> Document:
    return {
        "id": principal.id,
        "descriptor": principal.identity_descriptor,
        "subjectDescriptor": principal.descriptor,
        "providerDisplayName": principal.display_name,
        "isActive": True,
        "properties": {"Account": {"$type": "System.String", "$value": unique_name(principal)}},
        "resourceVersion": 2,
        "metaTypeId": 0,
    }


def resource_areas(call: Call) -> list[Document]:
    """None: all areas are at this organization's own URL, as on a server of one's own."""
    return []


def options(router: Router, area: str) -> Answer:
    """The table of locations, of all areas or of one."""
    found = [one.location for one in router.resources if area in ("", one.area.lower())]
    return Answer({"count": len(found), "value": found})


RESOURCES = [
    Resource(
        "00d9565f-ed9c-4a06-9a50-00e7896ccab4",
        "Location",
        "ConnectionData",
        "_apis/connectionData",
        collection={"GET": connection_data},
    ),
    Resource(
        "e81700f7-3be2-46de-8624-2eb35882fcaa",
        "Location",
        "ResourceAreas",
        "_apis/resourceAreas/{areaId}",
        collection={"GET": resource_areas},
    ),
]
