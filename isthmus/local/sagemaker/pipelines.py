"""Pipelines: definitions that were checked, and are kept as each execution found them."""

from __future__ import annotations

from dataclasses import replace

from isthmus.executor import checking, definition, objects
from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import listing, tags
from isthmus.local.sagemaker.arns import parse
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import conflict, not_found
from isthmus.local.sagemaker.state import now

_GIVEN = ("PipelineDisplayName", "PipelineDescription", "ParallelismConfiguration")


def create(call: Call) -> Record:
    return call.once(call.get("ClientRequestToken"), lambda: _create(call))


def _create(call: Call) -> Record:
    name: str = call["PipelineName"]
    if name.lower() in call.space["pipelines"]:
        raise conflict(
            f"Pipeline names must be unique within an AWS account and region. Pipeline with name "
            f"({name}) already exists."
        )
    call.pass_role(call["RoleArn"])
    arn = call.space.arn("pipeline", name)
    call.space["pipelines"][name.lower()] = {
        "PipelineName": name,
        "PipelineDisplayName": name,
        "PipelineArn": arn,
        "PipelineDefinition": _checked(call),
        "RoleArn": call["RoleArn"],
        "PipelineStatus": "Active",
        **call.given(*_GIVEN),
        **call.signed(),
    }
    tags.put(call.space, arn, call.get("Tags"))
    return {"PipelineArn": arn}


def with_definition(call: Call) -> Call:
    """The call with the text of its definition, where the request says where in S3 that is."""
    place = call.get("PipelineDefinitionS3Location")
    if place is None:
        return call
    if "PipelineDefinition" in call.params:
        raise invalid("Only one of PipelineDefinition and PipelineDefinitionS3Location may be given.")
    try:
        text = call.here.cloud.objects(call.caller).read(place["Bucket"], place["ObjectKey"]).decode()
    except objects.StoreError as error:
        raise invalid(f"Unable to read the pipeline definition: {error}") from None
    return replace(call, params={**call.params, "PipelineDefinition": text})


def _checked(call: Call) -> str:
    """The definition's text; raises a ValidationException if it cannot run."""
    text: str | None = call.get("PipelineDefinition")
    if text is None:
        raise invalid("One of PipelineDefinition and PipelineDefinitionS3Location must be given.")
    checking.check(definition.read(text))
    return text


def find(call: Call, name: str) -> Record:
    """A pipeline by name or ARN; raises ResourceNotFound."""
    arn = parse(name)
    record = call.space["pipelines"].get((arn.name if arn else name).lower())
    if record is None or (arn and arn.account != call.caller.account):
        raise not_found(f"Pipeline '{call.space.arn('pipeline', arn.name if arn else name)}' does not exist.")
    return record


def update(call: Call) -> Record:
    record = find(call, call["PipelineName"])
    changed = call.given(*_GIVEN, "RoleArn")
    if "RoleArn" in changed:
        call.pass_role(changed["RoleArn"])
    if "PipelineDefinition" in call.params:
        changed["PipelineDefinition"] = _checked(call)
    record.update(changed, LastModifiedTime=now(), LastModifiedBy=call.caller.user_context())
    return {"PipelineArn": record["PipelineArn"]}


def describe(call: Call) -> Record:
    return find(call, call["PipelineName"])


def list_(call: Call) -> Record:
    return listing.page(call, call.space["pipelines"].values(), "PipelineSummaries", name="PipelineName")


def delete(call: Call) -> Record:
    record = find(call, call["PipelineName"])
    runs = call.space["executions"].values()
    if any(
        run["PipelineArn"] == record["PipelineArn"]
        and run["PipelineExecutionStatus"] in ("Executing", "Stopping")
        for run in runs
    ):
        raise conflict(f"Pipeline {record['PipelineName']} has executions that are still running.")
    del call.space["pipelines"][record["PipelineName"].lower()]
    for run in [one for one in runs if one["PipelineArn"] == record["PipelineArn"]]:
        del call.space["executions"][run["PipelineExecutionArn"]]
    tags.drop(call.space, record["PipelineArn"])
    return {"PipelineArn": record["PipelineArn"]}


OPERATIONS: dict[str, Operation] = {
    "CreatePipeline": create,
    "UpdatePipeline": update,
    "DescribePipeline": describe,
    "ListPipelines": list_,
    "DeletePipeline": delete,
}
