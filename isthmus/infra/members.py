"""The member accounts that Organizations has made: their ids, compared with those in platform.yaml."""

from __future__ import annotations

from collections.abc import Mapping

from isthmus import names
from isthmus.config import WORKLOADS, Platform
from isthmus.config.stages import NEW
from isthmus.errors import Problem
from isthmus.infra.change import Say


def tell_of_members(platform: Platform, outputs: Mapping[str, Mapping[str, str]], say: Say) -> None:
    """Say how to write down the ids of new accounts, from the outputs of the stacks that were deployed.

    Raises `Problem` where platform.yaml has another id for an account than the one that was made for it.
    """
    made = outputs.get(names.stack(platform, "management"), {})
    for role in WORKLOADS:
        account, known = made.get(names.account_output(role)), getattr(platform.accounts, role)
        if account and known == NEW:
            say(f"the {role} account is made; next: isthmus account add {role} --id {account}")
        elif account and known != account:
            raise Problem(
                f"the {role} account that Organizations made is {account}, not {known}",
                where=f"platform.yaml, accounts.{role}",
                todo=f"isthmus account add {role} --id {account} --replace; or, if {known} is meant, "
                f"take organization.members.{role} out",
            )
