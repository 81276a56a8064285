"""platform.yaml as a whole: its models, and that its sections, each with a file of its own, fit together.

What is left out is not made, and costs nothing: each part that stands idle is asked for by its own key.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from isthmus.config.accounts import Accounts
from isthmus.config.api import Api
from isthmus.config.approvals import Approvals
from isthmus.config.azure import NOT_THE_BRIDGE, Azure
from isthmus.config.features import FeatureGroup
from isthmus.config.fields import (
    Guid,
    InstanceType,
    Misfit,
    ModelName,
    Name,
    Region,
    RepositoryName,
    RoleArn,
    Strict,
    Tag,
    again,
)
from isthmus.config.kinds import KINDS
from isthmus.config.logs import Logs
from isthmus.config.network import Network
from isthmus.config.notifications import Notifications
from isthmus.config.organization import Members, Organization
from isthmus.config.retraining import Retraining, Trigger
from isthmus.config.shared import SharedEndpoint
from isthmus.config.stages import NEW, PLATFORM_REPOSITORY, WORKLOADS, AccountRole
from isthmus.config.studio import Studio, Team
from isthmus.errors import BadInput, did_you_mean

# IAM's 64 for a role's name, without what follows both in the longest of ours (`-...-cloudformation`).
LONGEST_NAMES = 48
# With what follows a model's name in `names`, each would be called as something of the platform's own is.
OURS = ("drift", "infrastructure", "log-search", "platform", "shared-endpoints")


class Landing(Strict):
    """Files that land for a model are checked and kept; `retraining` says whether a data set starts a build.

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
    retraining: Retraining = Retraining()
    rollback_rejected: bool = Field(
        default=False,
        description="A version that is rejected while it serves makes room for the one that served before; "
        "else people are only told.",
    )
    connection_client_id: Guid | None = Field(
        default=None,
        description="The Entra application of its service connections; else azure.connection_client_id. An "
        "application takes 20 federated credentials, which a third model exceeds.",
    )
    build_repository: RepositoryName = "model-build"
    deploy_repository: RepositoryName = "model-deploy"

    @property
    def retrained_when(self) -> list[Trigger]:
        """What starts a retraining, beside the schedule."""
        if self.retraining.when is None:
            return ["quality", "data"] if self.landing else ["quality"]
        return list(dict.fromkeys(self.retraining.when))

    @model_validator(mode="after")
    def _retraining_can_happen(self) -> Model:
        if "data" in self.retrained_when and not self.landing:
            raise ValueError("retraining.when: data start nothing where none land; add landing: {}")
        there = {*self.retrained_when, *(["schedule"] if self.retraining.schedule else [])}
        wanted = self.retraining.approve.when if self.retraining.approve else []
        if missing := [one for one in wanted if one not in there]:
            raise ValueError(f"retraining.approve.when: nothing is retrained because of {missing[0]}")
        return self


