"""Both Rekor APIs: take a signature in if it verifies, and answer with the proof that it is logged.

Source: sigstore/rekor openapi.yaml (v1); sigstore/rekor-tiles rekor_service.proto (v2).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidegate_publisher.devstack.sigstore import rekor_v1, rekor_v2
from tidegate_publisher.devstack.sigstore.dsse import Envelope, pae
from tidegate_publisher.devstack.sigstore.entry import encode
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
from tidegate_publisher.devstack.sigstore.verifier import key_of, read_key, read_verifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tidegate_publisher.devstack.sigstore.entry import LogEntry
    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore
    from tidegate_publisher.devstack.sigstore.verifier import Verifier

ENTRIES_V1 = "/api/v1/log/entries"
ENTRIES_V2 = "/api/v2/log/entries"
_V2_REQUEST = "hashedRekordRequestV002"
_DIGEST_SIZE = 32


class RekorService:
    """The two logs of an instance."""

    def __init__(self, sigstore: LocalSigstore) -> None:
        self._v1 = sigstore.rekor_v1
        self._v2 = sigstore.rekor_v2

    def routes(self) -> Routes:
        """What this service answers."""
        return {
            ("POST", ENTRIES_V1): self._create_v1,
            ("POST", ENTRIES_V2): self._create_v2,
            ("GET", "/api/v1/log/publicKey"): self._public_key,
        }

    def _public_key(self, _request: Request, _now: datetime) -> Response:
        key = self._v1.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return Response(200, "application/x-pem-file", key)

    def _create_v1(self, request: Request, now: datetime) -> Response:
        proposed = request.json()
        kind = text(proposed, "kind")
        if text(proposed, "apiVersion") != rekor_v1.VERSION or kind not in _V1_BODIES:
            raise HttpError(400, f"this log takes {' and '.join(_V1_BODIES)} entries of version 0.0.1")
        entry = self._v1.append(kind, _V1_BODIES[kind](proposed), now)
        name = self._v1.entry_id(entry)
        headers = (("ETag", name), ("Location", f"{ENTRIES_V1}/{name}"))
        return json_response({name: _v1_message(entry)}, 201, headers)

    def _create_v2(self, request: Request, _now: datetime) -> Response:
        proposed = request.json()
        if find(proposed, _V2_REQUEST) is None:
            raise HttpError(400, "this log takes hashedRekordRequestV002 only, for DSSE envelopes too")
        digest = _sha256(binary(proposed, _V2_REQUEST, "digest"))
        signature = binary(proposed, _V2_REQUEST, "signature", "content")
        verifier = _v2_verifier(proposed)
        _check(verifier, signature, digest)
        entry = self._v2.append(rekor_v2.hashedrekord_body(digest, signature, verifier))
        return json_response(entry.to_json(), 201)


def _v1_message(entry: LogEntry) -> dict[str, object]:
    """The entry as Rekor's v1 API writes it: hashes in hex, numbers as numbers."""
    proof = entry.proof
    if proof is None or entry.promise is None:
        raise ValueError("an entry that was just logged carries its proofs")
    inclusion = {
        "checkpoint": proof.checkpoint,
        "hashes": [one.hex() for one in proof.hashes],
        "logIndex": proof.log_index,
        "rootHash": proof.root_hash.hex(),
        "treeSize": proof.tree_size,
    }
    return {
        "body": encode(entry.body),
        "integratedTime": entry.integrated_time,
        "logID": entry.log_id.hex(),
        "logIndex": entry.log_index,
        "verification": {"inclusionProof": inclusion, "signedEntryTimestamp": encode(entry.promise)},
    }


def _dsse_body(proposed: object) -> bytes:
    submitted = text(proposed, "spec", "proposedContent", "envelope")
    verifiers = find(proposed, "spec", "proposedContent", "verifiers")
    if not isinstance(verifiers, list) or len(verifiers) != 1:
        raise HttpError(400, "spec.proposedContent.verifiers must hold exactly one certificate or key")
    verifier = _read(read_verifier, binary({"verifier": verifiers[0]}, "verifier"))
    envelope = _envelope(submitted)
    digest = hashlib.sha256(pae(envelope.payload_type, envelope.payload)).digest()
    _check(verifier, envelope.signatures[0], digest)
    return rekor_v1.dsse_body(envelope, verifier, submitted.encode())


def _envelope(submitted: str) -> Envelope:
    try:
        parsed = json.loads(submitted)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, f"the envelope is not JSON: {error}") from error
    signatures = find(parsed, "signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise HttpError(400, "the envelope must hold exactly one signature")
    return Envelope(binary(parsed, "payload"), text(parsed, "payloadType"), (binary(signatures[0], "sig"),))


def _hashedrekord_body(proposed: object) -> bytes:
    if text(proposed, "spec", "data", "hash", "algorithm") != "sha256":
        raise HttpError(400, "this log takes SHA-256 digests only")
    try:
        digest = _sha256(bytes.fromhex(text(proposed, "spec", "data", "hash", "value")))
    except ValueError as error:
        raise HttpError(400, "spec.data.hash.value is not hex") from error
    signature = binary(proposed, "spec", "signature", "content")
    verifier = _read(read_verifier, binary(proposed, "spec", "signature", "publicKey", "content"))
    _check(verifier, signature, digest)
    return rekor_v1.hashedrekord_body(digest, signature, verifier)


_V1_BODIES = {"dsse": _dsse_body, "hashedrekord": _hashedrekord_body}


def _sha256(digest: bytes) -> bytes:
    if len(digest) != _DIGEST_SIZE:
        raise HttpError(400, "a SHA-256 digest has 32 bytes")
    return digest


def _v2_verifier(proposed: object) -> Verifier:
    verifier = (_V2_REQUEST, "signature", "verifier")
    if find(proposed, *verifier, "publicKey") is not None:
        return _read(read_key, binary(proposed, *verifier, "publicKey", "rawBytes"))
    return _read(read_verifier, binary(proposed, *verifier, "x509Certificate", "rawBytes"))


def _read(read: Callable[[bytes], Verifier], raw: bytes) -> Verifier:
    try:
        return read(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise HttpError(400, f"the verifier cannot be used: {error}") from error


def _check(verifier: Verifier, signature: bytes, digest: bytes) -> None:
    """A log that takes in signatures unseen would vouch for nothing."""
    try:
        key_of(verifier).verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    except InvalidSignature as error:
        raise HttpError(400, "the signature does not verify with that certificate or key") from error
