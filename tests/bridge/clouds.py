"""The clouds as the bridge sees them over HTTP: STS, SSM, DynamoDB, SageMaker, Entra and Azure DevOps.

One local server in place of the network. Any request may be made to fail, before or after it took effect.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bridge.envelope import Refused, moment
from tests.bridge import stages
from tests.bridge.jobs import Jobs
from tests.bridge.stages import Stages

ASSERTION = "aws-signed.assertion.never-logged"
BEARER = "entra.bearer.never-logged"
BRIDGE = {"id": "8f6f1c2e-0000-4000-8000-0000000b41d6", "descriptor": "aadsp.YnJpZGdl"}
BY_BRIDGE = {"requestedFor": BRIDGE, "requestedBy": BRIDGE}
CONDITION = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/222233334444/isthmus-bridge"
STS = """<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult>
<WebIdentityToken>{}</WebIdentityToken></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"""

WHO = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::222233334444:user/robin</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"""
PUBLISHED = """<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>
<MessageId>told</MessageId></PublishResult></PublishResponse>"""


# What every refusal of Azure DevOps has beside its message.
REFUSAL = {
    "$id": "1",
    "innerException": None,
    "typeName": "Microsoft.VisualStudio.Services.Common.VssServiceException",
    "typeKey": "VssServiceException",
    "errorCode": 0,
    "eventId": 3000,
}


@dataclass
class Fault:
    """Strikes at request number `at` (from 0). A status is answered; without one the connection breaks.

    `late`: the request takes effect first. `deadly`: nothing after it gets through either, as if Lambda died.
    """

    at: int
    late: bool = False
    deadly: bool = False
    status: int = 0


