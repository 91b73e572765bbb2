"""RFC 3161 timestamps: who stands behind one. Explains refusals; the verification is sigstore-python's."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from cryptography import x509
from rfc3161_client import VerifierBuilder, decode_timestamp_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_wire.trust.root import TrustedParty

_SHORTEST_CHAIN: Final = 2


def stamped_by(response: bytes, message: bytes, authorities: Iterable[TrustedParty]) -> bool:
    """Whether one of these timestamp authorities made a response (DER) over a message."""
    return any(_made(response, message, authority) for authority in authorities)


def _made(response: bytes, message: bytes, authority: TrustedParty) -> bool:
    chain = [
        x509.load_der_x509_certificate(base64.b64decode(one["rawBytes"]))
        for one in authority.content["certChain"]["certificates"]
    ]
    if len(chain) < _SHORTEST_CHAIN:
        return False
    builder = VerifierBuilder().tsa_certificate(chain[0]).add_root_certificate(chain[-1])
    for certificate in chain[1:-1]:
        builder = builder.add_intermediate_certificate(certificate)
    try:
        builder.build().verify_message(decode_timestamp_response(response), message)
    # VerificationError, or whatever a hostile response makes the parser raise: it did not.
    except Exception:  # noqa: BLE001
        return False
    return True
