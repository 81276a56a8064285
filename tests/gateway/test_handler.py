"""The API's Lambda: who may ask, what is asked of the endpoint, and each failure as HTTP says it."""

from __future__ import annotations

import base64
import json

import boto3
import pytest

from gateway import endpoint
from tests.gateway.conftest import Call, Runtime, event


def test_predictions_come_back_under_an_inference_id(call: Call, runtime: Runtime) -> None:
    status, body = call(rows="1,2\n")
    assert (status, body["model"], body["predictions"]) == (200, "rain", [0.25])
    path, headers, rows = runtime.asked[0]
    assert (path, rows) == ("/endpoints/rain/invocations", b"1,2\n")
    assert headers["content-type"] == "text/csv"
    assert headers["x-amzn-sagemaker-inference-id"] == body["inference_id"]
    assert len(body["inference_id"]) == 36


def test_the_caller_may_choose_the_inference_id(call: Call, runtime: Runtime) -> None:
    _, body = call(headers={"X-Inference-Id": "order-7"})
    assert body["inference_id"] == "order-7"
    assert runtime.asked[0][1]["x-amzn-sagemaker-inference-id"] == "order-7"


def test_json_and_encoded_bodies_reach_the_model_as_they_were_sent(call: Call, runtime: Runtime) -> None:
    rows = '{"instances": [{"a": "ü"}]}'
    call(rows=rows, headers={"Content-Type": "application/json; charset=utf-8"})
    call(rows=base64.b64encode(rows.encode()).decode(), isBase64Encoded=True)
    assert [asked[2] for asked in runtime.asked] == [rows.encode()] * 2
    assert runtime.asked[0][1]["content-type"] == "application/json"


def test_a_rest_apis_event_is_understood_too(call: Call, runtime: Runtime) -> None:
    given = event(headers={"Content-Type": "text/csv"})
    claims = {"azp": "caller-1", "roles": ["Other", "Predict"]}
    given["requestContext"]["authorizer"] = {"claims": claims}
    assert call(given)[0] == 200


@pytest.mark.parametrize("roles", [None, "[]", "[Predictor]", "[Other NotPredict]"])
def test_without_the_role_nobody_is_let_through(call: Call, runtime: Runtime, roles: str | None) -> None:
    status, body = call(roles=roles)
    assert status == 403
    assert "role 'Predict'" in body["message"]
    assert runtime.asked == []


def test_an_event_without_an_authorizer_is_refused(call: Call, runtime: Runtime) -> None:
    given = event()
    del given["requestContext"]["authorizer"]
    assert call(given)[0] == 403
    assert runtime.asked == []


@pytest.mark.parametrize(
    ("parts", "status", "says"),
    [
        ({"model": "../../models"}, 404, "no model"),
        ({"model": "Rain"}, 404, "no model"),
        ({"model": "a" * 200}, 404, "no model"),
        ({"rows": "  \n"}, 400, "no rows"),
        ({"rows": "%%%", "isBase64Encoded": True}, 400, "cannot be read"),
        ({"rows": "x" * (6 * 1024 * 1024 + 1)}, 413, "6291457 bytes"),
        ({"headers": {"content-type": "text/html"}}, 415, "'text/html' is not served"),
        ({"headers": {"content-type": ""}}, 415, "send text/csv"),
        ({"headers": {"x-inference-id": "a\nb"}}, 400, "letters, digits"),
        ({"headers": {"x-inference-id": "isthmus-gate-1"}}, 400, "may not start with"),
    ],
)
def test_what_cannot_be_asked_is_refused(call: Call, runtime: Runtime, parts, status, says) -> None:
    found, body = call(**parts)
    assert (found, says in body["message"]) == (status, True), body
    assert runtime.asked == []


@pytest.mark.parametrize(
    ("status", "code", "answer", "given", "says"),
    [
        (
            400,
            "ValidationError",
            {"message": "Endpoint rain of account 1 not found."},
            404,
            "no model 'rain'",
        ),
        (400, "ValidationError", {"message": "Accept is too long"}, 400, "Accept is too long"),
        (403, "AccessDeniedException", {"message": "not authorized"}, 404, "no model 'rain'"),
        (400, "ThrottlingException", {"message": "Rate exceeded"}, 429, "too many requests"),
        (503, "ServiceUnavailable", {"message": "later"}, 503, "not ready"),
        (429, "ModelNotReadyException", {"message": "later"}, 503, "not ready"),
        (500, "InternalFailure", {"message": "oh"}, 502, "InternalFailure"),
        (424, "ModelError", {"OriginalStatusCode": 400, "OriginalMessage": "row 1: no number"}, 400, "row 1"),
        (424, "ModelError", {"OriginalStatusCode": 429, "OriginalMessage": ""}, 429, "too many"),
        (424, "ModelError", {"OriginalStatusCode": 503, "OriginalMessage": ""}, 503, "not ready"),
        (424, "ModelError", {"OriginalStatusCode": 500, "OriginalMessage": "secret trace"}, 502, "failed"),
        (200, "", b"<html>", 502, "not JSON"),
    ],
)
def test_each_failure_has_its_status(call: Call, runtime: Runtime, status, code, answer, given, says) -> None:
    runtime.status, runtime.code, runtime.body = status, code, answer
    found, body = call()
    assert (found, says in body["message"]) == (given, True), body
    assert "secret" not in json.dumps(body)
    paths = [path for path, *_ in runtime.asked]
    assert len(paths) == len(set(paths)), "the caller decides whether to try again"
    # A model that is not there by one way to serve may be there by the other.
    assert len(paths) == (2 if given == 404 else 1)
    assert ("request_id" in body) == (given >= 500)


def test_a_model_is_looked_for_on_the_endpoints_that_are_shared(
    call: Call, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARED_ENDPOINTS", "small-shared large-shared")
    runtime.says(400, "ValidationError", message="Inference component rain of endpoint x not found.")
    assert call()[0] == 404
    header = "x-amzn-sagemaker-inference-component"
    assert [(path.split("/")[2], sent.get(header)) for path, sent, _ in runtime.asked] == [
        ("rain", None),
        ("rain-serverless", None),
        ("small-shared", "rain"),
        ("large-shared", "rain"),
    ]


def test_an_endpoint_that_cannot_be_reached_is_a_bad_gateway(
    call: Call, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime_client = boto3.client(
        "sagemaker-runtime", endpoint_url="http://127.0.0.1:9", config=endpoint.CONFIG
    )
    monkeypatch.setattr(endpoint, "_runtime", lambda: runtime_client)
    assert call()[0] == 502


def test_the_log_says_who_asked_what_and_holds_no_rows(call: Call, runtime: Runtime, capsys) -> None:
    call(rows="4711,0815\n")
    runtime.says(424, "ModelError", OriginalStatusCode=400, OriginalMessage="row 1: '4711' is no number")
    call(rows="4711,0815\n")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["status"], first["caller"], first["model"], first["bytes"]) == (200, "caller-1", "rain", 10)
    assert second["status"] == 400
    assert "4711" not in json.dumps([first, second])
    assert "0.25" not in json.dumps(first)
