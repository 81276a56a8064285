"""L1 constructs without CDK's Python modules: the same constructs, and no such module in a synth."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.cdk.conftest import CHECKOUT, FULL

SYNTH = """
import json, sys
from isthmus.infra.node import use_node
use_node()
from aws_cdk import App, Stack
from cdk.accounts import application
from isthmus.config import read_platform
from isthmus.resource_types import aws_ec2, aws_kms
application(read_platform(sys.argv[1]))
services = [name for name in sys.modules if name.startswith("aws_cdk.aws_")]

from aws_cdk import aws_ec2 as their_ec2, aws_kms as their_kms
def made(ec2, kms):
    app = App()
    stack = Stack(app, "One")
    key = kms.CfnKey(stack, "Key", key_policy={}, enable_key_rotation=True, multi_region=None)
    key.key_policy = {"Statement": []}
    acl = [{"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIp": "10.0.0.0/8"}]
    ec2.CfnSecurityGroup(stack, "Group", group_description=key.attr_arn, security_group_ingress=acl)
    return app.synth().get_stack_by_name("One").template["Resources"]
print(json.dumps([services, made(aws_ec2, aws_kms), made(their_ec2, their_kms)]))
"""


def test_they_are_the_same_and_no_module_of_a_service_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SYNTH, str(FULL)],
        cwd=CHECKOUT,
        env=os.environ | {"CDK_VALIDATION": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    services, ours, theirs = json.loads(done.stdout.splitlines()[-1])
    assert services == []
    assert ours == theirs and len(ours) == 2
