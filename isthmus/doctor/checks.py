"""The checks, each a small function that looks in one place; what hinders one hinders no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial

from isthmus.config import STAGES, WORKLOADS, AccountRole
from isthmus.doctor.approvers import approvers
from isthmus.doctor.buckets import buckets
from isthmus.doctor.connections import connections
from isthmus.doctor.durations import durations
from isthmus.doctor.finding import Finding
from isthmus.doctor.keys import keys
from isthmus.doctor.project import project
from isthmus.doctor.quotas import quotas
from isthmus.doctor.registry import registry
from isthmus.doctor.sight import Sight
from isthmus.doctor.stacks import bootstrap, stacks
from isthmus.doctor.tokens_out import tokens_out
from isthmus.doctor.trust import trust
from isthmus.errors import BadInput, Problem, Refused, did_you_mean

AZURE = "Azure DevOps"


@dataclass(frozen=True)
class Check:
    """`holds` says what is so where nothing is found.

    `look` takes the sight and, in turn, each of `accounts`; without accounts it looks at Azure DevOps.
    """

    name: str
    holds: str
    look: Callable[..., Iterator[Finding]]
    accounts: tuple[AccountRole, ...] = ()


EVERYWHERE: tuple[AccountRole, ...] = ("management", *WORKLOADS)
CHECKS = (
    Check("bootstrap", "deployments can be made", bootstrap, EVERYWHERE),
    Check("stacks", "every stack stands and is whole", stacks, EVERYWHERE),
    Check("trust", "each role trusts its service connection's tokens and no others", trust, EVERYWHERE),
    Check("connections", "each service connection's tokens say what AWS trusts", connections),
    Check("tokens-out", "AWS signs the bridge's tokens", tokens_out, ("automation",)),
    Check("sessions", "sessions outlive deployments", durations, EVERYWHERE),
    Check("keys", "keys let every role decrypt that must", keys, WORKLOADS),
    Check(
        "buckets", "buckets let in the roles of other accounts that must", buckets, ("automation", *STAGES)
    ),
    Check(
        "registry", "package groups let in the roles of other accounts that must", registry, ("automation",)
    ),
    Check("approvers", "approvers are there, and are asked about prod", approvers),
    Check("project", "everything is as platform.yaml says", project),
    Check("quotas", "SageMaker's quotas suffice", quotas, ("automation", *STAGES)),
)


@dataclass(frozen=True)
class Result:
    """What one check found in one place: an account, or Azure DevOps."""

    check: str
    place: str
    finding: Finding

    def as_dict(self) -> dict[str, str]:
        return {"check": self.check, "place": self.place, **asdict(self.finding)}


def require_known(only: tuple[str, ...]) -> None:
    """Raise `BadInput` for a check that there is not."""
    known = [check.name for check in CHECKS]
    for name in only:
        if name not in known:
            raise BadInput(
                f"there is no check {name!r}{did_you_mean(name, known)}", todo=f"one of: {', '.join(known)}"
            )


def examine(sight: Sight, only: tuple[str, ...] = ()) -> Iterator[Result]:
    """All that is found, check by check and place by place; `only` are names of checks, empty for all."""
    for check in CHECKS:
        if only and check.name not in only:
            continue
        if not check.accounts:
            yield from _results(check, AZURE, partial(check.look, sight), "")
        for account in check.accounts:
            if account in sight.platform.standing:
                yield from _results(
                    check, account, partial(check.look, sight, account), sight.lookup_role(account)
                )


def _results(check: Check, place: str, ask: Callable[[], Iterator[Finding]], role: str) -> Iterator[Result]:
    found = list(_seen(ask, role)) or [Finding("ok", "", check.holds)]
    yield from (Result(check.name, place, one) for one in found)


def _seen(ask: Callable[[], Iterator[Finding]], role: str) -> Iterator[Finding]:
    """What a check finds until something hinders it, and that."""
    from botocore.exceptions import BotoCoreError, ClientError

    from isthmus.aws import explained

    try:
        yield from ask()
    except Problem as problem:
        yield _hindered(problem, role)
    except (BotoCoreError, ClientError) as error:
        yield _hindered(explained(error), role)


def _hindered(problem: Problem, role: str) -> Finding:
    """Why it could not look; where AWS refused, as which role one may."""
    says = problem.what
    if role and isinstance(problem, Refused):
        says += f"; {role} may look, and who may assume it"
    return Finding("could not look", problem.where, says, problem.todo)
