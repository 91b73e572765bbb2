"""Key helpers: encodings and ids. Nothing here is fit for keys that matter: they are stored unencrypted."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes


def public_der(key: PublicKeyTypes) -> bytes:
    """The SubjectPublicKeyInfo, DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_key_id(key: PublicKeyTypes) -> bytes:
    """The RFC 6962 id of a key, section 3.2: SHA-256 over its SubjectPublicKeyInfo."""
    return hashlib.sha256(public_der(key)).digest()


def private_pem(key: PrivateKeyTypes) -> bytes:
    """The private key as unencrypted PKCS #8: right for a throw-away key, wrong for any other."""
    return key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
