"""Tokens that say what a genuine one says and are signed in ways that a careless reader believes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _unsigned(_key: rsa.RSAPublicKey, kid: str, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, "none", headers={"kid": kid})


def _public_key_as_secret(key: rsa.RSAPublicKey, kid: str, claims: dict[str, Any]) -> str:
    """By hand, for no library signs so any more."""
    parts = [{"alg": "HS256", "typ": "JWT", "kid": kid}, claims]
    text = b".".join(_written(json.dumps(part).encode()) for part in parts)
    secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return (text + b"." + _written(hmac.digest(secret, text, hashlib.sha256))).decode()


def _own_key_in_header(_key: rsa.RSAPublicKey, kid: str, claims: dict[str, Any]) -> str:
    own = json.loads(RSAAlgorithm.to_jwk(STRANGER.public_key()))
    return jwt.encode(claims, STRANGER, "RS256", headers={"kid": kid, "jwk": own})


def _url_of_own_keys(_key: rsa.RSAPublicKey, kid: str, claims: dict[str, Any]) -> str:
    headers = {"kid": kid, "jku": "https://attacker.example/keys"}
    return jwt.encode(claims, STRANGER, "RS256", headers=headers)


def _key_of_no_name(_key: rsa.RSAPublicKey, _kid: str, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, STRANGER, "RS256")


def _key_of_a_path(_key: rsa.RSAPublicKey, _kid: str, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, STRANGER, "RS256", headers={"kid": "../../dev/null"})


def _written(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


FORGERIES: dict[str, Callable[[rsa.RSAPublicKey, str, dict[str, Any]], str]] = {
    "unsigned": _unsigned,
    "the public key as a secret": _public_key_as_secret,
    "a key of its own in the header": _own_key_in_header,
    "a URL of its own keys": _url_of_own_keys,
    "a key without a name": _key_of_no_name,
    "a key named by a path": _key_of_a_path,
}
