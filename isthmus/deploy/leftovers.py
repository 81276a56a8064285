"""Endpoint configurations that no longer serve, and their models: deleted once what follows them does.

CloudFormation keeps what a deployment replaces (`UpdateReplacePolicy: Retain`), because SageMaker may go back
to it in silence, and an endpoint whose configuration is gone can never be updated again
(hashicorp/terraform-provider-aws 48997). So whoever deploys deletes it, when it is known what runs.
"""

from __future__ import annotations

from typing import Any


def delete(sagemaker: Any, configs: set[str], keep: set[str]) -> list[str]:
    """Delete configurations and their models, but no configuration in `keep` and no model of theirs.

    Gives the names of what is gone.
    """
    # What a batch transform serves by is a model itself.
    kept = keep | {model for config in keep - {""} for model in _models(sagemaker, config) or ()}
    gone = []
    for config in sorted(configs - keep - {""}):
        models = _models(sagemaker, config)
        for model in sorted(({config} if models is None else models) - kept):
            if _delete_model(sagemaker, model):
                gone.append(model)
        # Last: whoever goes on where this was killed finds by it which models there were.
        if models is not None:
            sagemaker.delete_endpoint_config(EndpointConfigName=config)
            gone.append(config)
    return gone


def _models(sagemaker: Any, config: str) -> set[str] | None:
    """The models of a configuration; None where there is none of that name."""
    try:
        found = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        return None
    variants = [*found["ProductionVariants"], *found.get("ShadowProductionVariants", [])]
    return {one["ModelName"] for one in variants if "ModelName" in one}


def _delete_model(sagemaker: Any, model: str) -> bool:
    """Whether it was there."""
    try:
        sagemaker.delete_model(ModelName=model)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        return False
    return True
