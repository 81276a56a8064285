"""A request that IAM and the service could read differently does nothing, whoever sends it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.local.aws.documents import allow, make_role
from tests.local.conftest import PROD, REGION, Aws

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "IAMService.CreateUser"}
MAY = {"Action": "GetUser", "UserName": "smuggled"}
MAY_NOT = {"Action": "CreateUser", "UserName": "smuggled"}
WAYS = {
    "the body says more than the query string": (FORM, MAY, urlencode(MAY_NOT)),
    "the body is no form": ({"Content-Type": "text/plain"}, {}, urlencode(MAY_NOT)),
    "the second action counts": (FORM, {}, f"Action=&{urlencode(MAY_NOT)}"),
    "JSON beside a query string": (JSON, MAY, '{"UserName": "smuggled"}'),
}


@pytest.fixture(scope="module")
def credentials(aws: Aws) -> Credentials:
    """A role that may read users and make none."""
    make_role(aws, PROD, "reads-users", allow("iam:GetUser", f"arn:aws:iam::{PROD}:user/*"))
    found = aws.acting_as("reads-users", PROD)
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


@pytest.mark.parametrize("way", WAYS)
def test_what_iam_would_read_otherwise_is_not_done(aws: Aws, credentials: Credentials, way: str) -> None:
    headers, query, body = WAYS[way]
    request = AWSRequest("POST", aws.url, headers=headers, params=query, data=body)
    SigV4Auth(credentials, "iam", REGION).add_auth(request)
    sent = request.prepare()
    answer = requests.post(sent.url, data=sent.body, headers=dict(sent.headers), timeout=60)
    assert answer.status_code in (400, 403)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws.client("iam", PROD).get_user(UserName="smuggled")
