"""What a bundle claims about its signer and the time of signing. Unverified: only `verify` makes it true."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat import asn1
from rfc3161_client import decode_timestamp_response

from tidegate_schemas.codes import Code
from tidegate_wire.trust.rules import Claim
from tidegate_wire.trust.shape import BundleError
from tidegate_wire.trust.words import shown

if TYPE_CHECKING:
    from tidegate_wire.trust.bundle import Bundle

# fulcio, docs/oid-info.md
_FULCIO: Final = "1.3.6.1.4.1.57264.1"
OTHER_NAME: Final = x509.ObjectIdentifier(f"{_FULCIO}.7")
EXTENSIONS: Final = {
    Claim.ISSUER: x509.ObjectIdentifier(f"{_FULCIO}.8"),
    Claim.RUNNER: x509.ObjectIdentifier(f"{_FULCIO}.11"),
    Claim.SOURCE_REPOSITORY: x509.ObjectIdentifier(f"{_FULCIO}.12"),
    Claim.SOURCE_REF: x509.ObjectIdentifier(f"{_FULCIO}.14"),
    Claim.SOURCE_REPOSITORY_ID: x509.ObjectIdentifier(f"{_FULCIO}.15"),
    Claim.SOURCE_OWNER: x509.ObjectIdentifier(f"{_FULCIO}.16"),
    Claim.SOURCE_OWNER_ID: x509.ObjectIdentifier(f"{_FULCIO}.17"),
    Claim.TRIGGER: x509.ObjectIdentifier(f"{_FULCIO}.20"),
}
"""Where a certificate makes its claims; each is a DER UTF8String. Issuer is the second version of it: the
first, .1.1, is deprecated and raw text."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The claims.

    Attributes:
        certificate: the signer's.
        key: the certificate's.
        not_before: from when on the certificate is valid.
        not_after: until when.
        claims: what the certificate says about its signer; what it does not say is not there.
        signing_times: every moment of signing that log or timestamps claim; at least one.
        certified_times: the moments at which certificate transparency logs saw the certificate.
    """

    certificate: x509.Certificate
    key: object
    not_before: datetime
    not_after: datetime
    claims: dict[Claim, str]
    signing_times: frozenset[datetime]
    certified_times: frozenset[datetime]

    @property
    def identity(self) -> str:
        """The certificate's only subject alternative name."""
        return self.claims[Claim.IDENTITY]

    @property
    def issuer(self) -> str:
        """Who vouched for it; empty when the certificate does not say."""
        return self.claims.get(Claim.ISSUER, "")

    @property
    def signer(self) -> str:
        """The claimed signer for a sentence: capped, and free of control characters."""
        return f"{shown(self.identity)} (issuer {shown(self.issuer)})"


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
            claims=claims_of(certificate),
            signing_times=_signing_times(bundle),
            certified_times=_certified_times(certificate),
        )
    except (BundleError, MemoryError):
        raise
    # The X.509 reader is handed bytes of a stranger, and what it raises is not a documented, closed set.
    except Exception as error:
        text = f"the signer's certificate cannot be read: {type(error).__name__}"
        raise BundleError(Code.SIGNATURE_MALFORMED, text) from error


def claims_of(certificate: x509.Certificate) -> dict[Claim, str]:
    """What a certificate says about its signer.

    Raises:
        BundleError: it names other than one identity.
        ValueError: an extension is not text.
    """
    identity = _identity(certificate)
    claims = {Claim.IDENTITY: identity}
    for claim, oid in EXTENSIONS.items():
        with contextlib.suppress(x509.ExtensionNotFound):
            extension = certificate.extensions.get_extension_for_oid(oid).value
            claims[claim] = asn1.decode_der(str, extension.public_bytes())
    # Of a CI job, Fulcio makes the identity of the workflow's file and the ref that it was taken from.
    # A tag may hold an `@` (app@1.2.3), a file's name too: the last `@refs/` is where Fulcio put the ref.
    workflow, at, ref = identity.rpartition("@refs/")
    ref = f"refs/{ref}"
    if not at:
        workflow, at, ref = identity.rpartition("@")
    if at and "://" in workflow:
        claims |= {Claim.WORKFLOW: workflow, Claim.WORKFLOW_REF: ref}
    return claims


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
