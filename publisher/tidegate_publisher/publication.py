"""The desks every statement passes: read what stands, sign, verify what was signed, publish, read back.

Nothing is built on a retained statement that does not verify, and nothing is published that does not: the
broker is not trusted, and hosts would refuse it anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_publisher.ports import Verified
from tidegate_publisher.signers import lacking, require_foreknown, require_same_signers
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_publisher.ports import ChannelStore, Progress, Signer, Verifier
    from tidegate_schemas.statement import ChannelStatement


@dataclass(frozen=True, slots=True)
class Current:
    """What a channel holds.

    Attributes:
        bundle: the retained bytes; None when nothing is announced.
        verified: what they say; None when nothing is announced, or when `fault` says why it is not believed.
        fault: why the retained bytes do not verify.
    """

    bundle: bytes | None
    verified: Verified | None
    fault: TidegateError | None = None

    @property
    def sequence(self) -> int | None:
        """Where the channel verifiably stands."""
        return self.verified.statement.predicate.sequence if self.verified else None


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed statement that was verified after signing."""

    bundle: bytes
    verified: Verified

    @property
    def target(self) -> tuple[str, str]:
        """The product and channel that it speaks of."""
        predicate = self.verified.statement.predicate
        return predicate.product, predicate.channel


class SigningDesk:
    """Signs a statement and verifies the outcome as hosts do."""

    def __init__(self, signer: Signer, verifier: Verifier, progress: Progress) -> None:
        self._signer = signer
        self._verifier = verifier
        self._progress = progress

    def sign(
        self, statement: ChannelStatement, previous: Verified | None = None, *, unfinished: bool = False
    ) -> Signed:
        """Sign.

        Args:
            statement: what to sign.
            previous: what the channel holds now; its signers must be ours when no policy was given.
            unfinished: others sign it later, so that it may lack signers.

        Raises:
            TidegateError: SIGNATURE_IDENTITY, SIGNATURE_THRESHOLD, both before anything is signed;
                IDENTITY_UNAVAILABLE, SIGN_FAILED, ANNOUNCE_UNVERIFIED, STATEMENT_OVERSIZE.
        """
        if not unfinished:
            self._require_one_is_enough(statement)
        unnamed = previous if self._verifier.policy is None else None
        complete = statement.predicate.rollout.state is RolloutState.ACTIVE and not unfinished
        if unnamed is not None:
            require_foreknown(unnamed, self._signer.identity(), all_of_them=complete)
        with self._progress.phase("signing"):
            bundle = self._signer.sign(statement.to_json())
        require_size(bundle)
        with self._progress.phase("verifying what was signed"):
            verified = self._verify(bundle, statement)
        self._progress.note(f"signed by {verified.signed_by}")
        if unnamed is not None:
            require_same_signers(unnamed, verified.signers, all_of_them=complete)
        if not verified.enough:
            self._progress.note(lacking(verified))
        return Signed(bundle, verified)

    def _require_one_is_enough(self, statement: ChannelStatement) -> None:
        """Find out before anything is signed: what is in a log stays there."""
        needed = self._verifier.needed
        if needed > 1 and statement.predicate.rollout.state is RolloutState.ACTIVE:
            reason = (
                f"{needed} signers are needed to let a release go on, and this would be one: write the "
                "statement into a file with --output, have it countersigned, and announce it with --bundle"
            )
            raise TidegateError(Code.SIGNATURE_THRESHOLD, reason)

    def _verify(self, bundle: bytes, statement: ChannelStatement) -> Verified:
        predicate = statement.predicate
        try:
            verified = self._verifier.verify_each(bundle, (predicate.product, predicate.channel))
        except TidegateError as error:
            reason = f"What was just signed does not verify: {error.reason} ({error.code})"
            raise TidegateError(Code.ANNOUNCE_UNVERIFIED, reason) from error
        if verified.statement != statement:
            reason = "What was just signed does not say what was to be signed"
            raise TidegateError(Code.ANNOUNCE_UNVERIFIED, reason)
        return verified


class ChannelDesk:
    """Reads a channel and publishes to it."""

    def __init__(self, store: ChannelStore, verifier: Verifier, progress: Progress) -> None:
        self._store = store
        self._verifier = verifier
        self._progress = progress

    def current(self, product: str, channel: str) -> Current:
        """Read and verify what the channel holds.

        Raises:
            TidegateError: BUS_*, or TRUST_* when nothing at all can be verified.
        """
        with self._progress.phase(f"reading {product}/{channel}"):
            bundle = self._store.read(product, channel)
        if bundle is None:
            return Current(None, None)
        try:
            return Current(bundle, self._verifier.verify(bundle, (product, channel)))
        except TidegateError as error:
            if error.code.startswith("trust."):
                raise
            return Current(bundle, None, error)

    def publish(self, signed: Signed, before: Current) -> None:
        """Publish retained, then read back until the broker is seen to hold it.

        Raises:
            TidegateError: BUS_*, ANNOUNCE_TIMEOUT, or ANNOUNCE_CONFLICT when somebody else announced at the
                same time.
        """
        product, channel = signed.target
        with self._progress.phase(f"publishing {product}/{channel}"):
            self._store.publish(product, channel, signed.bundle)
        with self._progress.phase("confirming that the broker holds it"):
            held = self._store.confirm(product, channel, signed.bundle)
        if held != signed.bundle:
            raise self._lost(signed, before, held)

    def _lost(self, signed: Signed, before: Current, held: bytes | None) -> TidegateError:
        product, channel = signed.target
        if held is None or held == before.bundle:
            reason = (
                f"The broker acknowledged the statement but does not hold it; "
                f"this client may not be allowed to write to {product}/{channel}"
            )
            return TidegateError(Code.BUS_REFUSED, reason)
        ours = signed.verified.statement.predicate.sequence
        try:
            theirs = self._verifier.verify(held, signed.target).statement.predicate.sequence
        except TidegateError as error:
            reason = f"Something that does not verify took the statement's place: {error.reason}"
            return TidegateError(Code.ANNOUNCE_CONFLICT, reason)
        if theirs == ours:
            reason = f"Somebody else announced another statement with sequence {ours} at the same time"
            return TidegateError(Code.ANNOUNCE_CONFLICT, reason)
        reason = f"Somebody else announced sequence {theirs} right after our {ours}"
        return TidegateError(Code.ANNOUNCE_CONFLICT, reason)


def require_size(message: bytes) -> None:
    """Refuse what is larger than hosts read.

    Raises:
        TidegateError: STATEMENT_OVERSIZE.
    """
    if len(message) > limits.STATEMENT_BYTES:
        reason = f"The signed statement has {len(message)} bytes; hosts read at most {limits.STATEMENT_BYTES}"
        raise TidegateError(Code.STATEMENT_OVERSIZE, reason)
