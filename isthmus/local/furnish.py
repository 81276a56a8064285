"""Furnishes a running local platform: bootstrapped accounts, the platform's stacks, the image.

Each function is a step that `isthmus up` and `isthmus demo` show; each may be done again without change.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import boto3

from isthmus.azure.contents import CHECKOUT
from isthmus.config import Platform
from isthmus.local.aws.bootstrap import bootstrap_all
from isthmus.local.platform import Local

Say = Callable[[str], None]


def furnish(local: Local, say: Say) -> None:
    """All of it, as `isthmus up` does; what stands already is left as it is.

    Repositories are filled as `isthmus azure apply` fills them, so that its plan is empty afterwards.
    """
    from isthmus.azure import callback, contents, provision
    from isthmus.local.identity import acting_as

    with acting_as("admin", local):
        from isthmus.config import read_platform

        file = local.platform_file.resolve()
        platform = read_platform(file)
        say("accounts: bootstrap, synthesize, check, deploy")
        bootstrap_all(local.root, platform)
        assembly = local.state / "assembly"
        synthesize(CHECKOUT, file, assembly)
        check(assembly)
        deploy(platform, assembly, say)
        say("Azure DevOps: project, repositories, pipelines, checks")
        provision.apply(platform, contents.Folders.beside(file), callback=callback.url(platform), tell=say)


def synthesize(checkout: Path, platform_file: Path, assembly: Path) -> None:
    """Turn platform.yaml into one template per account."""
    from isthmus.infra.synth import synthesize

    synthesize(checkout / "app.py", assembly, platform=platform_file)


def check(assembly: Path) -> int:
    """Check every template; returns how many there are. Raises `Problem` for a finding."""
    from isthmus.infra.check import refuse_findings
    from isthmus.infra.manifest import read_stacks

    refuse_findings(assembly, where=str(assembly))
    return len(read_stacks(assembly))


def deploy(platform: Platform, assembly: Path, say: Say) -> int:
    """Deploy each account's stack as that account's deploy role, and push the image; returns the stacks."""
    from isthmus.infra.assembly import deploy
    from isthmus.local.image import push

    session = boto3.Session(region_name=platform.region)
    outputs = deploy(session, assembly, say=say)
    push(session)
    return len(outputs)
