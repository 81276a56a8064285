"""deploy.yaml, `serverless`: how large and how many the containers of a serverless endpoint may be.

Limits: SageMaker's API reference, ProductionVariantServerlessConfig.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from isthmus.config.fields import Misfit, Strict

MemoryMb = Literal[1024, 2048, 3072, 4096, 5120, 6144]


class Serverless(Strict):
    memory_mb: MemoryMb = 2048
    max_concurrency: int = Field(default=5, ge=1, le=200, description="Requests at a time; more are refused.")
    provisioned_concurrency: int | None = Field(
        default=None, ge=1, le=200, description="So many containers are kept warm, and paid for."
    )

    @model_validator(mode="after")
    def _fits(self) -> Serverless:
        if (self.provisioned_concurrency or 0) > self.max_concurrency:
            over = f"provisioned_concurrency is over max_concurrency: {self.max_concurrency}"
            raise Misfit(over, "provisioned_concurrency")
        return self


class ServerlessStages(Strict):
    staging: Serverless = Serverless()
    prod: Serverless = Serverless()
