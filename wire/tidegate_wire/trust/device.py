"""Events under a device key: which keys stand for a host, and whether one of them signed.

One kind of key: ECDSA over P-256 with SHA-256, which files, TPMs and PKCS#11 tokens all can. An envelope's
`keyid` is a hint and decides nothing: every key that is known for the host is tried.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidegate_schemas.envelope import EventSignatureError, read_envelope
from tidegate_schemas.media_types import STRUCTURED
from tidegate_wire.trust.dsse import pae, signed_by
from tidegate_wire.trust.keys import UnusableKeyError, load_public_key

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS: Final = 8
"""The most keys of one host: two are needed while one is rotated."""

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """The public half of a device key; `id` is its `KeyId`."""

    id: str
    public: ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """An event's verified bytes, and which key signed them."""

    payload: bytes
    key_id: str


def key_id(public: ec.EllipticCurvePublicKey) -> str:
    """A key's id: the SHA-256 of its SubjectPublicKeyInfo in DER, hexadecimal."""
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def read_keys(pem: str, name: str) -> tuple[DeviceKey, ...]:
    """Read one or more public keys, PEM blocks one after the other.

    Args:
        pem: the file's text; what stands outside the blocks is comment (RFC 7468, section 2).
        name: how to call the file in an error.

    Raises:
        UnusableKeyError: there is none, one is no EC P-256 public key, or there are more than KEYS.
    """
    blocks = list(_BLOCK.finditer(pem))
    if not blocks:
        raise UnusableKeyError(name, "there is no public key in PEM form in it")
    if any("PRIVATE" in block[1] for block in blocks):
        raise UnusableKeyError(name, "it holds a private key, which has no business anywhere but on its host")
    if len(blocks) > KEYS:
        raise UnusableKeyError(name, f"it holds more than {KEYS} keys")
    publics = (load_public_key(block[0], name) for block in blocks)
    return tuple(DeviceKey(key_id(public), public) for public in publics)


def verify_event(raw: bytes, keys: Sequence[DeviceKey]) -> SignedEvent:
    """Verify a message under the keys that are known for a host.

    Nothing but the bytes is judged: who the event speaks of, and whether it is new, is for the caller.

    Raises:
        EventSignatureError: it is not signed, not an envelope, or signed by none of the keys. Nothing else.
    """
    envelope = read_envelope(raw)
    if envelope is None:
        raise EventSignatureError("it is not signed")
    message = pae(STRUCTURED, envelope.payload)
    found = next((key for key in keys if signed_by(key.public, envelope.signature.sig, message)), None)
    if found is None:
        named = envelope.signature.keyid[:16]
        raise EventSignatureError(f"it is not signed by a key that is known for the host; it names {named}…")
    return SignedEvent(envelope.payload, found.id)
