"""Whether what serves is what a deployment asked for."""

from __future__ import annotations

from isthmus.errors import Problem
from isthmus.serving.changes import put_back
from isthmus.serving.present import Serving


def expect(
    serving: Serving,
    model_package_arn: str,
    endpoint_config: str = "",
    challenger: str = "",
    size: str = "",
    *,
    scales: bool = True,
) -> None:
    """Raise `Problem` unless it is in service with this version, and no other but the one compared with it.

    With a configuration named, by this one; with a size, of this one. Whatever its configuration says of
    traffic, capacity and captures must be so; of instances and copies only where nothing `scales` them.
    """
    wanted = _told(model_package_arn, challenger, endpoint_config, size)
    by = serving.endpoint_config if endpoint_config else ""
    has = serving.sized(scales=scales) if size else ""
    found = _told(serving.model_package_arn, serving.challenger, by, has)
    if serving.status == "InService" and found == wanted:
        _expect_as_configured(serving, scales=scales)
        return
    raise Problem(
        f"endpoint {serving.endpoint} in {serving.stage} is {serving.status} and runs "
        f"{found or 'nothing'}, not {wanted}",
        where=serving.arn,
        todo=serving.failure or "look at the endpoint's log and deploy again",
    )


def _expect_as_configured(serving: Serving, *, scales: bool) -> None:
    if changed := (*serving.changed, *(() if scales else serving.resized)):
        who = (
            "its own alarm or somebody took off what is compared"
            if serving.taken_off
            else "somebody changed it"
        )
        raise Problem(
            f"endpoint {serving.endpoint} in {serving.stage} runs otherwise than its configuration "
            f"{serving.endpoint_config} says: {'; '.join(map(str, changed))}",
            where=serving.arn,
            todo=f"{who} past the pipeline; {put_back(serving.endpoint, changed)}",
        )


def _told(version: str, challenger: str, endpoint_config: str, size: str) -> str:
    beside = f" beside {challenger}" if challenger else ""
    by = f" by {endpoint_config}" if endpoint_config else ""
    return f"{version}{beside}{by}" + (f", {size}" if size else "")
