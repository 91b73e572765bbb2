"""A device key in a file: PEM, PKCS#8, EC P-256, for the agent's eyes only.

Loads cryptography: only the signing child imports this (`sign_child`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tidegate_agent.adapters.secret_file import read_secret
from tidegate_agent.model import Signatures
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.media_types import STRUCTURED
from tidegate_wire.trust.dsse import pae

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class FileDeviceKey:
    """Implements `ports.EventSigner`. The file is read anew at each call.

    Args:
        path: the file.
        credentials: where systemd put this unit's credentials (systemd.exec(5)), if it did.
    """

    def __init__(self, path: Path, credentials: Path | None = None) -> None:
        self._path = path
        self._credentials = credentials

    def sign(self, payloads: Sequence[bytes]) -> Signatures:
        """See EventSigner.sign."""
        key = self._load()
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        algorithm = ec.ECDSA(hashes.SHA256())
        return Signatures(public, tuple(key.sign(pae(STRUCTURED, one), algorithm) for one in payloads))

    def _load(self) -> ec.EllipticCurvePrivateKey:
        pem = read_secret(self._path, self._credentials)
        try:
            key = load_pem_private_key(pem, password=None)
        # ValueError, TypeError (it has a password) or UnsupportedAlgorithm: in each case no key for us.
        except Exception as error:
            reason = f"{self._path} holds no private key in PEM form without a password"
            raise TidegateError(Code.EVENT_SIGNING, reason) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise TidegateError(Code.EVENT_SIGNING, f"{self._path} holds a key that is not EC P-256")
        return key


def new_key() -> bytes:
    """A fresh private key: PEM, PKCS#8."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
