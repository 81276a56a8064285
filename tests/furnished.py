"""The demo's world for stories of other people: clouds of its own, with the scene's platform in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isthmus.azure import callback, contents, provision
from isthmus.local import furnish
from isthmus.local.aws.bootstrap import bootstrap_all
from isthmus.local.platform import running
from isthmus.local.scene import Scene
from isthmus.local.world import World


@contextmanager
def furnished(scene: Scene, state: Path) -> Iterator[World]:
    """Accounts that a person deployed for the first time, and a project that was provisioned."""
    with running(scene.platform_file, state / "clouds") as local:
        world = World(scene, local, state)
        with world.acting("admin"):
            bootstrap_all(local.root, world.platform)
            furnish.synthesize(contents.CHECKOUT, scene.platform_file, state / "assembly")
            furnish.deploy(world.platform, state / "assembly", lambda _line: None)
            provision.apply(world.platform, scene.folders, callback=callback.url(world.platform))
        yield world
