"""Whether the tokens that each service connection really carries are those that its role is to trust."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus import names
from isthmus.doctor.finding import Finding
from isthmus.doctor.project import APPLY
from isthmus.doctor.sight import Sight


def connections(sight: Sight) -> Iterator[Finding]:
    """Issuer and subject as Azure DevOps says them of each service connection; Entra's audience is one."""
    for name in names.connections(sight.platform):
        found = sight.azure.connection(name)
        about = f"service connection {name}"
        if found is None:
            yield Finding("missing", about, "it is not there", APPLY)
            continue
        said = {key.lower(): str(value) for key, value in (found.authorization.parameters or {}).items()}
        issuer = said.get("workloadidentityfederationissuer", "")
        subject = said.get("workloadidentityfederationsubject", "")
        trusted = names.connection_subjects(sight.platform, name)
        if not subject:
            says = f"it signs in by {found.authorization.scheme}: it has no token that AWS could trust"
            yield Finding("missing", about, says, APPLY)
        elif issuer and issuer.rstrip("/") not in {one.rstrip("/") for one in trusted}:
            says = f"its tokens are issued by {issuer}, but roles trust {' and '.join(trusted)}"
            yield Finding("missing", about, says, _remedy(sight, name, issuer, subject))
        elif subject not in trusted.values():
            says = f"its tokens carry subject {subject!r}, but roles trust {' and '.join(trusted.values())}"
            yield Finding("missing", about, says, _remedy(sight, name, issuer, subject))


def _remedy(sight: Sight, name: str, issuer: str, subject: str) -> str:
    """Entra's subject is Entra's to make, and is written into platform.yaml; any other is ours."""
    if issuer.rstrip("/") == sight.platform.azure.entra_issuer:
        return f"write it in platform.yaml, azure.entra_subjects: {{{name}: {subject}}}; then {_DEPLOY}"
    return APPLY


_DEPLOY = "isthmus infra synth && isthmus infra deploy"
