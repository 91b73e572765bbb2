"""How a run reads and changes its channel: each step on a connection of its own, and each verified.

The broker keeps whatever was written last. So before anything is signed the channel is read again, and must
hold the very statement that the decision was made from; and it is read back afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.foundation import next_statement, require_good_to_go, usable
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tidegate_publisher.announce import ReleaseSigning
    from tidegate_publisher.ports import Clock, Progress, ResolvedImage, Verified, Verifier
    from tidegate_publisher.publication import ChannelDesk, Current, Signed, SigningDesk
    from tidegate_schemas.release import Release
    from tidegate_schemas.rollout import Rollout
    from tidegate_schemas.statement import ChannelStatement


class Steering:
    """See ports.Desk.

    Args:
        release: what is announced where the channel holds something else.
        channels: opens the channel.
        releases: signs the release.
        signing: signs what follows.
        verifier: verifies what is heard.
        clock: the time of issue.
        progress: is told what goes on.
    """

    def __init__(  # noqa: PLR0913 -- a desk for each kind of statement; they are made once, in wiring
        self,
        release: Release,
        channels: Callable[[], AbstractContextManager[ChannelDesk]],
        releases: ReleaseSigning,
        signing: SigningDesk,
        *,
        verifier: Verifier,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._release = release
        self._channels = channels
        self._releases = releases
        self._signing = signing
        self._verifier = verifier
        self._clock = clock
        self._progress = progress

    def current(self) -> Current:
        """See Desk.current."""
        with self._channels() as channels:
            return channels.current(*self._target)

    def verify(self, bundle: bytes) -> Verified:
        """See Desk.verify."""
        return self._verifier.verify(bundle, self._target)

    def resolve(self) -> ResolvedImage:
        """See Desk.resolve."""
        return self._releases.resolve(self._release)

    def announce(self, before: Current, shape: Callable[[ChannelStatement], Rollout]) -> Signed:
        """See Desk.announce."""
        with self._channels() as channels:
            stands = channels.current(*self._target)
            if stands.bundle != before.bundle:
                raise self._conflict()
            outcome = self._releases.sign(self._release, stands, shape=shape)
            if channels.current(*self._target).bundle != before.bundle:
                raise self._conflict()
            channels.publish(outcome.signed, stands)
            return outcome.signed

    def steer(self, expected: ChannelStatement, rollout: Rollout) -> Signed:
        """See Desk.steer."""
        with self._channels() as channels:
            before = channels.current(*self._target)
            verified = usable(before, "/".join(self._target))
            if verified.statement != expected:
                raise self._conflict()
            now = self._clock.now()
            if rollout.state is RolloutState.ACTIVE:
                require_good_to_go(verified, now)
            statement = next_statement(verified, rollout, now, self._progress)
            return self._sign(channels, statement, verified, before)

    def stop(self, known: Verified, rollout: Rollout) -> Signed:
        """See Desk.stop."""
        with self._channels() as channels:
            before = channels.current(*self._target)
            if before.verified is not None and _stands_against(before.verified, known):
                raise self._conflict()
            statement = next_statement(known, rollout, self._clock.now(), self._progress)
            return self._sign(channels, statement, known, before)

    def _sign(
        self, channels: ChannelDesk, statement: ChannelStatement, known: Verified, before: Current
    ) -> Signed:
        signed = self._signing.sign(statement, known)
        # To sign takes seconds, and a person's login minutes: somebody may have been faster.
        if channels.current(*self._target).bundle != before.bundle:
            raise self._conflict()
        channels.publish(signed, before)
        return signed

    @property
    def _target(self) -> tuple[str, str]:
        return self._release.product, self._release.channel

    def _conflict(self) -> TidegateError:
        reason = f"Somebody else announced something on {'/'.join(self._target)} in this moment"
        return TidegateError(Code.ANNOUNCE_CONFLICT, reason)


def _stands_against(theirs: Verified, known: Verified) -> bool:
    """Whether a stop that is built on `known` would take the place of what it does not know."""
    one, other = theirs.statement, known.statement
    if one.digest != other.digest or one.predicate.sequence > other.predicate.sequence:
        return True
    twin = one.predicate.sequence == other.predicate.sequence and one != other
    return twin and one.predicate.rollout.state is RolloutState.ACTIVE
