"""A bundle before any of it is verified: it has one reading, and describing it is safe."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.fuzz.oracle import read_plainly, require, require_clean
from tidegate_schemas import limits
from tidegate_schemas.codes import TidegateError
from tidegate_wire.trust.cosigned import MAX_BUNDLES, split
from tidegate_wire.trust.describe import describe_message, describe_unverified
from tidegate_wire.trust.evidence import read_evidence
from tidegate_wire.trust.shape import MAX_TIMESTAMPS, parse_bundle, parse_key_bundle

if TYPE_CHECKING:
    from tidegate_wire.trust.bundle import Bundle


def check(data: bytes) -> None:
    """One input."""
    _check_parts(data)
    try:
        bundle = parse_bundle(data)
    except TidegateError as error:
        require_clean(error)
        return
    _compare(bundle, data)
    try:
        evidence = read_evidence(bundle)
    except TidegateError as error:
        require_clean(error)
        return
    require(evidence.signing_times, "nothing says when it was signed")
    require(evidence.signer.isprintable(), "a signer's name holds control characters")
    described = describe_unverified(data)
    require(described.payload == bundle.dsse_envelope.payload, "another payload is described")
    require(described.identity == evidence.identity, "another signer is described")
    require((described.fault or "").isprintable(), f"a fault holds control characters: {described.fault!a}")


def _check_parts(data: bytes) -> None:
    """The message taken apart, and read as a bundle under a key pair."""
    try:
        require(1 <= len(split(data)) <= MAX_BUNDLES, "too many bundles in one message")
        by_key = parse_key_bundle(data)
    except TidegateError as error:
        require_clean(error)
        return
    require(len(by_key.dsse_envelope.signatures) == 1, "more than one signature is let through")
    require(len(describe_message(data)) == 1, "a bundle that is read cannot be described")


def _compare(bundle: Bundle, data: bytes) -> None:
    require(len(data) <= limits.STATEMENT_BYTES, "a bundle beyond the cap is read")
    reading = read_plainly(data)
    require(reading and not reading.repeated, "a bundle with a key twice is read")
    content: Any = reading and reading.value
    envelope, material = content["dsseEnvelope"], content["verificationMaterial"]
    require(base64.b64decode(envelope["payload"]) == bundle.dsse_envelope.payload, "another payload is read")
    require(len(envelope["signatures"]) == 1, "more than one signature is let through")
    require(len(material["tlogEntries"]) == 1, "more than one log entry is let through")
    require(len(set(bundle.timestamps)) == len(bundle.timestamps) <= MAX_TIMESTAMPS, "too many timestamps")
