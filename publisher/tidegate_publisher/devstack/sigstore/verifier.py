"""What a log entry verifies with: the signer's certificate, or the bare public key of a key pair."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from tidegate_publisher.devstack.sigstore.entry import encode
from tidegate_publisher.devstack.sigstore.keys import public_der

Verifier = x509.Certificate | ec.EllipticCurvePublicKey

_PEM_CERTIFICATE = b"-----BEGIN CERT"
_PEM = b"-----BEGIN"


def read_verifier(raw: bytes) -> Verifier:
    """Read a certificate (PEM or DER) or a public key (PEM).

    Raises:
        ValueError: it is neither, or not for a P-256 key.
    """
    if raw.startswith(_PEM_CERTIFICATE):
        return _checked(x509.load_pem_x509_certificate(raw))
    if raw.startswith(_PEM):
        return _p256(load_pem_public_key(raw))
    return _checked(x509.load_der_x509_certificate(raw))


def read_key(raw: bytes) -> Verifier:
    """Read a public key, DER.

    Raises:
        ValueError: it is none, or not a P-256 one.
    """
    return _p256(load_der_public_key(raw))


def key_of(verifier: Verifier) -> ec.EllipticCurvePublicKey:
    """The key that it verifies with.

    Raises:
        ValueError: not a P-256 one.
    """
    return _p256(verifier.public_key() if isinstance(verifier, x509.Certificate) else verifier)


def _checked(certificate: x509.Certificate) -> x509.Certificate:
    key_of(certificate)
    return certificate


def _p256(key: object) -> ec.EllipticCurvePublicKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("this log takes signatures by ECDSA P-256 keys only")


def pem_of(verifier: Verifier) -> bytes:
    """As Rekor v1 writes it."""
    if isinstance(verifier, x509.Certificate):
        return verifier.public_bytes(Encoding.PEM)
    return verifier.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def message_of(verifier: Verifier) -> dict[str, object]:
    """As Rekor v2 writes it (rekor-tiles, verifier.proto)."""
    if isinstance(verifier, x509.Certificate):
        return {"x509Certificate": {"rawBytes": encode(verifier.public_bytes(Encoding.DER))}}
    return {"publicKey": {"rawBytes": encode(public_der(verifier))}}
