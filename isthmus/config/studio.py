"""studio and teams in platform.yaml: who works in the dev account, and with what."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from isthmus.config.fields import Name, Strict


class Studio(Strict):
    """SageMaker Studio in the dev account, with one user profile for each scientist of each team."""

    sign_in: Literal["iam", "identity_center"] = "iam"
    idle_minutes: int = Field(default=60, ge=60, le=525_600, description="A space at rest is shut down.")
    mlflow: Literal["none", "app", "tracking_server"] = "none"
    glue: bool = Field(default=False, description="Scientists may run Glue sessions.")
    emr_serverless: bool = Field(default=False, description="Scientists may run EMR Serverless jobs.")


# What Identity Center lets a user name be.
Scientist = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][A-Za-z0-9_+=,.@-]*$", max_length=60)]


class Team(Strict):
    """Scientists who share their projects, and nobody else's."""

    name: Name
    scientists: list[Scientist] = Field(
        default=[], description="Names; with sign_in identity_center, the user names there."
    )

    @property
    def profiles(self) -> dict[str, str]:
        """The name of each scientist's user profile in Studio, and her own."""
        return {re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"): name for name in self.scientists}
