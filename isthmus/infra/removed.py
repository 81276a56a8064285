"""Models that are no longer in platform.yaml and of which something stands still."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus import names
from isthmus.config import AccountRole, Platform
from isthmus.errors import Refused
from isthmus.infra.change import Say
from isthmus.infra.roles import Roles
from isthmus.infra.standing import Standing, standing


def require_no_endpoint(roles: Roles, platform: Platform, wanted: Sequence[AccountRole], say: Say) -> None:
    """Raise `Refused` where a model that was removed still answers requests; tell of other things of it.

    Whoever removed it by mistake would have an endpoint that nothing deploys, watches or pays heed to.
    """
    left = [(role, one) for role in wanted for one in _of_removed(roles, platform, role)]
    live = [(role, one) for role, one in left if one.kind == "endpoint"]
    if live:
        models = sorted({one.model for _, one in live})
        raise Refused(
            "\n".join(
                f"model {one.model} is not in platform.yaml, and its endpoint "
                f"{names.endpoint(one.model)} still serves in {role} (stack {one.name})"
                for role, one in live
            ),
            todo="write the model in again; or end it for good: "
            + "; ".join(f"isthmus destroy prod staging automation --model {one}" for one in models),
        )
    for role, one in left:
        todo = f"isthmus destroy {role} --model {one.model}"
        say(f"{one.name}: of a model that is not in platform.yaml; {todo}")


def _of_removed(roles: Roles, platform: Platform, role: AccountRole) -> list[Standing]:
    account: str = getattr(platform.accounts, role)
    deploy = names.role_arn(account, names.bootstrap_role(account, platform.region, "deploy"))
    cfn = roles.session(deploy).client("cloudformation", region_name=platform.region)
    known = {"", *(model.name for model in platform.models)}
    return [one for one in standing(cfn, platform, role) if one.model not in known]
