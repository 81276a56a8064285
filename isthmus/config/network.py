"""network in platform.yaml: where each account's jobs and endpoints stand, and which addresses they have."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, field_validator, model_validator

from isthmus.config.fields import Misfit, Strict, twice
from isthmus.config.stages import AccountRole

_PRIVATE = [IPv4Network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
# https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
_SAGEMAKER = IPv4Network("172.17.0.0/16")


def _block(value: object) -> IPv4Network:
    try:
        found = ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"not a CIDR block: {error}") from None
    if not isinstance(found, IPv4Network) or not any(found.subnet_of(block) for block in _PRIVATE):
        raise ValueError(f"{found} is not of the private ranges {', '.join(map(str, _PRIVATE))}")
    return found


def _cidr(value: object) -> IPv4Network:
    found = _block(value)
    if not 16 <= found.prefixlen <= 24:
        raise ValueError(f"{found}: a VPC of ours is an IPv4 block from /16 to /24")
    if found.overlaps(_SAGEMAKER):
        raise ValueError(f"{found}: SageMaker uses {_SAGEMAKER} itself")
    return found


Block = Annotated[
    IPv4Network,
    PlainValidator(_block),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "description": "A private IPv4 block, such as 172.16.0.0/12."}),
]
Cidr = Annotated[
    IPv4Network,
    PlainValidator(_cidr),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "description": "An IPv4 block, /16 to /24, such as 10.40.0.0/20."}),
]


class Cidrs(Strict):
    """The address range of each account's VPC; they may be joined one day, so none overlaps another."""

    dev: Cidr = IPv4Network("10.40.0.0/20")
    automation: Cidr = IPv4Network("10.40.16.0/20")
    staging: Cidr = IPv4Network("10.40.32.0/20")
    prod: Cidr = IPv4Network("10.40.48.0/20")

    @model_validator(mode="after")
    def _apart(self) -> Cidrs:
        placed: list[tuple[str, IPv4Network]] = []
        for role, cidr in self:
            for other, there in placed:
                if cidr.overlaps(there):
                    raise Misfit(f"{role} {cidr} overlaps {other} {there}", role)
            placed.append((role, cidr))
        return self


# The zones that new accounts have in regions where they are not a, b and c. In us-west-1 they have two of the
# three, drawn by lot.
_ZONE_LETTERS = {"ap-northeast-1": "acd", "ca-central-1": "abd", "us-west-1": ""}


class Vpc(Strict):
    """A VPC that stands already."""

    vpc_id: str = Field(pattern=r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$")
    subnet_ids: list[Annotated[str, Field(pattern=r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")]] = Field(
        min_length=2, max_length=16, description="Private ones, in two zones or more."
    )

    @field_validator("subnet_ids")
    @classmethod
    def _different(cls, subnets: list[str]) -> list[str]:
        if subnet := twice(subnets):
            raise ValueError(f"{subnet} stands twice")
        return subnets


class Vpcs(Strict):
    dev: Vpc
    automation: Vpc
    staging: Vpc
    prod: Vpc


class Network(Strict):
    """No VPC; one of ours in each account, with no way to the internet; or ones that stand already."""

    mode: Literal["none", "managed", "existing"] = "none"
    zones: Literal[2, 3] = Field(default=2, description="Availability zones of each managed VPC.")
    zone_letters: list[Annotated[str, Field(pattern=r"^[a-z]$")]] = Field(
        default=[], description="The zones of each managed VPC, where an account has others than most have."
    )
    cidrs: Cidrs = Field(default=Cidrs(), description="For managed VPCs.")
    vpcs: Vpcs | None = Field(default=None, description="For existing VPCs.")

    @model_validator(mode="after")
    def _existing_are_named(self) -> Network:
        if self.mode == "existing" and self.vpcs is None:
            raise Misfit(
                "mode existing needs vpcs: a vpc_id and subnet_ids for each of the four accounts", "mode"
            )
        if self.mode != "existing" and self.vpcs is not None:
            raise Misfit(f"vpcs belong to mode existing, and mode is {self.mode}", "vpcs")
        return self

    @model_validator(mode="after")
    def _zones_are_named(self) -> Network:
        letters = self.zone_letters
        if letters and (len(letters) != self.zones or twice(letters)):
            what = f"zone_letters {', '.join(letters)} are not {self.zones} different zones"
            raise Misfit(what, "zone_letters")
        return self

    def zones_in(self, region: str) -> list[str]:
        """The letters of the availability zones of managed VPCs, so that none is looked up."""
        return (self.zone_letters or list(_ZONE_LETTERS.get(region, "abc")))[: self.zones]

    def subnet_count(self, account: AccountRole) -> int:
        """How many subnets the account's network has; 0 where the platform has no network."""
        if self.mode == "existing" and self.vpcs:
            return len(getattr(self.vpcs, account).subnet_ids)
        return self.zones if self.mode == "managed" else 0
