"""SageMaker's instance types whose local disks are encrypted by the machine, with a key of its own.

SageMaker refuses a job on one of them that names a KMS key for its volume (API reference, `VolumeKmsKeyId`).
The list is EC2's, of instance types with instance store volumes.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

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
