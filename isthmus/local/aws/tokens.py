"""Tokens of the callers of this AWS, signed with a key of this installation."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm

from isthmus.local import signing_key


class Signer:
    """The key with which this installation signs tokens; made once, kept in its state.

    Its public half is served at `/_isthmus/jwks`, as AWS publishes an account's keys at the account's issuer.
    """

    def __init__(self, file: Path, issuer: str) -> None:
        self._key = signing_key.load(file)
        self.issuer = issuer
        jwk: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        self.jwk = jwk | {"kid": "isthmus-local-aws", "use": "sig", "alg": "RS256"}

    def jwks(self) -> bytes:
        return json.dumps({"keys": [self.jwk]}).encode()

    def sign(self, subject: str, audience: list[str], seconds: int, about: dict[str, Any]) -> tuple[str, str]:
        """A token for `subject`, and when it expires (ISO 8601); `about` is AWS's own claim."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": audience[0] if len(audience) == 1 else audience,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "jti": str(uuid.uuid4()),
            "https://sts.amazonaws.com/": about,
        }
        token = jwt.encode(claims, self._key, "RS256", headers={"kid": self.jwk["kid"]})
        return token, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + seconds))
