"""Who issued a certificate, by its signature and not by the name that it gives."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_wire.trust.root import TrustedParty


def issued_by(certificate: x509.Certificate, parties: Iterable[TrustedParty]) -> bool:
    """Whether some certificate of these authorities signed this one."""
    return any(_signed(certificate, issuer) for party in parties for issuer in _certificates(party))


def _certificates(party: TrustedParty) -> list[x509.Certificate]:
    chain = party.content["certChain"]["certificates"]
    return [x509.load_der_x509_certificate(base64.b64decode(one["rawBytes"])) for one in chain]


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    # ValueError, TypeError or InvalidSignature: in each case it did not.
    except Exception:  # noqa: BLE001
        return False
    return True
