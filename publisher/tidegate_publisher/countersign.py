"""The use case of a further signature: somebody else signs the same bytes, after all others were verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.freshness import require_fresh
from tidegate_publisher.publication import Signed, require_size
from tidegate_publisher.signers import lacking, persona
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.cosigned import MAX_BUNDLES, join, split

if TYPE_CHECKING:
    from tidegate_publisher.ports import Clock, Progress, Signer, Verified, Verifier


class Countersigning:
    """Adds a signer to a statement."""

    def __init__(self, signer: Signer, verifier: Verifier, clock: Clock, progress: Progress) -> None:
        self._signer = signer
        self._verifier = verifier
        self._clock = clock
        self._progress = progress

    def look(self, message: bytes, target: tuple[str, str] | None) -> Verified:
        """What would be signed, after everything in the message was verified.

        Args:
            message: a bundle, or a cosigned message.
            target: the product and channel that it must speak of; None takes those that it names.

        Raises:
            TidegateError: SIGNATURE_*, STATEMENT_*, TRUST_* for the first bundle that does not verify;
                STATEMENT_EXPIRED, STATEMENT_NOT_YET_VALID; STATEMENT_OVERSIZE when no signer more has room.
        """
        with self._progress.phase("verifying"):
            verified = self._verifier.verify_each(message, target)
        require_fresh(verified.statement, self._clock.now())
        if len(split(message)) >= MAX_BUNDLES:
            reason = f"The statement has {MAX_BUNDLES} signers already, and hosts look at no more"
            raise TidegateError(Code.STATEMENT_OVERSIZE, reason)
        return verified

    def sign(self, message: bytes, seen: Verified) -> Signed:
        """Sign the very bytes that the others signed.

        Args:
            message: as `look` was given it.
            seen: what `look` found in it.

        Raises:
            TidegateError: IDENTITY_UNAVAILABLE, SIGN_FAILED; ANNOUNCE_UNVERIFIED, what was signed does not
                verify, so the new signer may not be in the policy; SIGNATURE_THRESHOLD, the signer has signed
                already, or counts as somebody who has; STATEMENT_OVERSIZE.
        """
        with self._progress.phase("signing"):
            bundle = self._signer.sign(seen.payload)
        with self._progress.phase("verifying what was signed"):
            ours = self._verify(bundle, seen)
        self._require_new(ours, seen)
        joined = join((*split(message), bundle))
        require_size(joined)
        verified = self._verify(joined, seen)
        if verified.standing <= seen.standing:
            reason = (
                f"{ours.signed_by} counts as the same signer of the policy as somebody who signed already, "
                "so that nothing is gained"
            )
            raise TidegateError(Code.SIGNATURE_THRESHOLD, reason)
        self._progress.note(f"signed by {verified.signed_by}")
        if not verified.enough:
            self._progress.note(lacking(verified))
        return Signed(joined, verified)

    def _verify(self, message: bytes, seen: Verified) -> Verified:
        said = seen.statement.predicate
        try:
            verified = self._verifier.verify_each(message, (said.product, said.channel))
        except TidegateError as error:
            reason = f"What was just signed does not verify: {error.reason} ({error.code})"
            raise TidegateError(Code.ANNOUNCE_UNVERIFIED, reason) from error
        if verified.payload != seen.payload:
            reason = "What was just signed is not what was to be signed"
            raise TidegateError(Code.ANNOUNCE_UNVERIFIED, reason)
        return verified

    @staticmethod
    def _require_new(ours: Verified, seen: Verified) -> None:
        before = {persona(one) for one in seen.signers}
        if any(persona(one) in before for one in ours.signers):
            reason = f"{ours.signed_by} has signed it already; a signer counts once"
            raise TidegateError(Code.SIGNATURE_THRESHOLD, reason)
