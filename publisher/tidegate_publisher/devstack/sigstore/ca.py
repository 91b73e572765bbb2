"""The certificate authority: a P-384 root and intermediate, and ten-minute leaves with an SCT, as Fulcio's.

Source: fulcio docs/certificate-specification.md; RFC 5280; RFC 6962 for the precertificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tidegate_publisher.devstack.sigstore.ctlog import sct_extension
from tidegate_publisher.devstack.sigstore.identity import Identity
from tidegate_publisher.devstack.sigstore.keys import public_key_id

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore.ctlog import CtLog

# Whoever looks at a certificate of this authority, in whatever tool, must see what it is.
ORGANIZATION = "tidegate DEVELOPMENT ONLY - protects nothing"
AUTHORITY_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(minutes=10)
# Clocks of a container and its host differ by a little; the authority must not seem to come from the future.
CLOCK_MARGIN = timedelta(hours=1)


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Either an authority's usages, or a leaf's."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def authority_name(common_name: str) -> x509.Name:
    """A subject that says loudly what it belongs to."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


@dataclass(frozen=True, slots=True)
class LeafRequest:
    """What goes into a leaf.

    Attributes:
        public_key: the key to certify; Sigstore's clients use P-256.
        identity: who it is for.
        not_before: the start of validity, aware; cut to whole seconds, as X.509 does.
        lifetime: how long it is valid.
        usages: the extended key usages.
    """

    public_key: CertificatePublicKeyTypes
    identity: Identity
    not_before: datetime
    lifetime: timedelta = LEAF_LIFETIME
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CODE_SIGNING,)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate and its key, which can sign further certificates, whether it ought to or not."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def root(cls, common_name: str, now: datetime) -> Issuer:
        """A new self-signed P-384 authority, valid from an hour ago for ten years."""
        key = ec.generate_private_key(ec.SECP384R1())
        name = authority_name(common_name)
        builder = _certificate(name, key.public_key(), now - CLOCK_MARGIN, AUTHORITY_LIFETIME)
        builder = _authority_extensions(builder.issuer_name(name), key.public_key(), path_length=1)
        return cls(builder.sign(key, hashes.SHA384()), key)

    def intermediate(self, common_name: str, now: datetime) -> Issuer:
        """A new P-384 authority for code signing under this one, which can sign leaves only."""
        key = ec.generate_private_key(ec.SECP384R1())
        builder = self.begin(
            authority_name(common_name), key.public_key(), now - CLOCK_MARGIN, AUTHORITY_LIFETIME
        )
        builder = _authority_extensions(builder, key.public_key(), path_length=0)
        builder = builder.add_extension(self._authority_key_id(), critical=False)
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
        return type(self)(self.finish(builder.add_extension(usages, critical=False)), key)

    def issue(self, request: LeafRequest, ctlog: CtLog | None) -> x509.Certificate:
        """Issue a leaf.

        1. Build it without SCT: that is what the log sees (RFC 6962, 3.2).
        2. Let the log sign for it.
        3. Build it again, the same but for the SCT at its end.

        Args:
            request: what goes into it.
            ctlog: the log that vouches for it; None leaves the SCT out, which verifiers must refuse.
        """
        builder = self._leaf(request)
        precertificate = self.finish(builder)
        if ctlog is None:
            return precertificate
        issuer_id = public_key_id(self.key.public_key())
        sct = ctlog.sign(precertificate.tbs_certificate_bytes, issuer_id, request.not_before)
        return self.finish(builder.add_extension(sct_extension([sct]), critical=False))

    def _leaf(self, request: LeafRequest) -> x509.CertificateBuilder:
        builder = self.begin(x509.Name([]), request.public_key, request.not_before, request.lifetime)
        builder = (
            builder.add_extension(key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(request.usages), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key), critical=False)
            .add_extension(self._authority_key_id(), critical=False)
            # Critical, because the subject is empty (RFC 5280, 4.2.1.6).
            .add_extension(x509.SubjectAlternativeName([request.identity.general_name()]), critical=True)
        )
        for extension in request.identity.x509_extensions():
            builder = builder.add_extension(extension, critical=False)
        return builder

    def begin(
        self, subject: x509.Name, key: CertificatePublicKeyTypes, start: datetime, lifetime: timedelta
    ) -> x509.CertificateBuilder:
        """Start a certificate under this issuer."""
        return _certificate(subject, key, start, lifetime).issuer_name(self.certificate.subject)

    def finish(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Sign what has been built."""
        wide = self.key.curve.key_size > ec.SECP256R1.key_size
        return builder.sign(self.key, hashes.SHA384() if wide else hashes.SHA256())

    def _authority_key_id(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())


def _certificate(
    subject: x509.Name, key: CertificatePublicKeyTypes, start: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    begin = start.replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + lifetime)
    )


def _authority_extensions(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePublicKey, path_length: int
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
