"""A model's stacks: in each account that has to do with it, its roles; in automation, its versions too.

What the roles may do stands in the accounts' stacks, once for all models.
"""

from __future__ import annotations

import json
from typing import Any

from constructs import Construct

from cdk.parts.deployment import deployment_roles
from cdk.parts.hosting import hosting_roles
from cdk.parts.registry import model_package_group
from cdk.parts.stack import AccountStack
from cdk.parts.training import training_roles
from isthmus import names
from isthmus.config import Model, Platform, Stage
from isthmus.resource_types import aws_ssm


class ModelTrainingStack(AccountStack):
    """A model in the automation account: who trains it, where its versions are, and that it is ours."""

    def __init__(self, scope: Construct, platform: Platform, model: Model) -> None:
        super().__init__(
            scope, platform, "automation", f"{platform.name}: training of {model.name}", model=model
        )
        model_package_group(self, platform, model)
        training_roles(self, platform, model.name)
        aws_ssm.CfnParameter(
            self,
            "Model",
            name=f"{names.model_parameters(platform)}/{model.name}",
            description="The bridge acts for the models that are written down here",
            type="String",
            value=json.dumps(_told(model), sort_keys=True),
        )
        if model.retraining.schedule:
            from cdk.parts.retraining import schedule

            schedule(self, platform, model, model.retraining.schedule)
        if model.landing and model.landing.writers:
            from cdk.parts.landing import writer

            writer(self, platform, model, model.landing)


def _told(model: Model) -> dict[str, Any]:
    """What the functions of the bridge and of data landing go by."""
    keys = ("owner", "team", "rollback_rejected")
    retraining = model.retraining.model_dump(exclude_none=True) | {"when": model.retrained_when}
    said = {key: getattr(model, key) for key in keys} | {"retraining": retraining}
    return said | ({"landing": {"megabytes": model.landing.megabytes}} if model.landing else {})


class ModelServingStack(AccountStack):
    """A model in a serving account: who deploys it, what it runs as, and who watches it."""

    def __init__(self, scope: Construct, platform: Platform, stage: Stage, model: Model) -> None:
        super().__init__(scope, platform, stage, f"{platform.name}: {model.name} in {stage}", model=model)
        deployment_roles(self, platform, stage, model.name)
        hosting_roles(self, platform, model.name)
