"""What closing a Studio domain asks of AWS that the local one has not: home folders and their groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from isthmus.infra.destroy.studio import DeleteDomain

DOMAIN = "d-abcdefghijkl"


@pytest.fixture(autouse=True)
def environment() -> None:
    """Not the cloud of this folder's other tests, which would be started for nothing."""


@pytest.fixture
def stubs() -> Iterator[dict[str, Stubber]]:
    """By service: what is asked must be what is expected, in order, as the service's model has it."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    made = {name: Stubber(session.client(name)) for name in ("sagemaker", "ec2")}
    for one in made.values():
        one.activate()
    yield made
    for one in made.values():
        one.assert_no_pending_responses()


def test_home_folders_go_with_the_domain_and_then_the_groups_made_for_them(stubs: dict[str, Stubber]) -> None:
    sagemaker, ec2 = stubs["sagemaker"], stubs["ec2"]
    policy = {"HomeEfsFileSystem": "Delete"}
    sagemaker.add_response("delete_domain", {}, {"DomainId": DOMAIN, "RetentionPolicy": policy})
    sagemaker.add_client_error("describe_domain", "ResourceNotFound", expected_params={"DomainId": DOMAIN})
    names = [f"security-group-for-{way}-nfs-{DOMAIN}" for way in ("inbound", "outbound")]
    rule: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049}
    groups = [
        {"GroupId": "sg-in", "IpPermissions": [rule]},
        {"GroupId": "sg-out", "IpPermissionsEgress": [rule]},
    ]
    asked = {"Filters": [{"Name": "group-name", "Values": names}]}
    ec2.add_response("describe_security_groups", {"SecurityGroups": groups}, asked)
    ec2.add_response("revoke_security_group_ingress", {}, {"GroupId": "sg-in", "IpPermissions": [rule]})
    ec2.add_response("revoke_security_group_egress", {}, {"GroupId": "sg-out", "IpPermissions": [rule]})
    for group in ("sg-in", "sg-out"):
        ec2.add_response("delete_security_group", {}, {"GroupId": group})
    DeleteDomain(DOMAIN).carry_out(lambda service: stubs[service].client)
