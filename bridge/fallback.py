"""Has a version that is compared in prod answer nobody: the one that people let serve there answers all.

At once and unasked, unlike the run that ends the comparison, which waits for prod's approvers.
"""

from __future__ import annotations

from bridge.aws import client_as
from bridge.settings import settings
from isthmus.names import CHALLENGER, VARIANT


def fall_back(model: str) -> None:
    """Give the one that serves all of the weight; nothing where it has it, or nothing answers beside it.

    Raises `ClientError` where the endpoint is being changed just now: the message comes again.
    """
    sagemaker = client_as(settings().fallback_role, "sagemaker")
    variants = sagemaker.describe_endpoint(EndpointName=model).get("ProductionVariants", [])
    weights = {one["VariantName"]: one["CurrentWeight"] for one in variants}
    if weights.keys() != {VARIANT, CHALLENGER} or not weights[CHALLENGER]:
        return
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=model,
        DesiredWeightsAndCapacities=[
            {"VariantName": VARIANT, "DesiredWeight": 1},
            {"VariantName": CHALLENGER, "DesiredWeight": 0},
        ],
    )
