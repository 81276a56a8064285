"""SageMaker Model Monitor: the definitions of its jobs, and their schedules.

They are kept, checked and described as the API reference says (CreateDataQualityJobDefinition,
CreateMonitoringSchedule, ...). What a job runs is AWS' own image, which no laptop has: so each execution that
was due has failed, and says why.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import endpoints, listing, networking, tags
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.refusals import in_use, not_found
from isthmus.local.sagemaker.state import now

KINDS = {"DataQuality": "data-quality-job-definition", "ModelQuality": "model-quality-job-definition"}
SCHEDULES = "monitoring-schedule"
# ScheduleConfig: hourly, daily, or every few hours.
_EXPRESSION = re.compile(r"cron\(0 (\*|(?:[01]?\d|2[0-3])(?:/(?:0?[1-9]|1\d|2[0-4]))?) \? \* \* \*\)")
_HOUR = timedelta(hours=1)
# The latest executions that are listed.
_MOST = 100


# ---- what jobs do


def _create_job(kind: str) -> Operation:
    def create(call: Call) -> Record:
        name: str = call["JobDefinitionName"]
        arn = call.space.arn(KINDS[kind], name)
        if name.lower() in call.space[KINDS[kind]]:
            raise in_use(f"Job Definition {arn} already exists.")
        call.pass_role(call["RoleArn"])
        if vpc := call.get("NetworkConfig", {}).get("VpcConfig"):
            role = call.here.cloud.assume(call["RoleArn"], call.caller.region, "SageMaker")
            networking.require(call, role, vpc)
        call.space[KINDS[kind]][name.lower()] = {
            **copy.deepcopy({key: value for key, value in call.params.items() if key != "Tags"}),
            "JobDefinitionArn": arn,
            "MonitoringJobDefinitionName": name,
            "MonitoringJobDefinitionArn": arn,
            "EndpointName": _captured(call, call[f"{kind}JobInput"]),
            **call.signed(),
        }
        tags.put(call.space, arn, call.get("Tags"))
        return {"JobDefinitionArn": arn}

    return create


def _captured(call: Call, source: Record) -> str:
    """The endpoint that a job reads; EndpointInput wants one of the account's that captures."""
    if "EndpointInput" not in source:
        raise invalid("The local SageMaker has Model Monitor for endpoints only: give EndpointInput.")
    name: str = source["EndpointInput"]["EndpointName"]
    if not (endpoints.find(call, name)["_plan"].get("Capture") or {}).get("EnableCapture"):
        raise invalid(f"Endpoint {name} does not have data capture enabled.")
    return name


def _find_job(call: Call, kind: str, name: str) -> Record:
    record = call.space[KINDS[kind]].get(name.lower())
    if record is None:
        raise not_found(f"Job Definition {call.space.arn(KINDS[kind], name)} does not exist.")
    return record


def _describe_job(kind: str) -> Operation:
    return lambda call: _find_job(call, kind, call["JobDefinitionName"])


def _list_jobs(kind: str) -> Operation:
    def list_(call: Call) -> Record:
        wanted = call.get("EndpointName")
        records = [one for one in call.space[KINDS[kind]].values() if wanted in (None, one["EndpointName"])]
        return listing.page(call, records, "JobDefinitionSummaries", name="JobDefinitionName")

    return list_


def _delete_job(kind: str) -> Operation:
    def delete(call: Call) -> Record:
        record = _find_job(call, kind, call["JobDefinitionName"])
        del call.space[KINDS[kind]][record["JobDefinitionName"].lower()]
        tags.drop(call.space, record["JobDefinitionArn"])
        return {}

    return delete


# ---- when


def create(call: Call) -> Record:
    name: str = call["MonitoringScheduleName"]
    arn = call.space.arn(SCHEDULES, name)
    if name.lower() in call.space[SCHEDULES]:
        raise in_use(f"Monitoring Schedule {arn} already exists.")
    call.space[SCHEDULES][name.lower()] = {
        "MonitoringScheduleName": name,
        "MonitoringScheduleArn": arn,
        "MonitoringScheduleStatus": "Scheduled",
        **_configured(call),
        **call.signed(),
    }
    tags.put(call.space, arn, call.get("Tags"))
    return {"MonitoringScheduleArn": arn}


def _configured(call: Call) -> Record:
    config: Record = copy.deepcopy(call["MonitoringScheduleConfig"])
    kind, name = config.get("MonitoringType", ""), config.get("MonitoringJobDefinitionName")
    if kind not in KINDS or not name:
        raise invalid(
            "The local SageMaker has schedules of a named job definition, of DataQuality or ModelQuality."
        )
    expression = config.get("ScheduleConfig", {}).get("ScheduleExpression", "")
    if not _EXPRESSION.fullmatch(expression):
        raise invalid(f"ScheduleExpression {expression!r} is not hourly, daily or every few hours.")
    job = _find_job(call, kind, name)
    return {
        "MonitoringScheduleConfig": config,
        "MonitoringType": kind,
        "MonitoringJobDefinitionName": job["JobDefinitionName"],
        "EndpointName": job["EndpointName"],
        "_image": job[f"{kind}AppSpecification"]["ImageUri"],
    }


