"""logs in platform.yaml: where logs are kept, who reads them, and for how long."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from isthmus.config.fields import Misfit, Strict


class Logs(Strict):
    """Where logs are kept, and for how long."""

    retention_days: Literal[30, 90, 180, 365, 400, 731, 1827] = 365
    central: bool = Field(
        default=False, description="The automation account reads the logs and metrics of the others."
    )
    sink: str | None = Field(
        default=None,
        pattern=r"^arn:aws:oam:[a-z0-9-]+:[0-9]{12}:sink/[0-9a-f-]{36}$",
        description="What the automation account's stack gives as LogSinkArn, once it stands: "
        "with it the other accounts are linked.",
    )
    opensearch: bool = Field(
        default=False, description="An OpenSearch Serverless collection; stands by the hour."
    )

    @model_validator(mode="after")
    def _sink_of_central_logs(self) -> Logs:
        if self.sink and not self.central:
            raise Misfit("sink belongs to central logs: set central to true", "sink")
        return self
