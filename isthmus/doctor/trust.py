"""Whether each service connection's tokens open the role that they are for: issuer, audience, subject."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus import names
from isthmus.azure.identity import Target
from isthmus.config import AccountRole, Platform
from isthmus.doctor.entrances import entrances
from isthmus.doctor.finding import Finding, deploy, revert
from isthmus.doctor.policy import Statement, allows, lets_do, listed, principals
from isthmus.doctor.sight import Document, Sight

ENTER = "sts:AssumeRoleWithWebIdentity"
Claims = tuple[str, str, str]
"""Issuer without its scheme, audience, subject."""
CALLED = ("issuer", "audience", "subject")


def trust(sight: Sight, account: AccountRole) -> Iterator[Finding]:
    """Each role's trust beside the claims of its connection's tokens, and the issuers' identity providers."""
    yield from _providers(sight, account)
    roles = sight.roles(account)
    for way in entrances(sight.platform, account):
        if way.role not in roles:
            yield Finding("missing", f"role {way.role}", "it is not there", deploy(account))
            continue
        document, wanted = roles[way.role].trust, _wanted(sight.platform, way)
        found = _trusted(document)
        if wanted != found:
            yield _finding(sight, account, way, wanted, found)
        elif strangers := _strangers(document):
            says = f"it lets {', '.join(strangers)} in without a token of {way.connection}"
            yield Finding("missing", f"role {way.role}", says, _remedy(sight, account, way.role, wanted))


def _finding(
    sight: Sight, account: AccountRole, way: Target, wanted: set[Claims], found: set[Claims]
) -> Finding:
    lacks, foreign = sorted(wanted - found), sorted(found - wanted)
    about = f"role {way.role}"
    remedy = _remedy(sight, account, way.role, wanted)
    if not lacks:
        says = f"it trusts what is not its connection's: {_written(foreign[0])}"
        return Finding("missing", about, says, remedy)
    (token, *_), others = lacks, foreign or sorted(found)
    if not others:
        says = f"it trusts no token; those of {way.connection} carry {_written(token)}"
        return Finding("missing", about, says, remedy)
    trusted = min(others, key=lambda one: sum(a != b for a, b in zip(one, token, strict=True)))
    pairs = zip(CALLED, trusted, token, strict=True)
    says = "; ".join(
        f"it trusts {claim} {theirs!r}, but tokens of {way.connection} carry {ours!r}"
        for claim, theirs, ours in pairs
        if theirs != ours
    )
    return Finding("missing", about, says, remedy)


def _remedy(sight: Sight, account: AccountRole, role: str, wanted: set[Claims]) -> str:
    """A deployment where the stack was made of another platform.yaml; else the role was changed past it."""
    for stack in _stacks(sight.platform, account):
        for one in sight.template(account, stack)["Resources"].values():
            properties = one.get("Properties", {})
            if one["Type"] == "AWS::IAM::Role" and properties.get("RoleName") == role:
                is_so = _trusted(properties["AssumeRolePolicyDocument"]) == wanted
                return revert(stack, sight.platform.region) if is_so else deploy(account)
    return deploy(account)


def _stacks(platform: Platform, account: AccountRole) -> Iterator[str]:
    yield names.stack(platform, account)
    if account in ("automation", "staging", "prod"):
        yield from (names.model_stack(platform, account, model.name) for model in platform.models)


def _wanted(platform: Platform, way: Target) -> set[Claims]:
    subjects = names.connection_subjects(platform, way.connection)
    return {(_host(issuer), platform.azure.audience, subject) for issuer, subject in subjects.items()}


def _trusted(document: Document) -> set[Claims]:
    """The claims that each statement asks for; `any` of what it does not ask for."""
    found: set[Claims] = set()
    for statement in allows(document):
        if not lets_do(statement, ENTER):
            continue
        asked = _asked(statement)
        for provider in principals(statement, "Federated"):
            host = provider.rpartition(":oidc-provider/")[2].replace("*", "any")
            audiences, subjects = (asked.get(f"{host}:{claim}", ["any"]) for claim in ("aud", "sub"))
            found |= {(host, audience, subject) for audience in audiences for subject in subjects}
    return found


def _strangers(document: Document) -> list[str]:
    """Whom statements let in by something else than a token."""
    others = (one for one in allows(document) if {str(name) for name in listed(one.get("Action"))} - {ENTER})
    return [whom for statement in others for whom in principals(statement)]


def _asked(statement: Statement) -> dict[str, list[str]]:
    """What a statement's conditions ask for, by key; with the operator, where not exactly that."""
    return {
        key: [str(one) if operator == "StringEquals" else f"{one} ({operator})" for one in listed(values)]
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    }


def _written(claims: Claims) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in zip(CALLED, claims, strict=True))


def _providers(sight: Sight, account: AccountRole) -> Iterator[Finding]:
    """Without its identity provider AWS believes no token of an issuer, whatever a role says."""
    azure, iam = sight.platform.azure, sight.client(account, "iam")
    there = {one["Arn"] for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]}
    stack = names.stack(sight.platform, account)
    for issuer in [azure.token_issuer, *([azure.entra_issuer] if azure.entra_subjects else [])]:
        arn = f"arn:aws:iam::{sight.number(account)}:oidc-provider/{_host(issuer)}"
        about = f"identity provider {_host(issuer)}"
        again = revert(stack, sight.platform.region)
        if arn not in there:
            yield Finding("missing", about, "AWS believes no token of this issuer", again)
            continue
        known = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"]
        if azure.audience not in known:
            says = f"it takes tokens for {', '.join(known) or 'nobody'}, but they are for {azure.audience}"
            yield Finding("missing", about, says, again)


def _host(issuer: str) -> str:
    return issuer.removeprefix("https://").rstrip("/")
