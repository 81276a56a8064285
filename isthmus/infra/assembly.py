"""Deploys a CDK cloud assembly with boto3: what `cdk deploy` does, in a tenth of its time.

Each stack is deployed through the roles that its manifest names (the CDK bootstrap's, or narrower ones);
stacks that do not need each other are deployed at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.errors import BadInput, Problem
from isthmus.infra import change
from isthmus.infra.manifest import Stack, find_stack, read_stacks
from isthmus.infra.publishing import publish

if TYPE_CHECKING:
    import boto3

# The longest template that CloudFormation takes in the call itself; longer ones lie in the asset bucket.
INLINE = 51_200
Outputs = dict[str, str]


def _silent(_line: str) -> None:
    pass


def deploy_stack(
    session: boto3.Session, assembly: Path, stack_name: str, *, say: change.Say = _silent
) -> Outputs:
    """Deploy one stack of the assembly and return its outputs; returns at once when nothing changes.

    Parameters
    ----------
    session : who deploys. Where the manifest names roles, they are assumed from it, unless it already
        is that role.
    say : told one line per step, for a person.

    Raises `NotFound` for a stack that is not in the assembly, `Refused` where a role may not be assumed,
    `Problem` with the first failed resource's reason when CloudFormation rolls back.
    """
    return _deploy(session, find_stack(assembly, stack_name), say)


def deploy(
    session: boto3.Session,
    assembly: Path,
    *,
    accounts: Collection[str] | None = None,
    say: change.Say = _silent,
) -> dict[str, Outputs]:
    """Deploy the assembly's stacks, or those in `accounts`, and return each one's outputs by its name."""
    stacks = [s for s in read_stacks(assembly) if accounts is None or s.account in accounts]
    return _each(stacks, lambda stack: _deploy(session, stack, say))


def _deploy(session: boto3.Session, stack: Stack, say: change.Say) -> Outputs:
    from botocore.exceptions import BotoCoreError, ClientError

    from isthmus.aws import no_answer
    from isthmus.infra.roles import Roles

    roles = Roles(session, stack.region)
    text = json.dumps(json.loads(stack.template.read_text()), separators=(",", ":"))
    inline = len(text.encode()) <= INLINE
    wanted = change.Change(
        stack=stack.name,
        template=text,
        template_url=None if inline else _https(stack),
        parameters=stack.parameters,
        tags=stack.tags,
        execution_role=stack.execution_role,
    )
    try:
        publish((a for a in stack.assets if not (inline and a.source == stack.template)), roles.session)
        cfn = roles.session(stack.role).client("cloudformation", region_name=stack.region)
        outputs = change.apply(cfn, wanted, say)
        if not stack.terminates:
            cfn.update_termination_protection(StackName=stack.name, EnableTerminationProtection=True)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        raise Problem(f"stack {stack.name}: {error.operation_name}: {message}", where=stack.account) from None
    except BotoCoreError as error:
        raise no_answer(error) from None
    say(f"{stack.name}: done")
    return outputs


def _https(stack: Stack) -> str:
    """CDK names the template as s3://bucket/key; CloudFormation takes it by https."""
    if not stack.template_url:
        raise BadInput(
            f"stack {stack.name} has a long template and no bucket for it", where=str(stack.template)
        )
    return f"https://s3.{stack.region}.amazonaws.com/" + stack.template_url.removeprefix("s3://")


def _each(stacks: list[Stack], work: Callable[[Stack], Outputs]) -> dict[str, Outputs]:
    """Do the work of each stack as soon as what it needs is done; after a failure start nothing more."""
    outputs: dict[str, Outputs] = {}
    ids = {stack.id for stack in stacks}
    waiting, done = list(stacks), set[str]()
    running: dict[Future[Outputs], Stack] = {}
    with ThreadPoolExecutor(max_workers=8) as pool:
        while waiting or running:
            for stack in [s for s in waiting if s.needs & ids <= done]:
                waiting.remove(stack)
                running[pool.submit(work, stack)] = stack
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                stack = running.pop(future)
                outputs[stack.name] = future.result()
                done.add(stack.id)
    return outputs
