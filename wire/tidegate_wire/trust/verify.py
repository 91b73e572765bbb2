"""Verification of a channel statement: steps 1 to 5 of the order of verification (docs/threats.md).

Importing this costs 0.4 s and 55 MB, most of it sigstore-python: the agent does so in a child process only.
No network, no file beyond the root that was loaded, no clock and no HOME are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from sigstore.models import Bundle as SigstoreBundle

from tidegate_schemas.codes import Code
from tidegate_schemas.statement import PAYLOAD_TYPE, ChannelStatement, StatementError, parse_statement
from tidegate_wire.trust.case import Case, SignatureError
from tidegate_wire.trust.diagnosis import diagnose
from tidegate_wire.trust.evidence import read_evidence, shown
from tidegate_wire.trust.gate import Gate
from tidegate_wire.trust.shape import parse_bundle

if TYPE_CHECKING:
    from tidegate_wire.trust.policy import SignerPolicy
    from tidegate_wire.trust.root import PinnedRoot


@dataclass(frozen=True, slots=True)
class Verified:
    """A genuine statement.

    Attributes:
        payload: the signed bytes.
        statement: the same, read.
        identity: who signed, as the certificate names them.
        issuer: who vouched for that.
        signed_at_least: the certificate's notBefore, a lower bound of the time of signing that the
            certificate authority signed for.
    """

    payload: bytes
    statement: ChannelStatement
    identity: str
    issuer: str
    signed_at_least: datetime


def verify_statement(
    raw: bytes, *, root: PinnedRoot, policy: SignerPolicy, product: str, channel: str
) -> Verified:
    """Verify a message from a channel's topic.

    1. Size, UTF-8, depth, no key twice; parse.
    2. A bundle v0.3 with one certificate, one log entry, one envelope, one signature; `verify_dsse` of
       sigstore-python against root and policy.
    3. Only authorities and logs of the root that were valid at the time of signing take part in 2. The
       library does not see to it, so the root is narrowed before it is handed over; and the signer's key is
       EC P-256, the only kind that Sigstore's clients make.
    4. Payload type, statement type, predicate type, one subject, schema, critical fields.
    5. Product and channel.

    Args:
        raw: the message as it came.
        root: whose keys are believed.
        policy: who may sign for this channel.
        product: the product that is expected.
        channel: its channel.

    Raises:
        TidegateError: any doubt, with a `signature.*`, `statement.*` or `trust.*` code.
        MemoryError: there was too little memory to tell. Nothing else.
    """
    bundle = parse_bundle(raw)  # 1, shape of 2
    case = Case(bundle, read_evidence(bundle), root, policy)
    _check_key(case)  # 3
    payload_type, payload = _verify_dsse(raw, case)  # 2 and 3
    if payload_type != PAYLOAD_TYPE:  # 4
        text = f"the signed content is {shown(payload_type)}, not {PAYLOAD_TYPE!r}"
        raise StatementError(Code.STATEMENT_TYPE, text)
    statement = parse_statement(payload)
    _check_target(statement, product, channel)  # 5
    evidence = case.evidence
    return Verified(payload, statement, evidence.identity, evidence.issuer, evidence.not_before)


def _verify_dsse(raw: bytes, case: Case) -> tuple[str, bytes]:
    verifier = case.verifier()
    gate = Gate(case.policy)
    try:
        payload_type, payload = verifier.verify_dsse(SigstoreBundle.from_json(raw), gate)
    except MemoryError:
        raise  # says something about this process, and nothing about the bundle
    # Not only sigstore's own errors: ValueError, binascii.Error, TypeError and AttributeError leak out of it
    # over hostile bundles, and an error that is let through is a statement that is neither true nor false.
    except Exception as error:
        raise diagnose(case, gate, error) from error
    if not gate.passed or payload != case.bundle.dsse_envelope.payload:
        raise SignatureError(Code.SIGNATURE_INVALID, "the bundle was read in two different ways")
    return payload_type, payload


def _check_key(case: Case) -> None:
    key = case.evidence.key
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        text = f"the certificate of {case.evidence.signer} is for another kind of key than EC P-256"
        raise SignatureError(Code.SIGNATURE_MALFORMED, text)


def _check_target(statement: ChannelStatement, product: str, channel: str) -> None:
    found = f"{statement.predicate.product}/{statement.predicate.channel}"
    if found != f"{product}/{channel}":
        text = f"the statement speaks for {found}, and came as {product}/{channel}"
        raise StatementError(Code.STATEMENT_TARGET, text)
