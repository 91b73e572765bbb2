"""The certificate transparency log, as far as a certificate shows it: signed certificate timestamps.

Source: RFC 6962, sections 3.2 (digitally-signed struct) and 3.3 (the extension in the certificate).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tidegate_publisher.devstack.sigstore.keys import public_key_id

if TYPE_CHECKING:
    from datetime import datetime

SCT_LIST_OID = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_V1, _CERTIFICATE_TIMESTAMP, _PRECERT_ENTRY = 0, 0, 1
_SHA256, _ECDSA = 4, 3


def signed_struct(tbs: bytes, issuer_key_id: bytes, milliseconds: int) -> bytes:
    """The bytes that an SCT for a precertificate signs, without log extensions.

    Args:
        tbs: the TBSCertificate without its SCT list, DER, shorter than 16 MiB.
        issuer_key_id: SHA-256 over the issuer's SubjectPublicKeyInfo.
        milliseconds: the timestamp, since 1970.
    """
    head = struct.pack("!BBQH", _V1, _CERTIFICATE_TIMESTAMP, milliseconds, _PRECERT_ENTRY)
    return head + issuer_key_id + len(tbs).to_bytes(3) + tbs + struct.pack("!H", 0)


@dataclass(frozen=True, slots=True)
class CtLog:
    """A log that promises to include every precertificate it is shown, and keeps none: nobody audits it."""

    key: ec.EllipticCurvePrivateKey

    @property
    def log_id(self) -> bytes:
        """The log's id, 32 bytes."""
        return public_key_id(self.key.public_key())

    def sign(self, tbs: bytes, issuer_key_id: bytes, now: datetime) -> bytes:
        """Make the serialized SCT for a precertificate.

        The timestamp is in whole seconds: a verifier that takes it through a float can lose a millisecond.
        """
        milliseconds = int(now.timestamp()) * 1000
        signed = signed_struct(tbs, issuer_key_id, milliseconds)
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        head = struct.pack("!B32sQH", _V1, self.log_id, milliseconds, 0)
        return head + struct.pack("!BBH", _SHA256, _ECDSA, len(signature)) + signature


def sct_extension(scts: list[bytes]) -> x509.UnrecognizedExtension:
    """The SCT list extension: an OCTET STRING around a TLS vector of vectors."""
    items = b"".join(struct.pack("!H", len(sct)) + sct for sct in scts)
    return x509.UnrecognizedExtension(SCT_LIST_OID, asn1.encode_der(struct.pack("!H", len(items)) + items))
