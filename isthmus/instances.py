"""SageMaker's instance types: which there are, and whose local disks are encrypted by the machine.

Those disks have a key of their own, and SageMaker refuses a job that names a KMS key for its volume there
(API reference, `VolumeKmsKeyId`). The list is EC2's, of instance types with instance store volumes.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from isthmus.errors import BadInput, did_you_mean

# As patterns that an IAM policy can hold: types with a `d` after the generation, and whole families.
OWN_KEYS = (
    "ml.*d.*",
    "ml.*dn.*",
    "ml.dl1.*",
    "ml.g5.*",
    "ml.g6.*",
    "ml.g6e.*",
    "ml.g7.*",
    "ml.g7e.*",
    "ml.gr6.*",
    "ml.p4de.*",
    "ml.p5.*",
    "ml.p5e.*",
    "ml.p5en.*",
    "ml.p6*.*",
    "ml.trn1.*",
    "ml.trn1n.*",
    "ml.trn2.*",
)


def has_own_key(instance_type: str) -> bool:
    """Whether a job on this instance type may name no KMS key for its volume."""
    return any(fnmatchcase(instance_type, pattern) for pattern in OWN_KEYS)


# What the service model calls the instance types of each kind of work.
HOSTING, TRANSFORM = ("ProductionVariantInstanceType",), ("TransformInstanceType",)
PROCESSING = ("ProcessingInstanceType",)
STEPS = (*PROCESSING, "TrainingInstanceType")


def require_known(instance_type: str, kinds: Iterable[str], file: Path, *at: str) -> None:
    """Raise `BadInput`, with the place in the file, for a type that SageMaker has for none of these kinds."""
    from isthmus.config.reading import place
    from isthmus.executor.shapes import service_model

    known = [one for kind in kinds for one in service_model().shape_for(kind).metadata["enum"]]
    if instance_type not in known:
        raise BadInput(
            f"{'.'.join(at)}: there is no {instance_type!r} for this{did_you_mean(instance_type, known)}",
            where=place(file, *at),
        )
