"""What a bundle claims about its signer and the time of signing. Unverified: only `verify` makes it true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat import asn1
from rfc3161_client import decode_timestamp_response

from tidegate_schemas.codes import Code
from tidegate_wire.trust.shape import BundleError

if TYPE_CHECKING:
    from tidegate_wire.trust.bundle import Bundle

# fulcio, docs/oid-info.md
ISSUER_V2: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
OTHER_NAME: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")

_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Evidence:
    """The claims.

    Attributes:
        certificate: the signer's.
        key: the certificate's.
        not_before: from when on the certificate is valid.
        not_after: until when.
        identity: its only subject alternative name.
        issuer: who vouched for it; empty when the certificate does not say.
        signing_times: every moment of signing that log or timestamps claim; at least one.
        certified_times: the moments at which certificate transparency logs saw the certificate.
    """

    certificate: x509.Certificate
    key: object
    not_before: datetime
    not_after: datetime
    identity: str
    issuer: str
    signing_times: frozenset[datetime]
    certified_times: frozenset[datetime]

    @property
    def signer(self) -> str:
        """The claimed signer for a sentence: capped, and free of control characters."""
        return f"{shown(self.identity)} (issuer {shown(self.issuer)})"


def shown(text: str) -> str:
    """Text from outside for a sentence: quoted, escaped and capped."""
    return repr(text[:_SHOWN]) if text else "none"


def read_evidence(bundle: Bundle) -> Evidence:
    """Read certificate and times.

    Raises:
        BundleError: the certificate or a timestamp cannot be read, or names other than one signer.
    """
    try:
        certificate = x509.load_der_x509_certificate(bundle.verification_material.certificate.raw_bytes)
        return Evidence(
            certificate=certificate,
            key=certificate.public_key(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            identity=_identity(certificate),
            issuer=_issuer(certificate),
            signing_times=_signing_times(bundle),
            certified_times=_certified_times(certificate),
        )
    except (BundleError, MemoryError):
        raise
    # The X.509 reader is handed bytes of a stranger, and what it raises is not a documented, closed set.
    except Exception as error:
        text = f"the signer's certificate cannot be read: {type(error).__name__}"
        raise BundleError(Code.SIGNATURE_MALFORMED, text) from error


def _identity(certificate: x509.Certificate) -> str:
    names = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    if len(names) != 1:
        text = f"the signer's certificate names {len(names)} identities, where exactly one is expected"
        raise BundleError(Code.SIGNATURE_MALFORMED, text)
    name = names[0]
    if isinstance(name, x509.UniformResourceIdentifier | x509.RFC822Name):
        return name.value
    if isinstance(name, x509.OtherName) and name.type_id == OTHER_NAME:
        return name.value.decode()
    text = (
        f"the signer's certificate names its identity as {type(name).__name__}, which Sigstore does not use"
    )
    raise BundleError(Code.SIGNATURE_MALFORMED, text)


def _issuer(certificate: x509.Certificate) -> str:
    try:
        extension = certificate.extensions.get_extension_for_oid(ISSUER_V2).value
    except x509.ExtensionNotFound:
        return ""
    return asn1.decode_der(str, extension.public_bytes())


def _certified_times(certificate: x509.Certificate) -> frozenset[datetime]:
    kind = x509.PrecertificateSignedCertificateTimestamps
    try:
        found = certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return frozenset()
    # RFC 6962 counts in UTC; cryptography leaves the zone out.
    return frozenset(sct.timestamp.replace(tzinfo=UTC) for sct in found)


def _signing_times(bundle: Bundle) -> frozenset[datetime]:
    try:
        times = {decode_timestamp_response(raw).tst_info.gen_time for raw in bundle.timestamps}
        if bundle.entry.integrated_time:
            times.add(datetime.fromtimestamp(bundle.entry.integrated_time, UTC))
    except MemoryError:
        raise
    # As above: a stranger's bytes in a parser that does not say what it raises.
    except Exception as error:
        text = f"a timestamp of the bundle cannot be read: {type(error).__name__}"
        raise BundleError(Code.SIGNATURE_TIMESTAMP, text) from error
    return frozenset(times)
