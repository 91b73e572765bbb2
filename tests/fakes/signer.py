"""A device key in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidegate_agent.model import Signatures
from tidegate_schemas.envelope import seal
from tidegate_schemas.media_types import STRUCTURED
from tidegate_wire.trust.device import DeviceKey, key_id
from tidegate_wire.trust.dsse import pae

if TYPE_CHECKING:
    from collections.abc import Sequence


class FakeSigner:
    """Obeys tests/contract/test_event_signer.py.

    Attributes:
        broken: what is raised while it cannot sign.
        asked: how many events it was asked to sign, for each call.
    """

    def __init__(self) -> None:
        self.broken: Exception | None = None
        self.asked: list[int] = []
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def key(self) -> DeviceKey:
        """The public half."""
        public = self._key.public_key()
        return DeviceKey(key_id(public), public)

    @property
    def pem(self) -> str:
        """The public half, as it is enrolled."""
        raw = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return raw.decode()

    def sign(self, payloads: Sequence[bytes]) -> Signatures:
        """See ports.EventSigner.sign."""
        self.asked.append(len(payloads))
        if self.broken is not None:
            raise self.broken
        public = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        algorithm = ec.ECDSA(hashes.SHA256())
        made = tuple(self._key.sign(pae(STRUCTURED, one), algorithm) for one in payloads)
        return Signatures(public, made)

    def sealed(self, payload: bytes) -> bytes:
        """A signed message around any payload."""
        made = self.sign([payload])
        return seal(payload, made.key_id, made.signatures[0])
