"""What the clouds know of staging and prod: who may look there, and what serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LENT = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{account}</AccessKeyId><SecretAccessKey>test</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
DENIED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>may not perform sts:AssumeRole</Message></Error></ErrorResponse>"""
OPERATIONS = (
    *("DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel"),
    *("DescribeInferenceComponent", "DescribePipeline", "UpdateEndpointWeightsAndCapacities"),
)


@dataclass
class Endpoint:
    """An endpoint whose configuration has two variants where a version is compared with what serves."""

    version: str
    challenger: str = ""
    status: str = "InService"
    config: str = "by-content"
    weight: float = 1.0
    challenger_weight: float = 1.0

    @property
    def variants(self) -> dict[str, str]:
        return {"AllTraffic": self.version} | ({"Challenger": self.challenger} if self.challenger else {})


@dataclass
class Stages:
    """`endpoints` are by account and name; from the accounts in `closed` nobody gets a role."""

    endpoints: dict[tuple[str, str], Endpoint] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    # Accounts in which SageMaker does not answer.
    away: set[str] = field(default_factory=set)

    def lend(self, role: str) -> tuple[int, str]:
        account = role.split(":")[4]
        return (403, DENIED) if account in self.closed else (200, LENT.format(account=account))

    def answer(self, operation: str, asked: dict[str, Any], authorization: str) -> tuple[int, Any]:
        account = authorization.partition("Credential=")[2].partition("/")[0]
        if account in self.away:
            return 500, {"message": "away"}
        if operation == "DescribeEndpoint":
            found = self.endpoints.get((account, asked["EndpointName"]))
            return (200, _endpoint(asked["EndpointName"], found)) if found else _none(asked)
        if operation == "UpdateEndpointWeightsAndCapacities":
            changed = self.endpoints[account, asked["EndpointName"]]
            for one in asked["DesiredWeightsAndCapacities"]:
                weight = "weight" if one["VariantName"] == "AllTraffic" else "challenger_weight"
                setattr(changed, weight, one["DesiredWeight"])
            return 200, {"EndpointArn": _endpoint(asked["EndpointName"], changed)["EndpointArn"]}
        if operation == "DescribeEndpointConfig":
            name, _, config = asked["EndpointConfigName"].partition("/")
            shall = [
                {"VariantName": one, "ModelName": f"{name}/{one}", "InitialVariantWeight": 1.0}
                for one in self.endpoints[account, name].variants
            ]
            return 200, {"EndpointConfigName": config, "ProductionVariants": shall}
        if operation == "DescribeModel":
            name, _, variant = asked["ModelName"].partition("/")
            arn = self.endpoints[account, name].variants[variant]
            return 200, {"Containers": [{"ModelPackageName": arn} if arn else {}]}
        return _none(asked)


def _endpoint(name: str, one: Endpoint) -> dict[str, Any]:
    has = [{"VariantName": each, "CurrentWeight": 1.0} for each in one.variants]
    has[0]["CurrentWeight"] = one.weight
    has[1:] = [each | {"CurrentWeight": one.challenger_weight} for each in has[1:]]
    return {
        "EndpointName": name,
        "EndpointArn": f"arn:aws:sagemaker:eu-west-1:444455556666:endpoint/{name}",
        "EndpointConfigName": f"{name}/{one.config}",
        "EndpointStatus": one.status,
        "LastModifiedTime": 1_600_000_000,
        "CreationTime": 1_600_000_000,
        "ProductionVariants": has,
    }


def _none(asked: dict[str, Any]) -> tuple[int, Any]:
    if "PipelineName" in asked:
        return 400, {"__type": "ResourceNotFound", "message": "Pipeline does not exist."}
    return 400, {"__type": "ValidationException", "message": "Could not find it."}
