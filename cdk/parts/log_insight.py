"""What makes an account's logs useful: questions that are ready to ask, and one place to ask them in."""

from __future__ import annotations

from constructs import Construct

from cdk.parts.saved_queries import saved_queries
from isthmus.config import AccountRole, Platform


def log_insight(scope: Construct, platform: Platform, account: AccountRole) -> None:
    """The account's saved queries; with `logs.central` its part in sharing logs with automation."""
    saved_queries(scope, platform, account)
    if not platform.logs.central:
        return
    from cdk.parts.log_sharing import link, sink

    if account == "automation":
        sink(scope, platform)
    elif platform.logs.sink:
        link(scope, platform, platform.logs.sink)
