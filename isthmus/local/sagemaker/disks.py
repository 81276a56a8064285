"""The keys of jobs' disks: which SageMaker takes, and what a job's role needs to use one.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html (VolumeKmsKeyId)
"""

from __future__ import annotations

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.instances import has_own_key
from isthmus.local.sagemaker.call import Call
from isthmus.local.sagemaker.cloud import Caller


def require(call: Call, role: Caller, machine: Record) -> None:
    """Raise ValidationException for a key that the machine cannot take, AccessDenied where `role` cannot."""
    key = machine.get("VolumeKmsKeyId")
    if not key:
        return
    if has_own_key(machine.get("InstanceType", "")):
        raise invalid(f"VolumeKmsKeyId is not supported for instance type {machine['InstanceType']}.")
    if "alias/" in key:
        raise invalid(f"VolumeKmsKeyId must be a key's id or ARN, and no alias: {key}")
    arn = key if key.startswith("arn:") else f"arn:aws:kms:{role.region}:{role.account}:key/{key}"
    call.here.cloud.lend_key(role, arn)
