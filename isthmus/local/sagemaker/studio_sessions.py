"""Work in Studio: `CreatePresignedDomainUrl` opens it, and a session of the person's role works there.

There is no Studio behind the URL here. It answers as an app's credential endpoint does, so that a program
with `AWS_CONTAINER_CREDENTIALS_FULL_URI` set to it acts as it would in Studio.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from isthmus.executor.record import Record
from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker import domains, user_profiles
from isthmus.local.sagemaker.call import Call, Operation
from isthmus.local.sagemaker.state import Space

if TYPE_CHECKING:
    from isthmus.local.sagemaker.sagemaker import SageMaker

PATH = "/_isthmus/studio/"
EXPIRES_SECONDS, SESSION_SECONDS = 300, 43_200


def create_presigned_url(call: Call) -> Record:
    profile = user_profiles.find(call)
    settings = domains.find(call).get("DomainSettings", {})
    if settings.get("ExecutionRoleIdentityConfig") != "USER_PROFILE_NAME":
        raise invalid("Only a domain with ExecutionRoleIdentityConfig USER_PROFILE_NAME is opened here.")
    token = secrets.token_urlsafe(24)
    call.space["studio-urls"][token] = {
        "DomainId": profile["DomainId"],
        "UserProfileName": profile["UserProfileName"],
        "Until": time.time() + call.get("ExpiresInSeconds", EXPIRES_SECONDS),
        "Seconds": call.get("SessionExpirationDurationInSeconds", SESSION_SECONDS),
    }
    return {"AuthorizedUrl": f"{call.here.environment['AWS_ENDPOINT_URL']}{PATH}{token}"}


def enter(here: SageMaker, token: str) -> Record | None:
    """Credentials as an app in Studio has them; None where the URL is unknown or too old."""
    for space in here.state.spaces():
        opened = space["studio-urls"].get(token)
        if opened and opened["Until"] > time.time():
            # Whoever came in time stays as long as the session lasts.
            opened["Until"] = max(opened["Until"], time.time() + opened.pop("Seconds", 0))
            return _credentials(here.as_owner(space, opened), opened["Until"])
    return None


def _credentials(call: Call, until: float) -> Record:
    profile = user_profiles.find(call)
    role, name = user_profiles.execution_role(call, profile), profile["UserProfileName"]
    session = call.here.cloud.assume(role, call.caller.region, "SageMaker", name)
    working = {"DomainId": profile["DomainId"], "UserProfileName": name}
    call.space["studio-sessions"][session.access_key] = working
    call.here.state.changed()
    return {
        "RoleArn": role,
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret,
        "Token": session.token,
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until)),
    }


def keys(space: Space, access_key: str) -> dict[str, str]:
    """The condition keys that say who works in Studio; none for anybody else."""
    found = space["studio-sessions"].get(access_key, {})
    return {f"sagemaker:{name}": value for name, value in found.items()}


OPERATIONS: dict[str, Operation] = {"CreatePresignedDomainUrl": create_presigned_url}
