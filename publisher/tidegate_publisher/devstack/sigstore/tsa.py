"""The time-stamp authority: signs that a digest existed at a time (RFC 3161)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tidegate_publisher.devstack.sigstore import tsp
from tidegate_publisher.devstack.sigstore.ca import (
    AUTHORITY_LIFETIME,
    CLOCK_MARGIN,
    Issuer,
    authority_name,
    key_usage,
)
from tidegate_publisher.devstack.sigstore.dsse import signing_function

if TYPE_CHECKING:
    from datetime import datetime

# The policy that sigstore's own authority states.
POLICY = x509.ObjectIdentifier("1.3.6.1.4.1.57264.2")
DIGEST_SIZE = 32


def stamping_certificate(root: Issuer, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    """Certify a key for time-stamping, and for nothing else: critical, as RFC 3161, 2.3 demands."""
    name = authority_name("tidegate development time-stamping")
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key())
    subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return root.finish(
        root.begin(name, key.public_key(), now - CLOCK_MARGIN, AUTHORITY_LIFETIME)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(usages, critical=True)
        .add_extension(subject_key, critical=False)
        .add_extension(authority, critical=False)
    )


@dataclass(frozen=True, slots=True)
class TimestampAuthority:
    """Signs time-stamp tokens under one P-256 certificate."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def stamp(self, message: bytes, now: datetime) -> bytes:
        """Time-stamp a message, with the certificate inside: a DER TimeStampResp."""
        imprint = tsp.MessageImprint(
            hash_algorithm=tsp.Algorithm(algorithm=tsp.SHA256, parameters=None),
            hashed_message=hashlib.sha256(message).digest(),
        )
        return self._grant(imprint, now, nonce=None, with_certificate=True)

    def answer(self, request: bytes, now: datetime) -> bytes:
        """Answer a DER TimeStampReq with a DER TimeStampResp.

        Raises:
            ValueError: it is no request of version 1 for a SHA-256 digest.
        """
        parsed = asn1.decode_der(tsp.TimeStampRequest, request)
        imprint = parsed.message_imprint
        if parsed.version != 1 or imprint.hash_algorithm.algorithm != tsp.SHA256:
            raise ValueError("this authority stamps SHA-256 digests in requests of version 1")
        if len(imprint.hashed_message) != DIGEST_SIZE:
            raise ValueError("a SHA-256 digest has 32 bytes")
        return self._grant(imprint, now, nonce=parsed.nonce, with_certificate=parsed.wants_certificate)

    def _grant(
        self, imprint: tsp.MessageImprint, now: datetime, *, nonce: int | None, with_certificate: bool
    ) -> bytes:
        info = tsp.TimeStampInfo(
            version=1,
            policy=POLICY,
            message_imprint=imprint,
            serial_number=x509.random_serial_number(),
            time=asn1.GeneralizedTime(now.replace(microsecond=0)),
            nonce=nonce,
        )
        content = asn1.encode_der(info)
        signed = tsp.SignedData(
            version=3,
            digest_algorithms=asn1.SetOf([tsp.Algorithm(algorithm=tsp.SHA256, parameters=None)]),
            content=tsp.EncapsulatedContent(type=tsp.TST_INFO, content=content),
            certificates=asn1.SetOf([self.certificate]) if with_certificate else None,
            signers=asn1.SetOf([self._sign(content)]),
        )
        token = tsp.ContentInfo(type=tsp.SIGNED_DATA, content=signed)
        return asn1.encode_der(tsp.TimeStampResponse(status=tsp.Status(status=0), token=token))

    def _sign(self, content: bytes) -> tsp.SignerInfo:
        attributes = asn1.SetOf(self._attributes(content))
        return tsp.SignerInfo(
            version=1,
            signer=tsp.SignerId(
                issuer=_raw(self.certificate.issuer.public_bytes()),
                serial_number=self.certificate.serial_number,
            ),
            digest_algorithm=tsp.Algorithm(algorithm=tsp.SHA256, parameters=None),
            attributes=attributes,
            signature_algorithm=tsp.Algorithm(algorithm=tsp.ECDSA_WITH_SHA256, parameters=None),
            # Signed as a plain SET OF, whatever tag it has in the message (RFC 5652, 5.4).
            signature=signing_function(self.key)(asn1.encode_der(attributes)),
        )

    def _attributes(self, content: bytes) -> list[tsp.Attribute]:
        fingerprint = hashlib.sha256(self.certificate.public_bytes(Encoding.DER)).digest()
        signer = tsp.SigningCertificate(certificates=[tsp.CertificateDigest(digest=fingerprint)])
        return [
            _attribute(tsp.CONTENT_TYPE, asn1.encode_der(tsp.TST_INFO)),
            _attribute(tsp.MESSAGE_DIGEST, asn1.encode_der(hashlib.sha256(content).digest())),
            _attribute(tsp.SIGNING_CERTIFICATE_V2, asn1.encode_der(signer)),
        ]


def _raw(der: bytes) -> asn1.TLV:
    return asn1.decode_der(asn1.TLV, der)


def _attribute(kind: x509.ObjectIdentifier, value: bytes) -> tsp.Attribute:
    return tsp.Attribute(type=kind, values=asn1.SetOf([_raw(value)]))
