"""What a bundle says about itself, for people to look at. NOTHING here is verified: never decide by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidegate_schemas.codes import TidegateError
from tidegate_schemas.statement import ChannelStatement, parse_statement
from tidegate_wire.trust.evidence import read_evidence
from tidegate_wire.trust.shape import parse_bundle


@dataclass(frozen=True, slots=True)
class UnverifiedDescription:
    """The claims of a bundle.

    Attributes:
        identity: whom the certificate names.
        issuer: who is said to have vouched for it; empty when it does not say.
        not_before: from when on the certificate is valid.
        not_after: until when.
        signed_at: the times of signing that log or timestamps claim, oldest first.
        log_index: the entry's place in the transparency log.
        log_kind: such as `dsse 0.0.1` (Rekor v1) or `hashedrekord 0.0.2` (Rekor v2).
        payload_type: the type that the envelope gives its content.
        payload: the signed bytes.
        statement: the content as channel statement, or None when it is not one.
        fault: why it is not one.
    """

    identity: str
    issuer: str
    not_before: datetime
    not_after: datetime
    signed_at: tuple[datetime, ...]
    log_index: int
    log_kind: str
    payload_type: str
    payload: bytes
    statement: ChannelStatement | None
    fault: str | None


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
