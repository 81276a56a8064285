"""The image `isthmus/tabular` of the laptop: a manifest in the local ECR that describes this environment.

The local executor runs the programs of this virtual environment; the manifest's digest names what is in it,
so that a model package pins the environment that trained it by digest, as it does in the cloud.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import distributions
from typing import Any

import boto3

from isthmus import names

TAG = "1"


def push(session: boto3.Session) -> str:
    """Put the manifest under its tag, unless the tag is there; returns the digest."""
    ecr = session.client("ecr")
    found = ecr.batch_get_image(repositoryName=names.IMAGE_REPOSITORY, imageIds=[{"imageTag": TAG}])["images"]
    if found:
        return str(found[0]["imageId"]["imageDigest"])
    answer = ecr.put_image(
        repositoryName=names.IMAGE_REPOSITORY, imageTag=TAG, imageManifest=json.dumps(_manifest())
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def _manifest() -> dict[str, Any]:
    content = json.dumps(_environment(), sort_keys=True).encode()
    config = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "size": len(content),
    }
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": [],
    }


def _environment() -> dict[str, str]:
    """The Python and every package of this environment, with versions."""
    packages = {one.metadata["Name"]: one.version for one in distributions()}
    return {"python": sys.version, **packages}
