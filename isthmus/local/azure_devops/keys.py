"""The key that signs tokens here: made once per state folder, published as a JSON Web Key Set."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from isthmus.local import signing_key


class Key:
    """The key of one issuer."""

    def __init__(self, path: Path) -> None:
        self._private = signing_key.load(path)

    @cached_property
    def public(self) -> rsa.RSAPublicKey:
        return self._private.public_key()

    @cached_property
    def kid(self) -> str:
        encoded = self.public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(encoded).hexdigest()[:40].upper()

    @cached_property
    def key_set(self) -> dict[str, Any]:
        key: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self.public))
        return {"keys": [key | {"kid": self.kid, "use": "sig", "alg": "RS256", "key_ops": ["verify"]}]}

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": self.kid})
