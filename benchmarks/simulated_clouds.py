"""The clouds of the bridge's tests, with a hundred thousand versions and runs."""

from __future__ import annotations

import bisect
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.bridge.clouds import Clouds
from tests.bridge.conftest import AUTOMATION, REGION


@dataclass
class Fleet(Clouds):
    """Clouds that hold a hundred thousand versions and runs, by model."""

    by_model: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    by_pipeline: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def approve(self, model: str, version: int, at: float) -> dict[str, Any]:
        """Have a version approved at that moment, from which on the registry shows it; gives its event."""
        arn = f"arn:aws:sagemaker:{REGION}:{AUTOMATION}:model-package/{model}/{version}"
        package = {
            "ModelPackageGroupName": model,
            "ModelPackageVersion": version,
            "ModelPackageArn": arn,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": "Approved",
            "CreationTime": round(at - 30, 3),
            "LastModifiedTime": round(at, 3),
        }
        self.packages[arn] = package | {"ModelPackageStatusDetails": {"ValidationStatuses": []}}
        self.by_model[model].append(package)
        return {
            "version": "0",
            "id": f"{model}-{version}",
            "detail-type": "SageMaker Model Package State Change",
            "source": "aws.sagemaker",
            "account": AUTOMATION,
            "region": REGION,
            "resources": [arn],
            "detail": package
            | {
                "CreationTime": package["CreationTime"] * 1000,
                "LastModifiedTime": round(at * 1000),
                "UpdatedModelPackageFields": ["ModelApprovalStatus"],
            },
        }

    def _sagemaker(self, operation: str, asked: dict[str, Any]) -> tuple[int, Any]:
        if operation != "ListModelPackages":
            return super()._sagemaker(operation, asked)
        if asked["ModelApprovalStatus"] != "Approved":
            return 200, {"ModelPackageSummaryList": []}
        known = self.by_model[asked["ModelPackageGroupName"]]
        shown = known[: bisect.bisect_right(known, time.time(), key=lambda one: one["LastModifiedTime"])]
        found = shown[: -asked["MaxResults"] - 1 : -1]
        keys = ("ModelPackageArn", "ModelPackageStatus", "CreationTime")
        return 200, {"ModelPackageSummaryList": [{key: one[key] for key in keys} for one in found]}

    def _azure(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        if path == "build/definitions":
            found = {"id": self.pipelines[query["name"][0]], "path": "\\"}
            return 200, {"count": 1, "value": [found]}
        if path == "build/builds":
            found = self.by_pipeline[query["definitions"][0]][: -int(query["$top"][0]) - 1 : -1]
            return 200, {"count": len(found), "value": found}
        answer = super()._azure(method, path, query, body)
        if method == "GET":
            return answer
        self.by_pipeline[str(self.runs[-1]["pipeline"])].append(self.runs[-1])
        return answer