Named = Model | Team | FeatureGroup | SharedEndpoint


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
    shared_endpoints: list[SharedEndpoint] = Field(
        default=[], max_length=20, description="Endpoints that several models share (deploy.yaml, shared)."
    )
    api: Api | None = None
    logs: Logs = Logs()
    notifications: Notifications = Notifications()
    approvals: Approvals = Approvals()
    models: list[Model] = Field(min_length=1)
    prices: dict[InstanceType, Annotated[float, Field(gt=0)]] = Field(
        default={}, description="What an hour of an instance type costs you; none is known here."
    )

    @field_validator("models", "teams", "feature_groups", "shared_endpoints")
    @classmethod
    def _unique(cls, named: list[Named]) -> list[Named]:
        for at, name in again(one.name for one in named):
            raise Misfit(f"{name} stands twice", at, "name")
        return named

    @model_validator(mode="after")
    def _network_suffices(self) -> Platform:
        if self.network.mode == "managed" and not self.network.zones_in(self.region):
            raise Misfit(
                f"{self.region} has two zones for an account, and not the same for all: name them in "
                "network.zone_letters, such as [a, c]",
                "network",
                "zone_letters",
            )
        if self.studio and self.network.mode == "none":
            raise Misfit(
                "studio is reached through a VPC only: set network.mode to managed or existing", "studio"
            )
        if self.api and self.api.private and self.network.mode == "none":
            raise Misfit(
                "a private api needs a VPC: set network.mode to managed or existing", "api", "private"
            )
        return self

    @model_validator(mode="after")
    def _teams_are_apart(self) -> Platform:
        known: set[str] = set()
        for at, team in enumerate(self.teams):
            where = "teams", at, "scientists"
            if len(team.profiles) < len(team.scientists):
                raise Misfit(f"team {team.name}: two scientists would have the same user profile", *where)
            for who in team.profiles:
                if who in known:
                    raise Misfit(f"scientist {who} stands twice: everybody has one team", *where)
            known.update(team.profiles)
        teams = [team.name for team in self.teams]
        for at, model in enumerate(self.models):
            if model.team is not None and model.team not in teams:
                near = did_you_mean(model.team, teams)
                raise Misfit(f"model {model.name}: no team {model.team!r}{near}", "models", at, "team")
        return self

    @model_validator(mode="after")
    def _models_can_be_named(self) -> Platform:
        """What is made for a model is called after platform and model, and nothing else may be called so."""
        for at, model in enumerate(self.models):
            if why := self._taken(model.name):
                raise Misfit(f"model {model.name}: {why}", "models", at, "name")
        return self

    def _taken(self, model: str) -> str:
        """Why a model cannot be called so; empty where it can."""
        if len(self.name) + len(model) > LONGEST_NAMES:
            return (
                f"with the platform's name it is longer than {LONGEST_NAMES} letters, and IAM allows its "
                "roles 64"
            )
        if model in OURS:
            return (
                "what is made for it would have the names of the platform's own; no model is called "
                f"{', '.join(OURS)}"
            )
        if suffix := next((one for one in KINDS if model.endswith(f"-{one}")), None):
            return f"other models' endpoints and pipelines end with -{suffix}"
        for account in WORKLOADS:
            if f"{model}-".startswith(f"{account}-"):
                return (
                    f"a name that begins with an account's role ({account}) would give its stacks the names "
                    "of others"
                )
        return ""

    @model_validator(mode="after")
    def _no_model_is_the_bridge(self) -> Platform:
        for at, model in enumerate(self.models):
            if (model.connection_client_id or "").lower() == self.azure.bridge_client_id.lower():
                raise Misfit(NOT_THE_BRIDGE, "models", at, "connection_client_id")
        return self

    @model_validator(mode="after")
    def _repositories_are_apart(self) -> Platform:
        used: dict[str, tuple[str, str]] = {}
        for at, model in enumerate(self.models):
            for kind in ("build", "deploy"):
                key = f"{kind}_repository"
                name: str = getattr(model, key)
                mine = (model.name, kind)
                # Azure Repos takes names that differ by case alone for one.
                other, its_kind = used.setdefault(name.lower(), mine)
                if name.lower() == PLATFORM_REPOSITORY:
                    what = f"model {model.name}: the repository {name} is the platform's own"
                elif (other, its_kind) != mine:
                    what = (
                        f"{name} is the {key} of model {model.name} and the {its_kind}_repository of model "
                        f"{other}; name another one, such as {model.name}-{kind}"
                    )
                else:
                    continue
                raise Misfit(what, "models", at, key)
        return self

    @model_validator(mode="after")
    def _organization_fits(self) -> Platform:
        members = self.organization.members if self.organization else Members()
        for role in self.awaited:
            if getattr(members, role) is None:
                raise Misfit(
                    f"accounts.{role} is new, and organization.members.{role} is not: its address",
                    "accounts",
                    role,
                )
        if self.organization and not self.accounts.management:
            raise Misfit(
                "organization needs accounts.management: the account that it is made in", "organization"
            )
        if self.organization and self.organization.budgets and not 1 <= len(self.notifications.email) <= 10:
            raise Misfit(
                "organization.budgets tell one to ten addresses: those in notifications.email",
                "organization",
                "budgets",
            )
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

    def client_of(self, model: str) -> str:
        """The Entra application of a model's service connections."""
        return self.model(model).connection_client_id or self.azure.connection_client_id

    def model(self, name: str, named_at: str = "") -> Model:
        """The model of that name; raises `BadInput` with the nearest one, and the place that named it."""
        for model in self.models:
            if model.name == name:
                return model
        near = did_you_mean(name, [model.name for model in self.models])
        known = ", ".join(model.name for model in self.models)
        new = "for a new one, merge the platform's pull request that names it"
        todo = f"platform.yaml, models has: {known}; {new}" if named_at else ""
        raise BadInput(f"no model {name!r}{near}", where=named_at or "platform.yaml, models", todo=todo)
