"""ID tokens of jobs: of a service connection that the job's stage was let through to, or of the pipeline."""

from __future__ import annotations

import time

from isthmus.local.azure_devops import resources
from isthmus.local.azure_devops.call import Call
from isthmus.local.azure_devops.faults import not_found, refused
from isthmus.local.azure_devops.organization import Organization, new_id
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document

AUDIENCE = "api://AzureADTokenExchange"
CONNECTION_SECONDS = 600
PIPELINE_SECONDS = 300


def create(call: Call) -> Document:
    """A token for the job whose System.AccessToken signs this request in."""
    job = call.principal.job
    plan, job_id = call.path["planId"].lower(), call.path["jobId"].lower()
    if job is None or (job.plan, job.job) != (plan, job_id):
        raise refused("Only the job itself, with its System.AccessToken, may ask for its token.")
    organization = call.organization
    scope = organization.project(call.path["scopeIdentifier"])
    run = organization.runs.get(job.run)
    if run is None or scope["id"] != run["project"]:
        raise not_found(f"No plan found for identifier {plan}.", "TaskOrchestrationPlanNotFoundException")
    connection = call.query.get("serviceconnectionid", "")
    if connection:
        return {"oidcToken": connection_token(organization, run, job_id, connection.lower())}
    return {"oidcToken": pipeline_token(organization, run)}


def connection_token(organization: Organization, run: Document, job_id: str, connection_id: str) -> str:
    """A token with subject `sc://organization/project/connection`.

    Raises 404 where there is no such connection, and 403 where the pipeline is not authorized for it or the
    job's stage has not passed its checks.
    """
    connection = organization.endpoints.get(connection_id)
    if connection is None or connection["project"] != run["project"]:
        raise not_found(f"There is no service connection with id {connection_id}.")
    if not resources.is_authorized(organization, "endpoint", connection, run["pipeline"]):
        raise refused(
            f"This pipeline is not authorized to use the service connection {connection['name']!r}."
        )
    stage = _stage_of(organization, run, job_id)
    if connection_id not in run.get("passed", {}).get(stage, ()):
        raise refused(
            f"The job's stage has not passed the checks of the service connection {connection['name']!r}: it "
            "must be named in the YAML of the stage."
        )
    project = organization.project(run["project"])["name"]
    subject = f"sc://{organization.settings.organization}/{project}/{connection['name']}"
    return _sign(organization, run, subject, CONNECTION_SECONDS)


def pipeline_token(organization: Organization, run: Document) -> str:
    """A token with subject `p://organization/project/pipeline`: of any branch of it, so trust it little."""
    pipeline = organization.pipelines[run["pipeline"]]
    project = organization.project(run["project"])["name"]
    subject = f"p://{organization.settings.organization}/{project}/{pipeline['name']}"
    return _sign(organization, run, subject, PIPELINE_SECONDS)


def _sign(organization: Organization, run: Document, subject: str, seconds: int) -> str:
    moment = int(time.time())
    repository = organization.repository(run["repository"])
    return organization.issuer_key.sign(
        {
            "jti": new_id(),
            "sub": subject,
            "aud": AUDIENCE,
            "org_id": organization.settings.organization_id,
            "prj_id": run["project"],
            "def_id": str(run["pipeline"]),
            "rpo_id": repository["id"],
            "rpo_ver": run["sourceVersion"],
            "rpo_ref": run["sourceBranch"],
            "run_id": str(run["id"]),
            "iss": organization.settings.issuer,
            "nbf": moment,
            "iat": moment,
            "exp": moment + seconds,
        }
    )


def _stage_of(organization: Organization, run: Document, job_id: str) -> str:
    """The id of the stage record that a job's record stands under."""
    timeline = organization.table("timeline").get(run["id"]) or {"records": {}}
    record = timeline["records"].get(job_id)
    while record and record["type"] != "Stage":
        record = timeline["records"].get(record["parentId"])
    return str(record["id"]) if record else ""


RESOURCES = [
    Resource(
        "69a319f4-28c1-4bfd-93e6-ea0ff5c6f1a2",
        "distributedtask",
        "oidctoken",
        "{scopeIdentifier}/_apis/distributedtask/hubs/{hubName}/plans/{planId}/jobs/{jobId}/oidctoken",
        collection={"POST": create},
    )
]
