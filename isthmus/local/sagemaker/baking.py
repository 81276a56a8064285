"""The alarms of an update: there before it begins, and watched while the new processes get requests."""

from __future__ import annotations

import time
from collections.abc import Iterable

from isthmus.executor.refusals import invalid
from isthmus.local.sagemaker.call import Call
from isthmus.local.sagemaker.hosts import Host
from isthmus.local.sagemaker.serving import NotServing

MINUTE = 60.0
# How often alarms are looked at: twice in the shortest period that an alarm has.
LOOKS_A_MINUTE = 2


def require_alarms(call: Call, alarms: Iterable[str]) -> None:
    """Raise `ApiError` unless all of them are there and the caller may see them."""
    account, region = call.caller.account, call.caller.region
    for name in alarms:
        arn = f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"
        call.here.cloud.authorize(call.caller, "cloudwatch:DescribeAlarms", arn)
        if call.here.cloud.alarm_state(account, region, name) is None:
            raise invalid(f"The alarm {name} of AutoRollbackConfiguration does not exist.")


def bake(call: Call, host: Host, alarms: Iterable[str], seconds: float) -> None:
    """Watch the alarms for so long, or until the host is deleted; raises `NotServing` when one goes off."""
    deadline = time.monotonic() + seconds
    while True:
        for name in alarms:
            if call.here.cloud.look_at_alarm(call.caller.account, call.caller.region, name) == "ALARM":
                raise NotServing(f"One or more configured alarm(s) are in ALARM state: {name}. Rolled back.")
        left = deadline - time.monotonic()
        if left <= 0 or host.deleted.wait(min(left, call.here.minute / LOOKS_A_MINUTE)):
            return
