"""Service connections, called service endpoints in the API. Only such as hold no secret can be made here:
with workload identity federation, or generic ones, which are a URL and nobody's name.
"""

from __future__ import annotations

from isthmus.local.azure_devops.access import contributor
from isthmus.local.azure_devops.call import Answer, Call, mapping, objects, text
from isthmus.local.azure_devops.faults import Fault, invalid, not_found
from isthmus.local.azure_devops.organization import Organization, new_id
from isthmus.local.azure_devops.resources import unguard
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.security_roles import manager
from isthmus.local.azure_devops.store import Document

FEDERATION = "WorkloadIdentityFederation"
GENERIC, BASIC = "generic", "UsernamePassword"


def every(call: Call) -> list[Document]:
    names, ids = call.texts("endpointNames"), call.texts("endpointIds")
    kind = call.query.get("type", "").lower()
    return [
        shown(call.organization, one)
        for one in call.organization.endpoints
        if one["project"] == call.project["id"]
        and (not names or one["name"] in names)
        and (not ids or one["id"] in ids)
        and kind in ("", one["type"].lower())
    ]


def one(call: Call) -> Document:
    endpoint = call.organization.endpoints.get(call.path["endpointId"].lower())
    if endpoint is None or endpoint["project"] != call.project["id"]:
        raise not_found(f"Service connection with id {call.path['endpointId']} could not be found.")
    return shown(call.organization, endpoint)


def create(call: Call) -> Document:
    contributor(call)
    given = _given(call)
    with call.organization.store.lock:
        for other in call.organization.endpoints:
            if other["project"] == given["project"] and other["name"].lower() == given["name"].lower():
                raise Fault(
                    409, "DuplicateServiceConnectionException", f"Service connection {given['name']} exists."
                )
        made = given | {"id": new_id(), "createdBy": call.principal.id}
        call.organization.endpoints.save(made["id"], made)
    return shown(call.organization, made)


def change(call: Call) -> Document:
    endpoint = _of(call)
    manager(call, "endpoint", endpoint)
    endpoint |= _given(call)
    return shown(call.organization, call.organization.endpoints.save(endpoint["id"], endpoint))


def remove(call: Call) -> Answer:
    endpoint = _of(call)
    manager(call, "endpoint", endpoint)
    call.organization.endpoints.drop(endpoint["id"])
    unguard(call.organization, "endpoint", endpoint)
    return Answer()


def _of(call: Call) -> Document:
    endpoint = call.organization.endpoints.get(call.path["endpointId"].lower())
    if endpoint is None:
        raise not_found(f"Service connection with id {call.path['endpointId']} could not be found.")
    return endpoint


def _given(call: Call) -> Document:
    body = call.body
    references = objects(body, "serviceEndpointProjectReferences")
    if not references:
        raise invalid("serviceEndpointProjectReferences must name the project of the connection.")
    if body.get("isShared") or len(references) > 1:
        raise invalid("A connection is of one project here, and shared with no other.")
    given = mapping(references[0], "projectReference")
    project = call.organization.project(text(given, "id") or text(given, "name", required=True))
    kind = text(body, "type", required=True)
    return {
        "name": text(body, "name") or text(references[0], "name", required=True),
        "description": text(body, "description"),
        "type": kind,
        "url": text(body, "url", required=kind.lower() == GENERIC),
        "data": mapping(body, "data"),
        "authorization": _authorization(kind, mapping(body, "authorization")),
        "project": project["id"],
    }


def _authorization(kind: str, given: Document) -> Document:
    """Of a connection that holds no secret."""
    scheme, parameters = text(given, "scheme", required=True), mapping(given, "parameters")
    named = {name.lower(): value for name, value in parameters.items()}
    if kind.lower() == GENERIC and scheme == BASIC and not any(named.values()):
        return {"scheme": BASIC, "parameters": dict(parameters)}
    if scheme != FEDERATION:
        raise invalid(
            f"Only connections with the scheme {FEDERATION}, and generic ones without name and password, "
            "are kept here: they hold no secret."
        )
    for key in ("tenantid", "serviceprincipalid"):
        text(named, key, required=True)
    return {"scheme": FEDERATION, "parameters": dict(parameters)}


def shown(organization: Organization, endpoint: Document) -> Document:
    """A ServiceEndpoint; with the issuer and subject of its tokens, which the cloud fills in as well."""
    project = organization.project(endpoint["project"])
    issuer = {
        "workloadIdentityFederationIssuer": organization.settings.issuer,
        "workloadIdentityFederationSubject": f"sc://{organization.settings.organization}/{project['name']}/"
        f"{endpoint['name']}",
    }
    authorization = endpoint["authorization"]
    if authorization["scheme"] != FEDERATION:
        issuer = {}
    return {
        "data": endpoint["data"],
        "id": endpoint["id"],
        "name": endpoint["name"],
        "type": endpoint["type"],
        "url": endpoint["url"],
        "description": endpoint["description"],
        "createdBy": organization.identity_of(endpoint["createdBy"]),
        "authorization": authorization | {"parameters": issuer | authorization["parameters"]},
        "isShared": False,
        "isReady": True,
        "owner": "Library",
        "serviceEndpointProjectReferences": [
            {
                "projectReference": {"id": project["id"], "name": project["name"]},
                "name": endpoint["name"],
                "description": endpoint["description"],
            }
        ],
    }


RESOURCES = [
    Resource(
        "14e48fdc-2c8b-41ce-a0c3-e26f6cc55bd0",
        "serviceendpoint",
        "endpoints",
        "_apis/serviceendpoint/endpoints/{endpointId}",
        4,
        collection={"GET": every, "POST": create},
        item={"GET": one, "PUT": change, "DELETE": remove},
    ),
    Resource(
        "e85f1c62-adfc-4b74-b618-11a150fb195e",
        "serviceendpoint",
        "endpoints",
        "{project}/_apis/serviceendpoint/endpoints/{endpointId}",
        4,
    ),
]