def find(call: Call) -> Record:
    """The schedule that the call names; raises ResourceNotFound."""
    name: str = call["MonitoringScheduleName"]
    record = call.space[SCHEDULES].get(name.lower())
    if record is None:
        raise not_found(f"Monitoring Schedule {call.space.arn(SCHEDULES, name)} does not exist.")
    return record


def describe(call: Call) -> Record:
    record = find(call)
    last = next(_executions(record), None)
    return record | ({"LastMonitoringExecutionSummary": last} if last else {})


def update(call: Call) -> Record:
    record = find(call)
    record.update(_configured(call), LastModifiedTime=now())
    return {"MonitoringScheduleArn": record["MonitoringScheduleArn"]}


def _stopping(status: str) -> Operation:
    def change(call: Call) -> Record:
        find(call).update(MonitoringScheduleStatus=status, LastModifiedTime=now())
        return {}

    return change


def list_(call: Call) -> Record:
    wanted = call.get("EndpointName")
    records = [one for one in call.space[SCHEDULES].values() if wanted in (None, one["EndpointName"])]
    answer, status = "MonitoringScheduleSummaries", "MonitoringScheduleStatus"
    return listing.page(call, records, answer, name="MonitoringScheduleName", status=status)


def delete(call: Call) -> Record:
    record = find(call)
    del call.space[SCHEDULES][record["MonitoringScheduleName"].lower()]
    tags.drop(call.space, record["MonitoringScheduleArn"])
    return {}


def list_executions(call: Call) -> Record:
    named, endpoint = call.get("MonitoringScheduleName"), call.get("EndpointName")
    records = [
        execution
        for one in call.space[SCHEDULES].values()
        if named in (None, one["MonitoringScheduleName"]) and endpoint in (None, one["EndpointName"])
        for execution in _executions(one)
    ]
    answer, status = "MonitoringExecutionSummaries", "MonitoringExecutionStatus"
    return listing.page(call, records, answer, status=status)


def _executions(schedule: Record) -> Iterator[Record]:
    """Those that were due since the schedule was made or changed, the latest first."""
    if schedule["MonitoringScheduleStatus"] != "Scheduled":
        return
    expression = schedule["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"]
    since = datetime.fromtimestamp(schedule["LastModifiedTime"], UTC)
    for due in _hours(expression, since, datetime.fromtimestamp(now(), UTC)):
        at = due.timestamp()
        named = ("MonitoringScheduleName", "MonitoringType", "MonitoringJobDefinitionName", "EndpointName")
        yield {
            **{key: schedule[key] for key in named},
            "ScheduledTime": at,
            "CreationTime": at,
            "LastModifiedTime": at,
            "MonitoringExecutionStatus": "Failed",
            "FailureReason": f"ClientError: the local SageMaker cannot run {schedule['_image']}: it is AWS' "
            "own, and only AWS has it.",
        }


def _hours(expression: str, since: datetime, until: datetime) -> Iterator[datetime]:
    """The hours that an expression names, the latest first."""
    match = _EXPRESSION.fullmatch(expression)
    first, _, every = match[1].partition("/") if match else ("", "", "")
    begin = 0 if first == "*" else int(first)
    wanted = range(begin, 24, 1 if first == "*" else int(every or 24))
    hour, found = until.replace(minute=0, second=0, microsecond=0), 0
    while hour > since and found < _MOST:
        if hour.hour in wanted:
            found += 1
            yield hour
        hour -= _HOUR


OPERATIONS: dict[str, Operation] = {
    **{f"Create{kind}JobDefinition": _create_job(kind) for kind in KINDS},
    **{f"Describe{kind}JobDefinition": _describe_job(kind) for kind in KINDS},
    **{f"List{kind}JobDefinitions": _list_jobs(kind) for kind in KINDS},
    **{f"Delete{kind}JobDefinition": _delete_job(kind) for kind in KINDS},
    "CreateMonitoringSchedule": create,
    "DescribeMonitoringSchedule": describe,
    "UpdateMonitoringSchedule": update,
    "StartMonitoringSchedule": _stopping("Scheduled"),
    "StopMonitoringSchedule": _stopping("Stopped"),
    "ListMonitoringSchedules": list_,
    "DeleteMonitoringSchedule": delete,
    "ListMonitoringExecutions": list_executions,
}
