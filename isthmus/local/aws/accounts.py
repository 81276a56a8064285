"""The root of local accounts: who begins in each, known to whoever started this AWS and to nobody else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Root:
    """Signs as the root of any account of the local AWS at `url`: the access key is the account's id."""

    url: str
    secret: str = field(repr=False)

    def client(self, service: str, account: str, region: str) -> Any:
        import boto3

        session: Any = boto3.Session(account, self.secret, region_name=region)
        return session.client(service, endpoint_url=self.url)
