"""What a secret looks like: none belongs in a configuration file, nor in what is made from one."""

from __future__ import annotations

import re

_VALUE = re.compile(
    r"(AKIA|ASIA)[0-9A-Z]{16}"  # an access key of AWS
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b[a-z2-7]{52}\b|\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b"  # personal access tokens of Azure DevOps
    r"|\bxox[abeoprs]-|\bgh[opsu]_[A-Za-z0-9]{36}\b"  # tokens of Slack and GitHub
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ"  # a signed token
    r"|(?i:\b(account_?key|shared_?access_?key|password|pwd)\s*=\s*[^\s;]+)"  # in a connection string
    r"|://[^/\s:@]+:[^/\s:@]+@"  # who signs in, in an address
)
_NAME = re.compile(
    r"(secrets?|passwords?|passwd|pwd|passphrase|tokens?|pat|credentials?|connectionstring"
    r"|(api|access|account|private|signing|encryption|shared)key)$"
)


def is_secret(value: str) -> bool:
    """Whether a text has the shape of a secret."""
    return bool(_VALUE.search(value))


def is_called_secret(name: str) -> bool:
    """Whether a variable of that name would hold one: DB_PASSWORD, apiKey, but not TOKEN_LIMIT or compat."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    last = re.split(r"[^a-z0-9]+", words)
    return any(_NAME.fullmatch("".join(last[-count:])) for count in (1, 2))
