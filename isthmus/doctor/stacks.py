"""Whether an account can be deployed to, and whether all its stacks stand, whole and in no failed state."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus import names
from isthmus.config import STAGES, AccountRole, Platform
from isthmus.doctor.finding import Finding, deploy
from isthmus.doctor.sight import Sight
from isthmus.infra.change import NEVER_STOOD, described
from isthmus.infra.toolkit import VERSION, Toolkit


def stacks(sight: Sight, account: AccountRole) -> Iterator[Finding]:
    """Each stack that platform.yaml asks for, and its resources."""
    cfn = sight.client(account, "cloudformation")
    for name in expected(sight.platform, account):
        found = described(cfn, name)
        if found is None:
            yield Finding("missing", f"stack {name}", "it is not there", deploy(account))
            continue
        state = str(found["StackStatus"])
        if state.endswith("_IN_PROGRESS"):
            yield Finding("warning", f"stack {name}", f"it is changing: {state}; look again later")
        elif state not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
            yield Finding("missing", f"stack {name}", _failed(state), _remedy(sight, name, state, account))
        else:
            pages = cfn.get_paginator("list_stack_resources").paginate(StackName=name)
            for one in (each for page in pages for each in page["StackResourceSummaries"]):
                if one["ResourceStatus"].endswith("_FAILED") or one["ResourceStatus"] == "DELETE_COMPLETE":
                    about = f"stack {name}, {one['LogicalResourceId']}"
                    yield Finding("missing", about, f"it is {one['ResourceStatus']}", deploy(account))


def expected(platform: Platform, account: AccountRole) -> Iterator[str]:
    """The stacks that stand in an account, by name."""
    yield names.stack(platform, account)
    if account in ("automation", *STAGES):
        yield from (names.model_stack(platform, account, one.name) for one in platform.models)
    if account in STAGES and platform.shared_endpoints:
        yield names.shared_endpoint_stack(platform, account)
    if account == "automation" and platform.feature_groups:
        yield names.feature_stack(platform)
    if account == "dev":
        yield from (names.team_stack(platform, one.name) for one in platform.teams)


def _failed(state: str) -> str:
    if state in NEVER_STOOD:
        return f"its last change failed ({state}): it never stood"
    before = "what it was before still stands" if state == "UPDATE_ROLLBACK_COMPLETE" else "it is not whole"
    return f"its last change failed ({state}): {before}"


def _remedy(sight: Sight, name: str, state: str, account: AccountRole) -> str:
    if state == "UPDATE_ROLLBACK_FAILED":
        which = f"--stack-name {name} --region {sight.platform.region}"
        return f"aws cloudformation continue-update-rollback {which}"
    return deploy(account)


def bootstrap(sight: Sight, account: AccountRole) -> Iterator[Finding]:
    """The version of CDK's bootstrap, and that its boundary is the one of this version of Isthmus."""
    ssm, toolkit = sight.client(account, "ssm"), Toolkit.of(sight.platform, account)
    path, again = f"/cdk-bootstrap/{names.BOOTSTRAP}", f"isthmus account bootstrap {account}"
    asked = [f"{path}/version", f"{path}/boundary"]
    found = {one["Name"]: one["Value"] for one in ssm.get_parameters(Names=asked)["Parameters"]}
    version = found.get(asked[0], "")
    if not version:
        yield Finding("missing", "CDK's bootstrap", "the account is not bootstrapped", again)
    elif not version.isdecimal() or int(version) < int(VERSION):
        yield Finding("missing", "CDK's bootstrap", f"it is version {version}; {VERSION} is needed", again)
    if version and asked[1] not in found:
        says = "it was made by something else than Isthmus: deployments have no boundary"
        yield Finding("missing", "CDK's bootstrap", says, again)
    elif version and found[asked[1]] != toolkit.revision:
        yield Finding("missing", "CDK's bootstrap", "its boundary is another version's", again)
