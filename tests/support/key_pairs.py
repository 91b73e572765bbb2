"""Bundles under a key pair, for tests."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidegate_wire.trust.dsse import pae
from tidegate_wire.trust.policy import KeySigner
from tidegate_wire.trust.shape import MEDIA_TYPE

IN_TOTO = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class KeyPair:
    """An EC key pair with a name."""

    name: str = "release"
    curve: ec.EllipticCurve = field(default_factory=ec.SECP256R1)
    private: ec.EllipticCurvePrivateKey = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "private", ec.generate_private_key(self.curve))

    @property
    def pem(self) -> str:
        """The public half."""
        form = PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(Encoding.PEM, form).decode()

    @property
    def signer(self) -> KeySigner:
        """For a policy."""
        return KeySigner(self.name, self.pem)

    def sign(self, message: bytes) -> bytes:
        """ECDSA with SHA-256, DER."""
        return self.private.sign(message, ec.ECDSA(hashes.SHA256()))

    def bundle(self, payload: bytes, payload_type: str = IN_TOTO, **material: Any) -> bytes:
        """A bundle v0.3 around a payload; `material` is added to what accompanies the envelope."""
        signature = self.sign(pae(payload_type, payload))
        return json.dumps(
            {
                "mediaType": MEDIA_TYPE,
                "verificationMaterial": {"publicKey": {"hint": "any"}, **material},
                "dsseEnvelope": {
                    "payload": base64.b64encode(payload).decode(),
                    "payloadType": payload_type,
                    "signatures": [{"sig": base64.b64encode(signature).decode()}],
                },
            }
        ).encode()
