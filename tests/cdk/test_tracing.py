"""Lambda traces every function of ours."""

from __future__ import annotations

from pathlib import Path

from isthmus.config import read_platform
from tests.cdk.conftest import FULL, read_templates


def test_every_function_is_traced_as_its_own_role(full: Path) -> None:
    """Lambda refuses a function that is to be traced and whose role may not send traces."""
    for template in read_templates(full, read_platform(FULL)).values():
        made = template["Resources"].values()
        functions = [one["Properties"] for one in made if one["Type"] == "AWS::Lambda::Function"]
        policies = [one["Properties"] for one in made if one["Type"] == "AWS::IAM::ManagedPolicy"]
        for function in functions:
            assert function["TracingConfig"] == {"Mode": "Active"}, function["FunctionName"]
            (own,) = [one for one in policies if one["ManagedPolicyName"] == function["FunctionName"]]
            assert "xray:PutTraceSegments" in str(own["PolicyDocument"])