@dataclass
class Clouds:
    models: set[str] = field(default_factory=set)
    # What Parameter Store holds of a model.
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    pipelines: dict[str, int] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Ids of runs that Azure DevOps lists no more: it keeps none for ever, and lists the latest.
    unlisted_runs: set[int] = field(default_factory=set)
    # ARNs of versions that the registry's list does not show yet.
    unlisted: set[str] = field(default_factory=set)
    # What buckets hold: the text of each `/bucket/key`.
    objects: dict[str, str] = field(default_factory=dict)
    # When that was written, in seconds since 1970.
    written: float = 1_600_000_000
    memory: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Of messages that come again: after how many seconds.
    put_off: list[int] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    # What the bridge asked of itself.
    looks: list[str] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)
    # The queue takes nothing more.
    full: bool = False
    # What Azure DevOps says with each answer.
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    fault: Fault | None = None
    # What goes on elsewhere just before the request of that number among those that change something: before
    # one that reads, it would find the same.
    meanwhile: dict[int, Callable[[], object]] = field(default_factory=dict)
    changes: int = 0
    # Azure DevOps answers to no wish for a run, and makes it late: each is done when time passes.
    tardy: bool = False
    owed: list[tuple[str, dict[str, list[str]], bytes]] = field(default_factory=list)
    # Operations that DynamoDB throttles.
    throttled: set[str] = field(default_factory=set)
    # What topics were told, and what Azure DevOps says that waits for approval.
    notices: list[dict[str, str]] = field(default_factory=list)
    approvals: list[dict[str, Any]] = field(default_factory=list)
    signed_in: bool = True
    count: int = 0
    jobs: Jobs = field(default_factory=Jobs)
    stages: Stages = field(default_factory=Stages)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def strike(self, fault: Fault | None) -> None:
        self.fault, self.count, self.changes = fault, 0, 0
        self.meanwhile.clear()

    def pass_time(self, seconds: int) -> None:
        """What is held until some moment is so much nearer to it; what is taken from now on is not."""
        for path, query, body in self.owed:
            self._azure("POST", path, query, body)
        self.owed.clear()
        for held in self.memory.values():
            held["expiration"] = {"N": str(int(held["expiration"]["N"]) - seconds)}

    def runs_of(self, pipeline: str) -> list[dict[str, str]]:
        """The parameters of a pipeline's runs, the first one first."""
        return [one["templateParameters"] for one in self.runs if one["pipeline"] == self.pipelines[pipeline]]

    def tell(self, envelope: Any) -> None:
        """Have the registry say what an event tells of a version, and of its time, unless it knows better."""
        detail = envelope.get("detail") if isinstance(envelope, dict) else None
        if not isinstance(detail, dict) or not isinstance(arn := detail.get("ModelPackageArn"), str):
            return
        package = self.packages.setdefault(
            arn,
            {
                "ModelPackageName": detail.get("ModelPackageGroupName"),
                "ModelPackageGroupName": detail.get("ModelPackageGroupName"),
                "ModelPackageVersion": detail.get("ModelPackageVersion"),
                "ModelPackageArn": arn,
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": []},
                "ModelApprovalStatus": "Approved",
                # An approval of long ago is history: only its own event asks for a run.
                "CreationTime": 1_600_000_000,
                "LastModifiedTime": 1_600_000_060,
            },
        )
        at = _past(detail.get("LastModifiedTime"))
        package["LastModifiedTime"] = max(at, package["LastModifiedTime"] or 0)

    def respond(
        self, method: str, url: str, target: str, body: bytes, authorization: str = ""
    ) -> tuple[int, Any] | None:
        """Status and answer; None where the connection breaks."""
        with self.lock:
            self.requests.append((method, url))
            number, self.count = self.count, self.count + 1
        if _changes(method, url, target):
            change, self.changes = self.changes, self.changes + 1
            self.meanwhile.pop(change, lambda: None)()
        with self.lock:
            fault = self.fault
            strikes = fault is not None and number == fault.at
            if fault and ((strikes and not fault.late) or (fault.deadly and number > fault.at)):
                return (fault.status, {"message": "struck"}) if fault.status else None
            if self.tardy and method == "POST" and "/_apis/pipelines/" in url:
                path, query = urlsplit(url).path.partition("/_apis/")[2], parse_qs(urlsplit(url).query)
                self.owed.append((path, query, body))
                return None
            answer = self.jobs.answer(method, url, target, body, authorization)
            answer = answer or self._answer(method, url, target, body, authorization)
            if fault and strikes:
                return (fault.status, {"message": "struck late"}) if fault.status else None
            return answer

    def _answer(
        self, method: str, url: str, target: str, body: bytes, authorization: str = ""
    ) -> tuple[int, Any]:
        path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
        if target.startswith("DynamoDB"):
            return self._dynamodb(target.rpartition(".")[2], json.loads(body))
        if target.startswith("SageMaker") and target.rpartition(".")[2] in stages.OPERATIONS:
            return self.stages.answer(target.rpartition(".")[2], json.loads(body), authorization)
        if target.startswith("SageMaker"):
            return self._sagemaker(target.rpartition(".")[2], json.loads(body))
        if target.startswith("AmazonSQS"):
            return self._queues(target.rpartition(".")[2], json.loads(body))
        if target.startswith("AmazonSSM"):
            return self._parameters(target.rpartition(".")[2], json.loads(body))
        if path == "/" and b"Action=Publish" in body:
            self.notices.append({name: one[0] for name, one in parse_qs(body.decode()).items()})
            return 200, PUBLISHED
        if path == "/":
            form = parse_qs(body.decode())
            if form["Action"] == ["GetCallerIdentity"]:
                return 200, WHO
            if form["Action"] == ["AssumeRole"]:
                return self.stages.lend(form["RoleArn"][0])
            assert form["Action"] == ["GetWebIdentityToken"]
            return 200, STS.format(ASSERTION)
        if path.endswith("/oauth2/v2.0/token"):
            form = parse_qs(body.decode())
            assert form["client_assertion"] == [ASSERTION]
            return 200, {"access_token": BEARER, "expires_in": 3600, "token_type": "Bearer"}
        if "/_apis/" not in path:
            missing = "<Error><Code>NoSuchKey</Code><Message>The key does not exist.</Message></Error>"
            return (200, self.objects[path]) if path in self.objects else (404, missing)
        return self._azure(method, path.partition("/_apis/")[2], query, body)

    def _azure(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        if not self.signed_in:
            return 401, {"message": "TF400813: not authorized"}
        if path == "connectionData":
            return 200, {"authenticatedUser": BRIDGE}
        if path == "build/definitions":
            found = [
                {"id": id, "path": path}
                for name, number in self.pipelines.items()
                if name == query["name"][0]
                for id, path in ((number + 1000, "\\copies"), (number, "\\"))
            ]
            return 200, {"count": len(found), "value": found}
        if path == "build/builds":
            since = query.get("minTime", ["0"])[0]
            found = [
                one
                for one in self.runs
                if str(one["pipeline"]) == query["definitions"][0]
                and one["queueTime"] >= since
                and one["id"] not in self.unlisted_runs
            ]
            return 200, {"count": len(found), "value": found[::-1][: int(query["$top"][0])]}
        if path == "pipelines/approvals":
            return 200, {"count": len(self.approvals), "value": self.approvals}
        if path.startswith("build/builds/"):
            return 200, next(one for one in self.runs if str(one["id"]) == path.rpartition("/")[2])
        number = int(path.removeprefix("pipelines/").removesuffix("/runs"))
        parameters = json.loads(body)["templateParameters"]
        run = {"id": len(self.runs) + 1, "pipeline": number, "templateParameters": parameters}
        self.runs.append(
            run | {"status": "notStarted", "queueTime": datetime.now(UTC).isoformat()} | BY_BRIDGE
        )
        return 200, {"id": len(self.runs), "state": "inProgress"}

    def _dynamodb(self, operation: str, asked: dict[str, Any]) -> tuple[int, Any]:
        key = (asked.get("Item") or asked["Key"])["id"]["S"]
        held = self.memory.get(key)
        if operation in self.throttled:
            return 400, {"__type": "ProvisionedThroughputExceededException", "message": "slow down"}
        if operation == "PutItem":
            if (
                "ConditionExpression" in asked
                and held
                and not self._free(held, asked["ExpressionAttributeValues"])
            ):
                return 400, {"__type": CONDITION, "message": "The conditional request failed"}
            self.memory[key] = asked["Item"]
        elif operation == "DeleteItem":
            owner = asked.get("ExpressionAttributeValues", {}).get(":owner")
            if owner and (not held or held["owner"] != owner):
                return 400, {"__type": CONDITION, "message": "The conditional request failed"}
            self.memory.pop(key, None)
        elif operation == "GetItem":
            return 200, {"Item": held} if held else {}
        return 200, {}

    def _free(self, held: dict[str, Any], values: dict[str, Any]) -> bool:
        """A lease's condition: absent, expired, or one's own."""
        return int(held["expiration"]["N"]) < int(values[":now"]["N"]) or held["owner"] == values[":owner"]

    def _parameters(self, operation: str, asked: dict[str, Any]) -> tuple[int, Any]:
        if operation == "GetParametersByPath":
            names, start = sorted(self.models), int(asked.get("NextToken", 0))
            page = [{"Name": f"{asked['Path']}/{model}"} for model in names[start : start + 10]]
            more = {"NextToken": str(start + 10)} if start + 10 < len(names) else {}
            return 200, {"Parameters": page} | more
        path, _, model = asked["Name"].rpartition("/")
        if (path, model in self.models) == ("/isthmus/models", True):
            return 200, {"Parameter": {"Name": asked["Name"], "Value": json.dumps(self.said.get(model, {}))}}
        return 400, {"__type": "ParameterNotFound", "message": ""}

    def _queues(self, operation: str, asked: dict[str, Any]) -> tuple[int, Any]:
        if operation == "GetQueueAttributes":
            return 200, {"Attributes": dict.fromkeys(asked["AttributeNames"], str(len(self.dead_letters)))}
        if operation == "ChangeMessageVisibility":
            assert asked["QueueUrl"] == QUEUE
            self.put_off.append(asked["VisibilityTimeout"])
            return 200, {}
        if operation == "SendMessageBatch":
            assert asked["QueueUrl"] == QUEUE
            if self.full:
                failed = [
                    {"Id": one["Id"], "Code": "InternalError", "SenderFault": False}
                    for one in asked["Entries"]
                ]
                return 200, {"Successful": [], "Failed": failed}
            self.looks += [one["MessageBody"] for one in asked["Entries"]]
            self.delays += [one["DelaySeconds"] for one in asked["Entries"]]
            return 200, {"Successful": [_sent(one) for one in asked["Entries"]], "Failed": []}
        if (operation, asked["QueueUrl"]) == ("SendMessage", QUEUE):
            self.looks.append(asked["MessageBody"])
            self.delays.append(asked["DelaySeconds"])
            return 200, _sent(asked)
        assert (operation, asked["QueueUrl"]) == ("SendMessage", f"{QUEUE}-dlq")
        said = {name: one["StringValue"] for name, one in asked["MessageAttributes"].items()}
        self.dead_letters.append({"body": asked["MessageBody"]} | said)
        return 200, {"MessageId": "dead", "MD5OfMessageBody": md5(asked["MessageBody"].encode()).hexdigest()}

    def _sagemaker(self, operation: str, asked: dict[str, Any]) -> tuple[int, Any]:
        if operation == "DescribeModelPackage":
            arn = asked["ModelPackageName"]
            missing = {"__type": "ValidationException", "message": f"ModelPackage {arn} does not exist."}
            return (200, self.packages[arn]) if arn in self.packages else (400, missing)
        if operation == "UpdateModelPackage":
            package = self.packages[asked["ModelPackageArn"]]
            package["CustomerMetadataProperties"] = package.get("CustomerMetadataProperties", {}) | asked.pop(
                "CustomerMetadataProperties", {}
            )
            package |= asked
            return 200, {"ModelPackageArn": asked["ModelPackageArn"]}
        listed = ("ModelPackageArn", "ModelPackageStatus", "CreationTime", "ModelLifeCycle")
        found = [
            {key: one[key] for key in listed if key in one}
            for one in self.packages.values()
            if one["ModelPackageGroupName"] == asked["ModelPackageGroupName"]
            and one["ModelApprovalStatus"] == asked["ModelApprovalStatus"]
            and one["ModelPackageArn"] not in self.unlisted
        ]
        return 200, {"ModelPackageSummaryList": found[::-1]}


def _past(at: Any) -> float:
    """A time of an event in seconds since 1970; 0 for none, and for one that is yet to come."""
    try:
        seconds = datetime.fromisoformat(moment(at)).timestamp()
    except Refused:
        return 0
    return seconds if seconds < time.time() else 0


def _changes(method: str, url: str, target: str) -> bool:
    return target.endswith(("PutItem", "DeleteItem")) or (method != "GET" and "/_apis/" in url)


def _sent(entry: dict[str, Any]) -> dict[str, str]:
    digest = md5(entry["MessageBody"].encode()).hexdigest()
    return {"Id": entry.get("Id", ""), "MessageId": "look", "MD5OfMessageBody": digest}


@contextmanager
def serving(clouds: Clouds) -> Iterator[str]:
    """Serve the clouds until the block ends; gives their URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer of two small packets would wait for the reader's acknowledgement.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body, target = self.rfile.read(length), self.headers.get("x-amz-target", "")
            authorization = self.headers.get("authorization", "")
            answer = clouds.respond(self.command, self.path, target, body, authorization)
            if answer is None:
                self.close_connection = True
                return
            status, content = answer
            if status >= 400 and "/_apis/" in self.path:
                content = REFUSAL | content
            sent = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(sent)))
            self.send_header("last-modified", formatdate(clouds.written, usegmt=True))
            if "/_apis/" in self.path:
                self.send_header("content-type", "application/json; charset=utf-8")
                for name, value in clouds.headers.items():
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
