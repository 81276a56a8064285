"""What is the same in every platform: stages, kinds of accounts; without what reading a file needs."""

from __future__ import annotations

from typing import Literal

Stage = Literal["staging", "prod"]
STAGES: tuple[Stage, ...] = ("staging", "prod")

AccountRole = Literal["management", "dev", "automation", "staging", "prod"]
# In place of an account's id, until AWS Organizations has made it.
NEW = "new"
# What Organizations calls the role for administrators in the accounts that it makes.
ACCESS_ROLE = "OrganizationAccountAccessRole"
# The accounts with workloads: each has a network, a key and a stack of its own.
WORKLOADS: tuple[AccountRole, ...] = ("dev", "automation", "staging", "prod")
# The repository that platform.yaml itself lies in.
PLATFORM_REPOSITORY = "platform"
