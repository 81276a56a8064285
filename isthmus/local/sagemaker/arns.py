"""ARNs of SageMaker's resources: built, and taken apart again."""

from __future__ import annotations

import re
from typing import NamedTuple

_ARN = re.compile(
    r"arn:aws:sagemaker:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):(?P<kind>[^/]+)/(?P<name>.+)"
)


class Arn(NamedTuple):
    region: str
    account: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{self.kind}/{self.name}"


def parse(text: str) -> Arn | None:
    """The parts of a SageMaker ARN, or None where `text` is a plain name."""
    match = _ARN.fullmatch(text)
    return Arn(**match.groupdict()) if match else None


def account_of_role(arn: str) -> str:
    return arn.split(":")[4]
