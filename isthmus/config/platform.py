"""platform.yaml: accounts, Azure DevOps, network, teams and models of one platform.

What is left out is not made, and costs nothing: each part that stands idle is asked for by its own key.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, ip_network
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, field_validator, model_validator

from isthmus.config.fields import (
    PLATFORM_REPOSITORY,
    Account,
    AccountId,
    Email,
    Guid,
    ModelName,
    Name,
    Region,
    RepositoryName,
    RoleArn,
    Strict,
    Tag,
    Url,
    did_you_mean,
    twice,
)
from isthmus.config.stages import ACCESS_ROLE, NEW, WORKLOADS, AccountRole
from isthmus.errors import BadInput

# IAM's 64 for a role's name, without what follows both in the longest of ours (`-...-cloudformation`).
LONGEST_NAMES = 48


class Accounts(Strict):
    """The AWS accounts, by the role that each plays."""

    dev: Account
    automation: Account
    staging: Account
    prod: Account
    management: AccountId | None = Field(default=None, description="Needed by `organization` only.")

    @model_validator(mode="after")
    def _distinct(self) -> Accounts:
        roles: dict[str, str] = {}
        for role, account in self:
            if account not in (None, NEW) and account in roles:
                raise ValueError(f"{role} and {roles[account]} are the same account {account}")
            roles[account] = role
        return self


# ---------------------------------------------------------------- management account


class Budgets(Strict):
    """US dollars a month for each account with workloads."""

    dev: float = Field(gt=0)
    automation: float = Field(gt=0)
    staging: float = Field(gt=0)
    prod: float = Field(gt=0)


class Members(Strict):
    """Mail addresses of the accounts that Organizations makes; an account without one was there before."""

    dev: Email | None = None
    automation: Email | None = None
    staging: Email | None = None
    prod: Email | None = None


class Organization(Strict):
    """What the management account holds: organizational unit, member accounts, guard rails, budgets."""

    parent: str = Field(
        pattern=r"^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$",
        description="The root or organizational unit that the platform's unit stands under.",
    )
    unit: str = Field(default="isthmus", pattern=r"^[\w .-]{1,128}$")
    members: Members = Members()
    access_role: str = Field(
        default=ACCESS_ROLE,
        pattern=r"^[\w+=,.@-]{1,64}$",
        description="What Organizations makes in each member account for the management account's "
        "administrators: it bootstraps the account, and may change what guard rails protect.",
    )
    regions: list[Region] = Field(
        default=[], description="Allowed beside the platform's region; all others are locked."
    )
    budgets: Budgets | None = Field(default=None, description="People are told at 80 and at 100 %.")


# ---------------------------------------------------------------- Azure DevOps


_ORGANIZATION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,48}[A-Za-z0-9])?$")


class Azure(Strict):
    """Where the code lives and the pipelines run."""

    organization_url: Url
    organization_id: Guid
    tenant_id: Guid
    project: str = Field(min_length=1, max_length=64)
    issuer: Url = Field(
        default="", validate_default=False, description="Who signs a service connection's tokens."
    )
    audience: str = "api://AzureADTokenExchange"
    authority_host: Url = Field(default="https://login.microsoftonline.com", description="Entra.")
    bridge_client_id: Guid = Field(description="The Entra application that the bridge acts as.")
    connection_client_id: Guid | None = Field(
        default=None, description="The Entra application of the service connections; else the bridge's."
    )
    approvers: list[str] = Field(min_length=1, description="Who may let a deployment pass to prod.")
    entra_subjects: dict[str, str] = Field(
        default={},
        description="The subject of each service connection's token of the Entra issuer, by the "
        "connection's name; where given, both issuers are trusted side by side.",
    )

    @field_validator("entra_subjects")
    @classmethod
    def _one_subject_each(cls, subjects: dict[str, str]) -> dict[str, str]:
        if subject := twice(subjects.values()):
            raise ValueError(f"{subject} stands twice: each service connection has a subject of its own")
        return subjects

    @field_validator("organization_url")
    @classmethod
    def _names_an_organization(cls, url: str) -> str:
        host, _, path = url.rstrip("/").partition("://")[2].partition("/")
        if not _ORGANIZATION.match(path.rsplit("/", 1)[-1]) or host.endswith(".visualstudio.com"):
            raise ValueError("it names no organization; one is named like https://dev.azure.com/contoso")
        return url

    @property
    def connection_client(self) -> str:
        return self.connection_client_id or self.bridge_client_id

    @property
    def organization(self) -> str:
        return self.organization_url.rstrip("/").rsplit("/", 1)[-1]

    @property
    def token_issuer(self) -> str:
        return self.issuer or f"https://vstoken.dev.azure.com/{self.organization_id}"

    @property
    def entra_issuer(self) -> str:
        return f"{self.authority_host.rstrip('/')}/{self.tenant_id}/v2.0"


# ---------------------------------------------------------------- network


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
                    raise ValueError(f"{role} {cidr} overlaps {other} {there}")
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
            raise ValueError(
                "mode existing needs vpcs: a vpc_id and subnet_ids for each of the four accounts"
            )
        if self.mode != "existing" and self.vpcs is not None:
            raise ValueError(f"vpcs belong to mode existing, and mode is {self.mode}")
        return self

    @model_validator(mode="after")
    def _zones_are_named(self) -> Network:
        letters = self.zone_letters
        if letters and (len(letters) != self.zones or twice(letters)):
            raise ValueError(f"zone_letters {', '.join(letters)} are not {self.zones} different zones")
        return self

    def zones_in(self, region: str) -> list[str]:
        """The letters of the availability zones of managed VPCs, so that none is looked up."""
        return (self.zone_letters or list(_ZONE_LETTERS.get(region, "abc")))[: self.zones]

    def subnet_count(self, account: AccountRole) -> int:
        """How many subnets the account's network has; 0 where the platform has no network."""
        if self.mode == "existing" and self.vpcs:
            return len(getattr(self.vpcs, account).subnet_ids)
        return self.zones if self.mode == "managed" else 0


