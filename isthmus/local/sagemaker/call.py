"""One call of the API: who, with which parameters, on which SageMaker."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isthmus.executor.record import Record
from isthmus.local.sagemaker import state
from isthmus.local.sagemaker.cloud import Caller
from isthmus.local.sagemaker.refusals import conflict

if TYPE_CHECKING:
    from isthmus.local.sagemaker.sagemaker import SageMaker

# The latest requests that are recognized when they come again.
TOKENS_KEPT = 1000


@dataclass(frozen=True)
class Call:
    caller: Caller
    params: Record
    here: SageMaker

    @property
    def space(self) -> state.Space:
        return self.here.state.space(self.caller.account, self.caller.region)

    def __getitem__(self, name: str) -> Any:
        return self.params[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.params.get(name, default)

    def given(self, *names: str) -> Record:
        """Those of the named parameters that the caller gave."""
        return {name: self.params[name] for name in names if self.params.get(name) is not None}

    def signed(self) -> Record:
        """The members of a new record that say when and by whom."""
        when = state.now()
        who = self.caller.user_context()
        return {"CreationTime": when, "LastModifiedTime": when, "CreatedBy": who, "LastModifiedBy": who}

    def pass_role(self, role_arn: str) -> None:
        """The caller must be allowed to hand `role_arn` to SageMaker."""
        service = {"iam:PassedToService": "sagemaker.amazonaws.com"}
        self.here.cloud.authorize(self.caller, "iam:PassRole", role_arn, service)

    def once(self, token: str | None, make: Callable[[], Record]) -> Record:
        """The answer of the first call with this token; ConflictException if that asked something else."""
        if not token:
            return make()
        tokens = self.space["tokens"]
        asked = _digest({name: value for name, value in self.params.items() if value != token})
        if token in tokens:
            if tokens[token]["asked"] != asked:
                raise conflict("ClientRequestToken was used before, with other parameters.")
            answer: Record = tokens[token]["answer"]
            return answer
        made = make()
        tokens[token] = {"asked": asked, "answer": made}
        while len(tokens) > TOKENS_KEPT:
            del tokens[next(iter(tokens))]
        return made


def _digest(params: Record) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()


Operation = Callable[[Call], Record]
