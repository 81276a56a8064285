"""Environments, and which run deployed to which of them."""

from __future__ import annotations

from isthmus.local.azure_devops.access import contributor
from isthmus.local.azure_devops.call import Answer, Call, text
from isthmus.local.azure_devops.clock import now
from isthmus.local.azure_devops.faults import Fault, not_found
from isthmus.local.azure_devops.organization import Organization
from isthmus.local.azure_devops.resources import unguard
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.security_roles import manager
from isthmus.local.azure_devops.store import Document


def every(call: Call) -> list[Document]:
    name = call.query.get("name")
    found = [
        shown(call.organization, one)
        for one in call.organization.environments
        if one["project"] == call.project["id"] and (not name or one["name"].lower() == name.lower())
    ]
    return call.page(found)


def one(call: Call) -> Document:
    return shown(call.organization, _of(call))


def create(call: Call) -> Document:
    contributor(call)
    name = text(call.body, "name", required=True)
    table = call.organization.environments
    with call.organization.store.lock:
        if any(
            each["project"] == call.project["id"] and each["name"].lower() == name.lower() for each in table
        ):
            raise Fault(
                409,
                "EnvironmentExistsException",
                f"Environment {name} already exists. Provide a different name and try again.",
            )
        made: Document = {
            "id": table.next_id(),
            "name": name,
            "description": text(call.body, "description"),
            "project": call.project["id"],
            "createdBy": call.principal.id,
            "createdOn": now(),
            "lastModifiedBy": call.principal.id,
            "lastModifiedOn": now(),
        }
        return shown(call.organization, table.save(made["id"], made))


def change(call: Call) -> Document:
    environment = _of(call)
    manager(call, "environment", environment)
    environment |= {
        "name": text(call.body, "name", default=environment["name"]),
        "description": text(call.body, "description", default=environment["description"]),
        "lastModifiedBy": call.principal.id,
        "lastModifiedOn": now(),
    }
    return shown(call.organization, call.organization.environments.save(environment["id"], environment))


def remove(call: Call) -> Answer:
    environment = _of(call)
    manager(call, "environment", environment)
    call.organization.environments.drop(environment["id"])
    unguard(call.organization, "environment", environment)
    return Answer()


def records(call: Call) -> list[Document]:
    """Deployments to the environment, newest first."""
    environment = _of(call)
    table = call.organization.table("deployment")
    found = [_record(call.organization, each) for each in table if each["environment"] == environment["id"]]
    return sorted(found, key=lambda each: -int(each["id"]))[: call.number("top", 100)]


def deployed(organization: Organization, run: Document, name: str, record: Document) -> None:
    """A deployment job began or ended."""
    for environment in organization.environments:
        if environment["project"] == run["project"] and environment["name"].lower() == name.lower():
            _keep(organization, run, environment, record)


def _keep(organization: Organization, run: Document, environment: Document, record: Document) -> None:
    table, pipeline = organization.table("deployment"), organization.pipelines.get(run["pipeline"]) or {}
    with organization.store.lock:
        known = next((one for one in table if (one["run"], one["record"]) == (run["id"], record["id"])), None)
        number = known["id"] if known else table.next_id()
        document = {
            "id": number,
            "environment": environment["id"],
            "run": run["id"],
            "record": record["id"],
            "job": record["name"],
            "identifier": record["identifier"],
            "result": record["result"],
            "startTime": record["startTime"] or now(),
            "finishTime": record["finishTime"],
            "queueTime": run["createdDate"],
            # It outlives its run.
            "project": run["project"],
            "plan": run["plan"],
            "name": run["name"],
            "pipeline": {"id": run["pipeline"], "name": pipeline.get("name")},
        }
        table.save(number, document)


def _record(organization: Organization, deployment: Document) -> Document:
    """An EnvironmentDeploymentExecutionRecord."""
    link = f"{organization.url}/{deployment['project']}/_apis/build/Builds/{deployment['run']}"
    optional = {"result": deployment["result"], "finishTime": deployment["finishTime"]}
    return {
        "id": deployment["id"],
        "environmentId": deployment["environment"],
        "requestIdentifier": deployment["record"],
        "stageName": deployment["identifier"].split(".")[0],
        "jobName": deployment["job"],
        "planType": "Build",
        "planId": deployment["plan"],
        "queueTime": deployment["queueTime"],
        "startTime": deployment["startTime"],
        "definition": deployment["pipeline"],
        "owner": {"id": deployment["run"], "name": deployment["name"], "_links": {"self": {"href": link}}},
        **{key: value for key, value in optional.items() if value},
    }


def _of(call: Call) -> Document:
    environment = call.organization.environments.get(call.id("environmentId"))
    if environment is None or environment["project"] != call.project["id"]:
        raise not_found(
            f"Environment with ID {call.path['environmentId']} does not exist.",
            "EnvironmentNotFoundException",
        )
    return environment


def shown(organization: Organization, environment: Document) -> Document:
    """An EnvironmentInstance."""
    return {
        "id": environment["id"],
        "name": environment["name"],
        "description": environment["description"],
        "createdBy": organization.identity_of(environment["createdBy"]),
        "createdOn": environment["createdOn"],
        "lastModifiedBy": organization.identity_of(environment["lastModifiedBy"]),
        "lastModifiedOn": environment["lastModifiedOn"],
        "project": {"id": environment["project"]},
        "resources": [],
    }


def _resources() -> list[Resource]:
    """The same under both of its addresses: 7.1's `distributedtask` and 7.2's `pipelines`."""
    ids = {
        "distributedtask": ("8572b1fc-2482-47fa-8f74-7e3ed53ee54b", "51bb5d21-4305-4ea6-9dbb-b7488af73334"),
        "pipelines": ("b7a1e3c0-5f39-4f1c-9d0e-6a2d1c1f7b01", "b7a1e3c0-5f39-4f1c-9d0e-6a2d1c1f7b02"),
    }
    found = []
    for area, (environments, history) in ids.items():
        template = "{project}/_apis/" + area + "/environments/{environmentId}"
        found += [
            Resource(
                environments,
                area,
                "environments",
                template,
                collection={"GET": every, "POST": create},
                item={"GET": one, "PATCH": change, "DELETE": remove},
            ),
            Resource(
                history,
                area,
                "environmentdeploymentrecords",
                template + "/environmentdeploymentrecords",
                collection={"GET": records},
            ),
        ]
    return found


RESOURCES = _resources()
