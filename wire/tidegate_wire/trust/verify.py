"""Verification of what is sent over the broker: steps 1 to 5 of the order of verification (docs/threats.md).

A channel's statement, and a request to one host. Nothing is imported here that costs much; `signature`
imports sigstore-python when there is a certificate to verify.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.requests import HostRequest, parse_request
from tidegate_schemas.rollout import RolloutState
from tidegate_schemas.statement import ChannelStatement, StatementError, parse_statement
from tidegate_wire.trust.cosigned import quorum, split
from tidegate_wire.trust.signature import verify_bundle
from tidegate_wire.trust.signed import SignatureError, Signed

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_wire.trust.policy import SignerPolicy
    from tidegate_wire.trust.root import PinnedRoot


@dataclass(frozen=True, slots=True)
class Vouched:
    """Content with those in the policy who stand behind it.

    Attributes:
        payload: the signed bytes.
        signers: who signed, in the order of the message; at least one.
        enough: whether they are as many as the policy asks for.
    """

    payload: bytes
    signers: tuple[Signed, ...]
    enough: bool

    @property
    def identity(self) -> str:
        """Who signed; several are joined by "and"."""
        return " and ".join(one.identity for one in self.signers)

    @property
    def issuer(self) -> str:
        """Who vouched for them."""
        return " and ".join(dict.fromkeys(one.issuer for one in self.signers))

    @property
    def signed_at_least(self) -> datetime | None:
        """The latest of the certificates' notBefore: certificate authorities signed for it having come."""
        return max((one.not_before for one in self.signers if one.not_before), default=None)


@dataclass(frozen=True, slots=True)
class Verified(Vouched):
    """A genuine channel statement, and what it says."""

    statement: ChannelStatement


@dataclass(frozen=True, slots=True)
class VerifiedRequest(Vouched):
    """A genuine request to one host, and what it asks for."""

    request: HostRequest


def verify_statement(
    raw: bytes, *, root: PinnedRoot | None, policy: SignerPolicy, product: str, channel: str
) -> Verified:
    """Verify a message from a channel's topic.

    1. Size, UTF-8, depth, no key twice; parse.
    2. One bundle v0.3 or several, each with one certificate (or key), one log entry, one envelope, one
       signature; `verify_dsse` of sigstore-python against root and policy; as many different signers as the
       policy asks for. What only stops a release (held, revoked) needs no more than one of them.
    3. Only authorities and logs of the root that were valid at the time of signing take part in 2.
    4. Payload type, statement type, predicate type, one subject, schema, critical fields.
    5. Product and channel.

    Args:
        raw: the message as it came.
        root: whose keys are believed; a policy of key pairs needs none.
        policy: who may sign for this channel.
        product: the product that is expected.
        channel: its channel.

    Raises:
        TidegateError: any doubt, with a `signature.*`, `statement.*` or `trust.*` code.
        MemoryError: there was too little memory to tell. Nothing else.
    """
    vouched = _vouched(raw, root, policy)  # 1 to 3
    statement = parse_statement(vouched.payload)  # 4
    _check_target(statement, product, channel)  # 5
    if statement.predicate.rollout.state is RolloutState.ACTIVE:
        _require_enough(vouched, policy)  # 2
    return Verified(vouched.payload, vouched.signers, vouched.enough, statement)


def verify_request(
    raw: bytes, *, root: PinnedRoot | None, policy: SignerPolicy, host: str
) -> VerifiedRequest:
    """Verify a message from a host's requests topic, as `verify_statement` does with a channel's.

    4. Payload type, statement type, predicate type, one subject, schema.
    5. It names this host.

    Raises:
        TidegateError: any doubt, with a `signature.*`, `statement.*`, `request.*` or `trust.*` code.
        MemoryError: there was too little memory to tell. Nothing else.
    """
    vouched = _vouched(raw, root, policy)  # 1 to 3
    _require_enough(vouched, policy)  # 2
    request = parse_request(vouched.payload)  # 4
    if request.predicate.host != host:  # 5
        text = f"the request is for the host {request.predicate.host}, and came to {host}"
        raise TidegateError(Code.REQUEST_OTHER_HOST, text)
    return VerifiedRequest(vouched.payload, vouched.signers, vouched.enough, request)


def _vouched(raw: bytes, root: PinnedRoot | None, policy: SignerPolicy) -> Vouched:
    """Everybody in the policy who signed. Raises the first refusal when nobody did."""
    signed: list[Signed] = []
    faults: list[TidegateError] = []
    for bundle in split(raw):
        try:
            signed.append(verify_bundle(bundle, root=root, policy=policy))
        except TidegateError as fault:
            faults.append(fault)
    if not signed:
        raise faults[0]
    if len({one.payload for one in signed}) > 1:
        raise SignatureError(
            Code.SIGNATURE_MALFORMED, "the bundles of the message do not sign the same content"
        )
    return Vouched(signed[0].payload, tuple(signed), quorum(signed) >= policy.threshold)


def _require_enough(vouched: Vouched, policy: SignerPolicy) -> None:
    if not vouched.enough:
        text = f"only {quorum(vouched.signers)} of the {policy.threshold} signers needed stand behind it"
        raise SignatureError(Code.SIGNATURE_THRESHOLD, text)


def _check_target(statement: ChannelStatement, product: str, channel: str) -> None:
    found = f"{statement.predicate.product}/{statement.predicate.channel}"
    if found != f"{product}/{channel}":
        text = f"the statement speaks for {found}, and came as {product}/{channel}"
        raise StatementError(Code.STATEMENT_TARGET, text)
