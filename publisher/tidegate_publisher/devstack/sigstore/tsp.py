"""The ASN.1 messages of RFC 3161 (time-stamp protocol) and of RFC 5652 (CMS) as far as a token needs them.

`cryptography` builds CMS for plain data only; a token's content type is id-ct-TSTInfo.
"""

from typing import Annotated

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

SHA256 = ObjectIdentifier("2.16.840.1.101.3.4.2.1")
ECDSA_WITH_SHA256 = ObjectIdentifier("1.2.840.10045.4.3.2")
SIGNED_DATA = ObjectIdentifier("1.2.840.113549.1.7.2")
TST_INFO = ObjectIdentifier("1.2.840.113549.1.9.16.1.4")
CONTENT_TYPE = ObjectIdentifier("1.2.840.113549.1.9.3")
MESSAGE_DIGEST = ObjectIdentifier("1.2.840.113549.1.9.4")
SIGNING_CERTIFICATE_V2 = ObjectIdentifier("1.2.840.113549.1.9.16.2.47")


@asn1.sequence
class Algorithm:
    """AlgorithmIdentifier, of the kinds that have no parameters."""

    algorithm: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class MessageImprint:
    """What is stamped: a digest (RFC 3161, 2.4.1)."""

    hash_algorithm: Algorithm
    hashed_message: bytes


@asn1.sequence
class TimeStampRequest:
    """TimeStampReq (RFC 3161, 2.4.1); requests with extensions do not parse, and are refused."""

    version: int
    message_imprint: MessageImprint
    policy: ObjectIdentifier | None
    nonce: int | None
    wants_certificate: Annotated[bool, asn1.Default(value=False)]


@asn1.sequence
class TimeStampInfo:
    """TSTInfo (RFC 3161, 2.4.2)."""

    version: int
    policy: ObjectIdentifier
    message_imprint: MessageImprint
    serial_number: int
    time: asn1.GeneralizedTime
    nonce: int | None


@asn1.sequence
class Attribute:
    """One signed attribute (RFC 5652, 5.3)."""

    type: ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class CertificateDigest:
    """ESSCertIDv2 with its default hash, SHA-256 (RFC 5035, 4)."""

    digest: bytes


@asn1.sequence
class SigningCertificate:
    """SigningCertificateV2 (RFC 5035, 3)."""

    certificates: list[CertificateDigest]


@asn1.sequence
class SignerId:
    """IssuerAndSerialNumber (RFC 5652, 10.2.4)."""

    issuer: asn1.TLV
    serial_number: int


@asn1.sequence
class SignerInfo:
    """SignerInfo, version 1 (RFC 5652, 5.3)."""

    version: int
    signer: SignerId
    digest_algorithm: Algorithm
    attributes: Annotated[asn1.SetOf[Attribute], asn1.Implicit(0)]
    signature_algorithm: Algorithm
    signature: bytes


@asn1.sequence
class EncapsulatedContent:
    """EncapsulatedContentInfo (RFC 5652, 5.2)."""

    type: ObjectIdentifier
    content: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class SignedData:
    """SignedData, version 3 (RFC 5652, 5.1)."""

    version: int
    digest_algorithms: asn1.SetOf[Algorithm]
    content: EncapsulatedContent
    certificates: Annotated[asn1.SetOf[x509.Certificate] | None, asn1.Implicit(0)]
    signers: asn1.SetOf[SignerInfo]


@asn1.sequence
class ContentInfo:
    """ContentInfo around signed data (RFC 5652, 3)."""

    type: ObjectIdentifier
    content: Annotated[SignedData, asn1.Explicit(0)]


@asn1.sequence
class Status:
    """PKIStatusInfo (RFC 3161, 2.4.2); 0 is granted."""

    status: int


@asn1.sequence
class TimeStampResponse:
    """TimeStampResp (RFC 3161, 2.4.2)."""

    status: Status
    token: ContentInfo | None
