"""What a bundle says about itself, for people to look at. NOTHING here is verified: never decide by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidegate_schemas import jsontext, limits
from tidegate_schemas.codes import TidegateError
from tidegate_schemas.statement import ChannelStatement, parse_statement
from tidegate_wire.trust.cosigned import split
from tidegate_wire.trust.evidence import read_evidence
from tidegate_wire.trust.shape import parse_bundle, parse_key_bundle


@dataclass(frozen=True, slots=True)
class UnverifiedContent:
    """What a bundle is about, by whomever.

    Attributes:
        payload_type: the type that the envelope gives its content.
        payload: the signed bytes.
        statement: the content as channel statement, or None when it is not one.
        fault: why it is not one.
    """

    payload_type: str
    payload: bytes
    statement: ChannelStatement | None
    fault: str | None


@dataclass(frozen=True, slots=True)
class UnverifiedKey(UnverifiedContent):
    """The claims of a bundle under a key pair: there is nothing but a `hint` at which key it was."""

    hint: str


@dataclass(frozen=True, slots=True)
class UnverifiedDescription(UnverifiedContent):
    """The claims of a bundle with a certificate.

    Attributes:
        identity: whom the certificate names.
        issuer: who is said to have vouched for it; empty when it does not say.
        not_before: from when on the certificate is valid.
        not_after: until when.
        signed_at: the times of signing that log or timestamps claim, oldest first.
        log_index: the entry's place in the transparency log.
        log_kind: such as `dsse 0.0.1` (Rekor v1) or `hashedrekord 0.0.2` (Rekor v2).
    """

    identity: str
    issuer: str
    not_before: datetime
    not_after: datetime
    signed_at: tuple[datetime, ...]
    log_index: int
    log_kind: str


def describe_message(raw: bytes) -> tuple[UnverifiedDescription | UnverifiedKey, ...]:
    """Read every bundle of a message WITHOUT verifying any.

    Raises:
        TidegateError: it is neither a bundle around a signed envelope, nor a cosigned message of such.
    """
    return tuple(_describe(bundle) for bundle in split(raw))


def _describe(raw: bytes) -> UnverifiedDescription | UnverifiedKey:
    content: Any = jsontext.parse(raw, limits.STATEMENT_BYTES)
    material = content.get("verificationMaterial") if isinstance(content, dict) else None
    if not (isinstance(material, dict) and "publicKey" in material):
        return describe_unverified(raw)
    bundle = parse_key_bundle(raw)
    envelope = bundle.dsse_envelope
    statement, fault = _statement(envelope.payload)
    return UnverifiedKey(
        payload_type=envelope.payload_type,
        payload=envelope.payload,
        statement=statement,
        fault=fault,
        hint=bundle.verification_material.public_key.hint,
    )


def describe_unverified(raw: bytes) -> UnverifiedDescription:
    """Read a bundle WITHOUT verifying it.

    Raises:
        TidegateError: it is not a bundle with a certificate and a signed envelope.
    """
    bundle = parse_bundle(raw)
    evidence = read_evidence(bundle)
    statement, fault = _statement(bundle.dsse_envelope.payload)
    kind = bundle.entry.kind_version
    return UnverifiedDescription(
        identity=evidence.identity,
        issuer=evidence.issuer,
        not_before=evidence.not_before,
        not_after=evidence.not_after,
        signed_at=tuple(sorted(evidence.signing_times)),
        log_index=bundle.entry.log_index,
        log_kind=f"{kind.kind} {kind.version}",
        payload_type=bundle.dsse_envelope.payload_type,
        payload=bundle.dsse_envelope.payload,
        statement=statement,
        fault=fault,
    )


def _statement(payload: bytes) -> tuple[ChannelStatement | None, str | None]:
    try:
        return parse_statement(payload), None
    except TidegateError as error:
        return None, str(error)
