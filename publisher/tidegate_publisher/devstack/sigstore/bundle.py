"""Sigstore bundles, v0.3: the envelope with everything that a verifier needs without a network.

The message is plain JSON data, so that a test can break exactly one thing in it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from tidegate_publisher.devstack.sigstore.entry import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509

    from tidegate_publisher.devstack.sigstore.dsse import Envelope
    from tidegate_publisher.devstack.sigstore.entry import LogEntry

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def assemble(
    certificate: x509.Certificate,
    envelope: Envelope,
    entries: Sequence[LogEntry],
    timestamps: Sequence[bytes] = (),
) -> dict[str, object]:
    """The `dev.sigstore.bundle.v1.Bundle` message.

    Args:
        certificate: the signer's.
        envelope: what was signed.
        entries: the log entries; a good bundle has one.
        timestamps: DER TimeStampResp messages over the envelope's signature.
    """
    material: dict[str, object] = {
        "certificate": {"rawBytes": encode(certificate.public_bytes(Encoding.DER))},
        "tlogEntries": [entry.to_json() for entry in entries],
    }
    if timestamps:
        stamps = [{"signedTimestamp": encode(stamp)} for stamp in timestamps]
        material["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
    return {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": material,
        "dsseEnvelope": envelope.to_json(),
    }


def to_bytes(bundle: dict[str, object]) -> bytes:
    """The bundle as it is stored and sent."""
    return json.dumps(bundle, separators=(",", ":")).encode()