# ---------------------------------------------------------------- what is asked for by its own key


class Studio(Strict):
    """SageMaker Studio in the dev account, with one user profile for each scientist of each team."""

    sign_in: Literal["iam", "identity_center"] = "iam"
    idle_minutes: int = Field(default=60, ge=60, le=525_600, description="A space at rest is shut down.")
    mlflow: Literal["none", "app", "tracking_server"] = "none"
    glue: bool = Field(default=False, description="Scientists may run Glue sessions.")
    emr_serverless: bool = Field(default=False, description="Scientists may run EMR Serverless jobs.")


# What Identity Center lets a user name be.
Scientist = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][\w+=,.@-]*$", max_length=60)]


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


class FeatureGroup(Strict):
    """One group of SageMaker Feature Store, offline always, online if said so."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
    owner: Tag
    record_id: str
    event_time: str
    features: dict[str, Literal["Integral", "Fractional", "String"]] = Field(min_length=1)
    online: bool = False

    @model_validator(mode="after")
    def _keys_are_features(self) -> FeatureGroup:
        for key in ("record_id", "event_time"):
            if getattr(self, key) not in self.features:
                raise ValueError(
                    f"{key} {getattr(self, key)!r} is not among the features"
                    + did_you_mean(getattr(self, key), self.features)
                )
        return self


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
            raise ValueError("callers are named for a private API only: set private to true")
        return self


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
            raise ValueError("sink belongs to central logs: set central to true")
        return self


class Slack(Strict):
    """A Slack channel, by Amazon Q Developer in chat applications; the workspace is authorized there once."""

    workspace_id: str = Field(pattern=r"^T[0-9A-Z]{8,10}$")
    channel_id: str = Field(pattern=r"^[CG][0-9A-Z]{8,10}$")


class Teams(Strict):
    """A Microsoft Teams channel, by Amazon Q Developer in chat applications."""

    team_id: Guid
    tenant_id: Guid
    channel_id: str = Field(min_length=1, max_length=256)


class Notifications(Strict):
    """Who is told that something waits for a person, or failed."""

    email: list[Email] = Field(default=[])
    slack: Slack | None = None
    teams: Teams | None = None


# ---------------------------------------------------------------- models


class Landing(Strict):
    """Files that land for a model are checked, and each data set that is complete starts a build.

    What a data set is, its model says (`landing` in model.yaml).
    """

    writers: list[RoleArn] = Field(
        default=[],
        max_length=10,
        description="Roles of any account that may land files, through the model's writer role; "
        "the platform's data role may anyway.",
    )
    megabytes: int = Field(
        default=256, ge=1, le=2000, description="The largest file that is taken, unpacked."
    )


class Model(Strict):
    """One model of the platform, and the two repositories of the team that owns it."""

    name: ModelName
    owner: Tag
    team: Name | None = Field(default=None, description="Whose scientists work on it.")
    landing: Landing | None = None
    build_repository: RepositoryName = "model-build"
    deploy_repository: RepositoryName = "model-deploy"


class Platform(Strict):
    """platform.yaml: the one file that describes a platform."""

    name: Name
    owner: Tag | None = Field(default=None, description="Who answers for what is no model's: a tag.")
    region: Region
    accounts: Accounts
    organization: Organization | None = None
    azure: Azure
    network: Network = Network()
    studio: Studio | None = None
    teams: list[Team] = Field(default=[])
    # One stack holds them all, and CloudFormation takes 500 resources.
    feature_groups: list[FeatureGroup] = Field(default=[], max_length=450)
    api: Api | None = None
    logs: Logs = Logs()
    notifications: Notifications = Notifications()
    models: list[Model] = Field(min_length=1)

    @field_validator("models", "teams", "feature_groups")
    @classmethod
    def _unique(cls, named: list[Model | Team | FeatureGroup]) -> list[Model | Team | FeatureGroup]:
        if name := twice(one.name for one in named):
            raise ValueError(f"{name} stands twice")
        return named

    @model_validator(mode="after")
    def _fits_together(self) -> Platform:
        if self.network.mode == "managed" and not self.network.zones_in(self.region):
            raise ValueError(
                f"{self.region} has two zones for an account, and not the same for all: name them in "
                "network.zone_letters, such as [a, c]"
            )
        if self.studio and self.network.mode == "none":
            raise ValueError("studio is reached through a VPC only: set network.mode to managed or existing")
        if self.api and self.api.private and self.network.mode == "none":
            raise ValueError("a private api needs a VPC: set network.mode to managed or existing")
        for team in self.teams:
            if len(team.profiles) < len(team.scientists):
                raise ValueError(f"team {team.name}: two scientists would have the same user profile")
        if who := twice(profile for team in self.teams for profile in team.profiles):
            raise ValueError(f"scientist {who} stands twice: everybody has one team")
        for model in self.models:
            self._can_be_named(model.name)
        teams = [team.name for team in self.teams]
        for model in self.models:
            if model.team is not None and model.team not in teams:
                raise ValueError(
                    f"model {model.name}: no team {model.team!r}" + did_you_mean(model.team, teams)
                )
        return self

    def _can_be_named(self, model: str) -> None:
        """What is made for a model is called after platform and model, and nothing else may be called so."""
        if len(self.name) + len(model) > LONGEST_NAMES:
            raise ValueError(
                f"model {model}: with the platform's name it is longer than {LONGEST_NAMES} letters, and IAM "
                "allows its roles 64"
            )
        for account in WORKLOADS:
            if f"{model}-".startswith(f"{account}-"):
                raise ValueError(
                    f"model {model}: a name that begins with an account's role ({account}) would give its "
                    "stacks the names of others"
                )

    @model_validator(mode="after")
    def _repositories_are_apart(self) -> Platform:
        # Azure Repos takes names that differ by case alone for one.
        deployed = {model.deploy_repository.lower(): model.name for model in self.models}
        for model in self.models:
            for name in (model.build_repository, model.deploy_repository):
                if name.lower() == PLATFORM_REPOSITORY:
                    raise ValueError(f"model {model.name}: the repository {name} is the platform's own")
            if other := deployed.get(model.build_repository.lower()):
                raise ValueError(
                    f"{model.build_repository} is where model {model.name} is built and model {other} is "
                    "deployed from; a repository is for one of both"
                )
        return self

    @model_validator(mode="after")
    def _organization_fits(self) -> Platform:
        members = self.organization.members if self.organization else Members()
        for role in self.awaited:
            if getattr(members, role) is None:
                raise ValueError(
                    f"accounts.{role} is new, and organization.members.{role} is not: its address"
                )
        if self.organization and not self.accounts.management:
            raise ValueError("organization needs accounts.management: the account that it is made in")
        if self.organization and self.organization.budgets and not 1 <= len(self.notifications.email) <= 10:
            raise ValueError("organization.budgets tell one to ten addresses: those in notifications.email")
        return self

    @property
    def lands(self) -> bool:
        """Whether data land for any model."""
        return any(model.landing for model in self.models)

    @property
    def awaited(self) -> tuple[AccountRole, ...]:
        """The accounts that Organizations has still to make; until then only management can stand."""
        return tuple(role for role in WORKLOADS if getattr(self.accounts, role) == NEW)

    @property
    def standing(self) -> tuple[AccountRole, ...]:
        """The accounts whose stacks can be deployed now, management first."""
        management: tuple[AccountRole, ...] = ("management",) if self.organization else ()
        return management if self.awaited else (*management, *WORKLOADS)

    def model(self, name: str) -> Model:
        """The model of that name; raises `BadInput` with the nearest name."""
        for model in self.models:
            if model.name == name:
                return model
        near = did_you_mean(name, [model.name for model in self.models])
        raise BadInput(f"no model {name!r}{near}", where="platform.yaml, models")
