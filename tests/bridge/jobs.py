"""What the clouds know of jobs that wait: runs and their timelines, executions, the table, and the queue."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

BRIDGE_TOKEN = "entra.bearer.never-logged"
FAILED_CONDITION = {
    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
    "message": "The conditional request failed",
}
Answer = tuple[int, Any]


@dataclass
class Jobs:
    """`tokens` are those of jobs; `events` and `lines` what Azure DevOps was told, `queue` what AWS was."""

    tokens: set[str] = field(default_factory=set)
    builds: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    queue: list[dict[str, Any]] = field(default_factory=list)
    asked_with: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, method: str, url: str, target: str, body: bytes, authorization: str) -> Answer | None:
        operation = target.rpartition(".")[2]
        if target.startswith("DynamoDB"):
            asked = json.loads(body)
            return self._table(operation, asked) if asked["TableName"] == "isthmus-waiting" else None
        if target.startswith("AWSEvents"):
            (entry,) = json.loads(body)["Entries"]
            assert entry["EventBusName"] == "isthmus-automation"
            self.queue.append(_delivered(entry, len(self.queue)))
            return 200, {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
        if target.startswith("SageMaker") and "PipelineExecution" in operation:
            return self._sagemaker(operation, json.loads(body))
        path = urlsplit(url).path.partition("/_apis/")[2]
        if not path.startswith(("build/builds/", "distributedtask/")):
            return None
        self.asked_with.append((path, authorization))
        if authorization.removeprefix("Bearer ") not in {*self.tokens, BRIDGE_TOKEN}:
            return 401, {"message": "TF400813: not authorized"}
        return self._azure(method, path, body)

    def _azure(self, method: str, path: str, body: bytes) -> Answer:
        parts = path.split("/")
        if method == "GET":
            if parts[2] not in self.builds:
                return 404, {"message": "The requested build could not be found."}
            if len(parts) == 3:
                return 200, self.builds[parts[2]]
            plan = self.builds[parts[2]]["orchestrationPlan"]["planId"]
            if len(parts) == 5 and parts[4] != plan:
                return 404, {"message": "There is no such timeline."}
            return 200, {"records": self.records[parts[2]]}
        build = next(
            (key for key, one in self.builds.items() if one["orchestrationPlan"]["planId"] == parts[4]), None
        )
        if build is None:
            return 404, {"message": "No plan found for identifier."}
        told = json.loads(body)
        if path.endswith("/feed"):
            self.lines += told["value"]
            return 200, ""
        if self.builds[build]["status"] == "completed":
            return 400, {"message": "The orchestration plan is completed."}
        task = next((one for one in self.records[build] if one["id"] == told["taskId"]), None)
        if task is None:
            return 404, {"message": "There is no such record in this plan."}
        if task["state"] != "completed":
            self.events.append(told)
            task |= {"state": "completed", "result": told["result"]}
        return 200, ""

    def _sagemaker(self, operation: str, asked: dict[str, Any]) -> Answer:
        if operation == "ListPipelineExecutions":
            listed = [
                one | {"PipelineExecutionArn": arn}
                for arn, one in self.executions.items()
                if f":pipeline/{asked['PipelineName']}/" in arn and one["StartTime"] >= asked["CreatedAfter"]
            ]
            return 200, {"PipelineExecutionSummaries": listed}
        arn = asked["PipelineExecutionArn"]
        if arn not in self.executions:
            return 400, {"__type": "ResourceNotFound", "message": "no such execution"}
        if operation == "DescribePipelineExecution":
            return 200, self.executions[arn]
        return 200, {"PipelineExecutionSteps": self.steps.get(arn, [])}

    def _table(self, operation: str, asked: dict[str, Any]) -> Answer:
        if operation == "Scan":
            return 200, {"Items": list(self.waiting.values()), "Count": len(self.waiting)}
        key = (asked.get("Item") or asked["Key"])["id"]["S"]
        held = self.waiting.get(key)
        values = asked.get("ExpressionAttributeValues", {})
        if operation == "GetItem":
            return 200, {"Item": held} if held else {}
        same = held is not None and held["task"] == values[":task"]
        if operation == "PutItem":
            if same:
                return 400, FAILED_CONDITION
            self.waiting[key] = asked["Item"]
        elif not same or (operation == "UpdateItem" and held["told"] != values[":before"]):
            return 400, FAILED_CONDITION
        elif operation == "UpdateItem":
            held["told"] = values[":now"]
        else:
            del self.waiting[key]
        return 200, {}


def _delivered(entry: dict[str, Any], number: int) -> dict[str, Any]:
    """The event as a rule of the bus puts it into the queue."""
    return {
        "id": f"waiting-{number}",
        "source": entry["Source"],
        "detail-type": entry["DetailType"],
        "account": "222233334444",
        "region": "eu-west-1",
        "resources": entry["Resources"],
        "detail": json.loads(entry["Detail"]),
    }
