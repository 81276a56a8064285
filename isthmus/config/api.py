"""api in platform.yaml: the API before the endpoints."""

from __future__ import annotations

from pydantic import Field, model_validator

from isthmus.config.fields import Guid, Misfit, Strict
from isthmus.config.network import Block


class Api(Strict):
    """An API before the endpoints, which takes Entra's tokens: callers need no AWS keys.

    Tokens are of version 2 (the application's manifest says `requestedAccessTokenVersion: 2`): their issuer
    is `azure.entra_issuer` and their audience the application's client id.
    """

    audience: Guid = Field(description="The client id of the Entra application that stands for the API.")
    role: str = Field(
        default="Predict",
        pattern=r"^[A-Za-z0-9._-]{1,120}$",
        description="The app role that a caller is assigned; any application of the tenant gets a token, "
        "so without it nobody is let through.",
    )
    requests_per_second: int = Field(default=50, ge=1, le=10_000)
    burst: int = Field(default=100, ge=1, le=5_000)
    waf: bool = Field(default=False, description="A web access control list in front; costs by the month.")
    private: bool = Field(default=False, description="Reached from the account's VPC only.")
    callers: list[Block] = Field(
        default=[], description="Networks joined to the managed VPCs, which call a private API from there."
    )

    @model_validator(mode="after")
    def _callers_of_a_private_one(self) -> Api:
        if self.callers and not self.private:
            raise Misfit("callers are named for a private API only: set private to true", "callers")
        return self
