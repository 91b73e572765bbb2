"""Signing with a key pair: no certificate, no log, no network."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tidegate_publisher.adapters.key_file import fingerprint
from tidegate_schemas.statement import PAYLOAD_TYPE
from tidegate_wire.trust.dsse import pae
from tidegate_wire.trust.shape import MEDIA_TYPE

if TYPE_CHECKING:
    from tidegate_publisher.adapters.key_file import Key


class KeySigner:
    """See ports.Signer.

    The bundle carries a hint in the place of a certificate, and no log entry (sigstore protobuf-specs,
    sigstore_bundle.proto, `VerificationMaterial.public_key`). Nothing in it tells when it was signed.
    """

    def __init__(self, key: Key) -> None:
        self._key = key

    def identity(self) -> None:
        """See ports.Signer.identity: a key has the name that a policy gives it, and none of its own."""

    def sign(self, payload: bytes) -> bytes:
        """See ports.Signer.sign."""
        signature = self._key.sign(pae(PAYLOAD_TYPE, payload), ec.ECDSA(hashes.SHA256()))
        bundle = {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": fingerprint(self._key)}},
            "dsseEnvelope": {
                "payload": _base64(payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": _base64(signature)}],
            },
        }
        return json.dumps(bundle, separators=(",", ":")).encode()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
