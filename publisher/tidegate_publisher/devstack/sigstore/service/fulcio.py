"""Fulcio's APIs: a certificate against an identity token and proof that one holds the key.

Clients use v2; cosign 2 still uses v1, which answers with a plain PEM chain.

Source: sigstore/fulcio, fulcio.proto (CreateSigningCertificate, GetTrustBundle), fulcio_legacy.proto
(CreateSigningCertificate).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key

from tidegate_publisher.devstack.sigstore.oidc import TokenRefusedError
from tidegate_publisher.devstack.sigstore.service.messages import (
    HttpError,
    Request,
    Response,
    Routes,
    binary,
    find,
    json_response,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tidegate_publisher.devstack.sigstore.claims import Claims
    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore

    _ProvenKey = Callable[[object, Claims], ec.EllipticCurvePublicKey]


class FulcioService:
    """Issues certificates to holders of tokens from the instance's own identity provider."""

    def __init__(self, sigstore: LocalSigstore) -> None:
        self._sigstore = sigstore

    def routes(self) -> Routes:
        """What this service answers."""
        return {
            ("POST", "/api/v1/signingCert"): self._sign_v1,
            ("POST", "/api/v2/signingCert"): self._sign,
            ("GET", "/api/v2/trustBundle"): self._trust_bundle,
        }

    def _sign(self, request: Request, now: datetime) -> Response:
        chain = self._issue(request, _key_with_proof, now)
        return json_response({"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}})

    def _sign_v1(self, request: Request, now: datetime) -> Response:
        chain = self._issue(request, _key_with_proof_v1, now)
        return Response(201, "application/pem-certificate-chain", "".join(chain).encode())

    def _issue(self, request: Request, proven: _ProvenKey, now: datetime) -> list[str]:
        """The new certificate and those above it, PEM."""
        body = request.json()
        claims = self._authenticate(request, body, now)
        if find(body, "certificateSigningRequest") is not None:
            key = _key_of_request(binary(body, "certificateSigningRequest"))
        else:
            key = proven(body, claims)
        try:
            leaf = self._sigstore.certify(key, claims, now)
        except ValueError as error:
            raise HttpError(400, str(error)) from error
        return _pems([leaf, *self._authorities()])

    def _authenticate(self, request: Request, body: object, now: datetime) -> Claims:
        token = request.bearer() or find(body, "credentials", "oidcIdentityToken")
        if not isinstance(token, str):
            raise HttpError(401, "no identity token: send it as a bearer token")
        try:
            return self._sigstore.oidc.verify(token, now)
        except TokenRefusedError as error:
            raise HttpError(401, str(error)) from error

    def _authorities(self) -> list[x509.Certificate]:
        material = self._sigstore.material
        return [material.intermediate.certificate, material.root.certificate]

    def _trust_bundle(self, _request: Request, _now: datetime) -> Response:
        return json_response({"chains": [{"certificates": _pems(self._authorities())}]})


def _pems(certificates: list[x509.Certificate]) -> list[str]:
    return [one.public_bytes(Encoding.PEM).decode() for one in certificates]


def _p256(key: object) -> ec.EllipticCurvePublicKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise HttpError(400, "this authority certifies ECDSA P-256 keys only")


def _key_of_request(pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_pem_x509_csr(pem)
        valid = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise HttpError(400, f"certificateSigningRequest cannot be read: {error}") from error
    if not valid:
        raise HttpError(400, "certificateSigningRequest is not signed by its own key")
    return _p256(key)


def _key_with_proof(body: object, claims: Claims) -> ec.EllipticCurvePublicKey:
    pem = text(body, "publicKeyRequest", "publicKey", "content").encode()
    return _proven(pem, binary(body, "publicKeyRequest", "proofOfPossession"), claims)


def _key_with_proof_v1(body: object, claims: Claims) -> ec.EllipticCurvePublicKey:
    return _proven(binary(body, "publicKey", "content"), binary(body, "signedEmailAddress"), claims)


def _proven(pem: bytes, proof: bytes, claims: Claims) -> ec.EllipticCurvePublicKey:
    try:
        key = _p256(load_pem_public_key(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise HttpError(400, f"the public key cannot be read: {error}") from error
    # Clients sign the verified e-mail address or the subject, depending on what they know of the issuer.
    names = (claims.get("email"), claims.get("sub"))
    if not any(_signs(key, proof, name) for name in names if isinstance(name, str)):
        raise HttpError(400, "proofOfPossession is no signature by that key over the token's subject")
    return key


def _signs(key: ec.EllipticCurvePublicKey, proof: bytes, name: str) -> bool:
    try:
        key.verify(proof, name.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
