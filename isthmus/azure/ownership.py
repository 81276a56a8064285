"""What apply may change: what it made. Of all else that has a name of ours somebody must say that it may."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.azure import marks
from isthmus.azure.instructions.adoptions import Adopt
from isthmus.azure.present import Present
from isthmus.azure.resources import GUARDED, Wanted
from isthmus.errors import Refused


def adoptions(platform: str, want: Wanted, present: Present, *, adopt: bool) -> Iterator[Adopt]:
    """What is taken over: with `adopt`, all that is there, has a name of ours and was not made by apply.

    Raises `Refused` for what another platform made; and without `adopt` for what nobody did. A team's own
    repository may be there: it is filled only while it is empty, and never removed.
    """
    strangers = list(_strangers(platform, want, present))
    if not strangers or adopt:
        for one in strangers:
            maker = present.maker(one.kind, one.name) if one.kind in GUARDED else None
            yield Adopt(one, str(maker.display_name) if maker else "")
        return
    listed = "".join(f"\n  {one.thing}" for one in strangers)
    raise Refused(
        f"apply did not make what has these names in project {want.project}, and leaves it as it is:{listed}",
        todo="rename that; or let apply take it over, to change it and to remove it at destroy: --adopt",
    )


def _strangers(platform: str, want: Wanted, present: Present) -> Iterator[marks.Mark]:
    known = marks.read(present)
    mine = {(one.kind, one.name): one.id for one in known if one.platform == platform}
    others = {(one.kind, one.id): one for one in known if one.platform != platform}
    teams = {one.name for one in want.repositories if not one.ours}
    for one in marks.found(present, platform, want):
        if other := others.get((one.kind, one.id)):
            raise Refused(
                f"{one.thing} of project {want.project} belongs to the platform {other.platform!r}",
                where="platform.yaml, azure.project",
                todo="a project holds one platform: name another for this one",
            )
        is_teams = one.kind == "repository" and one.name in teams
        # An empty id: an apply was interrupted while it made the thing.
        if not is_teams and mine.get((one.kind, one.name)) not in ("", one.id):
            yield one
