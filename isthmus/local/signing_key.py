"""An RSA key in a file that only its owner may read; made once, when it is first asked for."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from isthmus import files


def load(file: Path) -> rsa.RSAPrivateKey:
    """The key; raises `Unavailable` where the file is there and holds none."""
    if not file.exists():
        files.write(file, _made())
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except ValueError as error:
        raise files.damaged(file, error) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise files.damaged(file, "it holds no RSA key")
    return key


def _made() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
