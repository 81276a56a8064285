"""The bits of Azure DevOps' security namespaces: what people call them, and which jobs have anyway.

https://learn.microsoft.com/azure/devops/organizations/security/namespace-reference
"""

from __future__ import annotations

BUILD_NAMESPACE = "33344d9c-fc72-4d6f-aba5-fa317101a7e9"
GIT_NAMESPACE = "2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87"
# Of Build: edit and delete the pipeline, and say who may what with it.
CHANGE = 2048 | 4096 | 16384
# Microsoft lists nowhere what it gives a build service. Of Git: read, and label sources that were built. Of
# Build: see builds and pipelines, say what a build says, and what only XAML builds know; not to queue any.
GIVEN = {GIT_NAMESPACE: 2 | 32 | 64, BUILD_NAMESPACE: 1 | 2 | 16 | 64 | 256 | 1024 | 8192}
_CALLED = {
    GIT_NAMESPACE: {
        1: "administer",
        4: "contribute",
        8: "force push",
        16: "create branch",
        128: "bypass policies when pushing",
        256: "create repository",
        512: "delete repository",
        1024: "rename repository",
        2048: "edit policies",
        4096: "remove others' locks",
        8192: "manage permissions",
        16384: "contribute to pull requests",
        32768: "bypass policies when completing pull requests",
    },
    BUILD_NAMESPACE: {
        4: "retain indefinitely",
        8: "delete builds",
        32: "destroy builds",
        128: "queue builds",
        512: "stop builds",
        2048: "edit build pipeline",
        4096: "delete build pipeline",
        16384: "administer build permissions",
        65536: "edit queue build configuration",
    },
}


def called(namespace: str, bits: int) -> str:
    """What people call these permissions; the number of a bit that has no name here."""
    each = [1 << at for at in range(bits.bit_length()) if bits >> at & 1]
    return ", ".join(_CALLED[namespace].get(bit, f"bit {bit}") for bit in each)
