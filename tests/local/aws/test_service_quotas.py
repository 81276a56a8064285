"""Service Quotas: listed, raised when it is asked for, and only for whom IAM lets."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import AUTOMATION, PROD, Aws

ENDPOINTS = "ml.m5.large for endpoint usage"


def value(aws: Aws, account: str) -> tuple[str, float]:
    pages = aws.client("service-quotas", account).get_paginator("list_service_quotas")
    all_ = [one for page in pages.paginate(ServiceCode="sagemaker") for one in page["Quotas"]]
    (one,) = (one for one in all_ if one["QuotaName"] == ENDPOINTS)
    return one["QuotaCode"], one["Value"]


def test_a_quota_is_raised_in_its_account(aws: Aws) -> None:
    code, before = value(aws, AUTOMATION)
    quotas = aws.client("service-quotas", AUTOMATION)
    asked = {"ServiceCode": "sagemaker", "QuotaCode": code}
    done = quotas.request_service_quota_increase(**asked, DesiredValue=before + 2)["RequestedQuota"]
    assert (done["QuotaName"], done["Status"]) == (ENDPOINTS, "APPROVED")
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == before + 2
    first = quotas.list_aws_default_service_quotas(ServiceCode="sagemaker")["Quotas"]
    assert next(one["Value"] for one in first if one["QuotaName"] == ENDPOINTS) == before
    assert value(aws, PROD) == (code, before)
    with pytest.raises(ClientError, match="IllegalArgument"):
        quotas.request_service_quota_increase(**asked, DesiredValue=before)
    with pytest.raises(ClientError, match="NoSuchResource"):
        quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode="L-0")


def test_who_may_not_list_them_is_refused(aws: Aws) -> None:
    iam = aws.client("iam", AUTOMATION)
    iam.create_user(UserName="counter")
    key = iam.create_access_key(UserName="counter")["AccessKey"]
    user = {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"], "SessionToken": ""}
    quotas = aws.client("service-quotas", "", user)
    with pytest.raises(ClientError, match="AccessDenied"):
        quotas.list_service_quotas(ServiceCode="sagemaker")
    may = {"Effect": "Allow", "Action": "servicequotas:ListServiceQuotas", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName="counter", PolicyName="may", PolicyDocument=policy)
    assert quotas.list_service_quotas(ServiceCode="sagemaker")["Quotas"]
