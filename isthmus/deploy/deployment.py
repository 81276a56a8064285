"""One version of a model on its way to one stage: what every resource of its stack is made from.

Which resources are made, `endpoint_stack.py` says; how each is made, a file of `parts/`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property

from isthmus import names
from isthmus.config import DeployConfig, Platform, Stage
from isthmus.config.compare import Compare
from isthmus.config.kinds import Kind
from isthmus.config.scaling import Scaling
from isthmus.config.shared import Part
from isthmus.deploy.package import Package
from isthmus.deploy.registered import Registered
from isthmus.network import Attachment, references


@dataclass(frozen=True)
class Deployment:
    """`champion` is the version that the stage serves, where `package` is put beside it to be compared.

    `registered` is what Model Monitor's alarms need to know of the version, where that watches it.
    """

    platform: Platform
    config: DeployConfig
    package: Package
    stage: Stage
    champion: Package | None = None
    registered: Registered | None = None

    @property
    def compared(self) -> Compare | None:
        """How the version is compared; None where it serves alone."""
        return self.config.compare if self.champion else None

    @property
    def in_charge(self) -> Deployment:
        """That of the version which answers for the stage: alarms and monitors are about it."""
        return replace(self, package=self.champion, champion=None) if self.champion else self

    @property
    def model(self) -> str:
        return self.package.model

    @property
    def kind(self) -> Kind:
        return self.config.endpoint

    @property
    def scaling(self) -> Scaling | None:
        found: Scaling | None = getattr(self.config.capacity, self.stage).scaling
        return found

    @property
    def endpoint(self) -> str:
        """The endpoint's name, or that of the shared one; of a batch transform there is none."""
        if self.config.shared:
            return names.shared_endpoint(self.config.shared.endpoint)
        return names.endpoint(self.model, self.kind)

    @property
    def part(self) -> Part:
        """What the model has of a shared endpoint."""
        found: Part = getattr(self.config.shared, self.stage)
        return found

    @property
    def account(self) -> str:
        account: str = getattr(self.platform.accounts, self.stage)
        return account

    @property
    def region(self) -> str:
        return self.platform.region

    @property
    def key(self) -> str:
        """The account's key for data, by its alias."""
        return f"arn:aws:kms:{self.region}:{self.account}:{names.key_alias(self.platform)}"

    @property
    def capture_bucket(self) -> str:
        return names.capture_bucket(self.platform, self.account)

    @cached_property
    def network(self) -> Attachment | None:
        return references(self.platform, self.stage)

    def stored(self, prefix: str) -> str:
        """The S3 URI of a prefix of the bucket of captures, requests and results."""
        return f"s3://{self.capture_bucket}/{prefix}"

    def tags(self) -> dict[str, str]:
        return names.tags(self.platform, self.stage, self.platform.model(self.model))

    def role(self, name: str) -> str:
        """The ARN of a role in the stage's account."""
        return names.role_arn(self.account, name)

    def by_content(self, content: object) -> str:
        """The model's name and a hash of its content, for a resource that cannot be changed in place."""
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return names.by_content(self.model, digest)
