"""The use cases of a release: sign it, announce it, announce what was signed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_publisher.compose import compose
from tidegate_publisher.freshness import require_fresh
from tidegate_publisher.ports import ResolvedImage
from tidegate_publisher.publication import Current, Signed
from tidegate_publisher.sequence import choose_sequence, may_replace
from tidegate_publisher.signers import require_same_signers
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.ports import Clock, ImageSignatures, Progress, Resolver, Verifier
    from tidegate_publisher.publication import ChannelDesk, SigningDesk
    from tidegate_schemas.release import Release
    from tidegate_schemas.rollout import Rollout
    from tidegate_schemas.statement import ChannelStatement

NOTHING = Current(None, None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `changed` is False when the channel already held exactly this statement."""

    signed: Signed
    image: ResolvedImage | None
    changed: bool


class ReleaseSigning:
    """From a release to a signed, verified statement.

    Args:
        resolver: settles the image.
        desk: signs and verifies.
        clock: the time of issue.
        progress: is told what goes on.
        seed: makes a rollout's seed.
        signatures: what the image's own signature has to pass; None does not ask for one.
    """

    def __init__(
        self,
        resolver: Resolver,
        desk: SigningDesk,
        clock: Clock,
        progress: Progress,
        seed: Callable[[], str],
        signatures: ImageSignatures | None = None,
    ) -> None:
        self._resolver = resolver
        self._desk = desk
        self._clock = clock
        self._progress = progress
        self._seed = seed
        self._signatures = signatures

    def sign(
        self,
        release: Release,
        before: Current,
        *,
        unfinished: bool = False,
        shape: Callable[[ChannelStatement], Rollout] | None = None,
    ) -> Outcome:
        """Resolve the image, compose, sign, verify.

        Args:
            release: what to sign.
            before: what the channel holds; its sequence and floor are built upon.
            unfinished: others sign it later, so that it may lack signers.
            shape: what the rollout shall be in place of the release's, before it is signed.

        Raises:
            TidegateError: SEQUENCE_LOWER, RELEASE_INVALID, REFERENCE_*, IMAGE_*, and those of
                SigningDesk.sign.
        """
        sequence = choose_sequence(before.sequence, release.sequence)
        image = self.resolve(release)
        statement = compose(
            release,
            image,
            sequence=sequence,
            floor=self._floor(release, before),
            now=self._clock.now(),
            seed=self._seed(),
        )
        if before.verified is not None:
            # A job that is repeated would else put what it led before in the place of this one.
            led = before.verified.statement.predicate.rollout.leaders()
            kept = statement.predicate.rollout.model_copy(update={"led_before": led})
            predicate = statement.predicate.model_copy(update={"rollout": kept})
            statement = statement.model_copy(update={"predicate": predicate})
        if shape is not None:
            shaped = statement.predicate.model_copy(update={"rollout": shape(statement)})
            statement = statement.model_copy(update={"predicate": shaped})
        self._require_image_signature(statement)
        signed = self._desk.sign(statement, before.verified, unfinished=unfinished)
        return Outcome(signed, image, changed=True)

    def _require_image_signature(self, statement: ChannelStatement) -> None:
        if self._signatures is None:
            return
        with self._progress.phase("verifying the image's own signature"):
            signers = self._signatures.require(statement.predicate.image.references, statement.digest)
        self._progress.note(f"the image is signed by {' and '.join(map(str, signers))}")

    def resolve(self, release: Release) -> ResolvedImage:
        """Settle what a release's image stands for. Raises TidegateError(REFERENCE_*, IMAGE_*)."""
        with self._progress.phase(f"resolving {release.image}"):
            image = self._resolver.resolve(release.image)
        if image.tag is not None:
            self._progress.note(
                f"{image.repository}:{image.tag} is {image.digest} now; that digest is what gets signed"
            )
        return image

    def _floor(self, release: Release, before: Current) -> int:
        kept = before.verified.statement.predicate.floor if before.verified else 0
        if before.verified is None or kept <= release.floor:
            return release.floor
        if not before.verified.enough:
            # One stolen signer may have put it there, and would get the others' signatures to it.
            self._progress.note(
                f"the channel's floor of {kept} is not kept: the statement that names it lacks signers. "
                "If it is yours, name it as `floor` in the release file"
            )
            return release.floor
        # A floor never sinks: hosts keep the highest, and those that come new have to learn it.
        self._progress.note(f"the channel's floor of {kept} is kept")
        return kept


class Announcing:
    """Brings a statement to a channel."""

    def __init__(self, desk: ChannelDesk, verifier: Verifier, clock: Clock, progress: Progress) -> None:
        self._desk = desk
        self._verifier = verifier
        self._clock = clock
        self._progress = progress

    def release(
        self,
        release: Release,
        signing: ReleaseSigning,
        *,
        replace_unverified: bool,
        shape: Callable[[ChannelStatement], Rollout] | None = None,
    ) -> Outcome:
        """Sign a release as the channel's next statement and publish it.

        Args:
            release: what to announce.
            signing: how to sign it.
            replace_unverified: go on when the channel holds something that does not verify; the release
                must name its sequence then.
            shape: see ReleaseSigning.sign.

        Raises:
            TidegateError: see ReleaseSigning.sign and ChannelDesk.publish.
        """
        before = self.before(release, replace_unverified=replace_unverified)
        outcome = signing.sign(release, before, shape=shape)
        self._desk.publish(outcome.signed, before)
        return outcome

    def before(self, release: Release, *, replace_unverified: bool) -> Current:
        """What the channel holds, if it can be built upon. Raises the fault of what does not verify."""
        before = self._desk.current(release.product, release.channel)
        return self._accept_fault(before, replace=replace_unverified and release.sequence is not None)

    def bundle(self, bundle: bytes, *, replace_unverified: bool) -> Outcome:
        """Publish a statement that was signed before.

        Raises:
            TidegateError: ANNOUNCE_UNVERIFIED, SIGNATURE_THRESHOLD, STATEMENT_EXPIRED,
                STATEMENT_NOT_YET_VALID, SEQUENCE_LOWER, STATEMENT_EQUIVOCATION and what ChannelDesk.publish
                raises.
        """
        try:
            verified = self._verifier.verify(bundle, None)
        except TidegateError as error:
            if error.code is Code.SIGNATURE_THRESHOLD:
                raise
            reason = f"The bundle does not verify: {error.reason} ({error.code})"
            raise TidegateError(Code.ANNOUNCE_UNVERIFIED, reason) from error
        predicate = verified.statement.predicate
        require_fresh(verified.statement, self._clock.now())
        before = self._desk.current(predicate.product, predicate.channel)
        before = self._accept_fault(before, replace=replace_unverified)
        if before.verified is not None and self._verifier.policy is None:
            complete = predicate.rollout.state is RolloutState.ACTIVE
            require_same_signers(before.verified, verified.signers, all_of_them=complete)
        signed = Signed(bundle, verified)
        same = before.verified is not None and before.verified.statement == verified.statement
        if not may_replace(before.sequence, predicate.sequence, same_content=same):
            self._progress.note("the channel holds this statement already; nothing was published")
            return Outcome(signed, None, changed=False)
        self._desk.publish(signed, before)
        return Outcome(signed, None, changed=True)

    def _accept_fault(self, before: Current, *, replace: bool) -> Current:
        if before.fault is None:
            return before
        reason = f"What the channel holds does not verify: {before.fault.reason}"
        if not replace:
            hint = "to put a statement in its place, give --sequence and --replace-unverified"
            raise TidegateError(before.fault.code, f"{reason}; {hint}")
        self._progress.note(f"{reason}; it is replaced")
        return before
