"""The use cases of a running release: hold, resume, promote, revoke, heartbeat.

Each is a new statement about the same image, one sequence further. What they may be built on is in
`foundation`: where the outcome lets hosts go on (resume, promote, heartbeat), not on everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from tidegate_publisher.announce import Outcome
from tidegate_publisher.foundation import next_statement, require_good_to_go, require_sequence, usable
from tidegate_publisher.promotion import open_wave
from tidegate_publisher.publication import Signed
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_publisher.ports import Clock, Progress, Verified
    from tidegate_publisher.publication import ChannelDesk, Current, SigningDesk
    from tidegate_schemas.rollout import Rollout, Runner
    from tidegate_schemas.statement import ChannelPredicate


class Operation(StrEnum):
    """What can be done to a release that is announced."""

    HOLD = "hold"
    RESUME = "resume"
    PROMOTE = "promote"
    REVOKE = "revoke"
    HEARTBEAT = "heartbeat"

    @property
    def state(self) -> RolloutState | None:
        """The rollout's state afterwards; None leaves it as it is."""
        return _STATES.get(self)

    @property
    def lets_hosts_go_on(self) -> bool:
        """Whether hosts may act on the outcome."""
        return self in {Operation.RESUME, Operation.PROMOTE, Operation.HEARTBEAT}


_STATES = {
    Operation.HOLD: RolloutState.HELD,
    Operation.RESUME: RolloutState.ACTIVE,
    Operation.REVOKE: RolloutState.REVOKED,
}
_MOST_ATTEMPTS = 5
"""So often a stop is signed anew, where others are faster each time."""

_NOT_AFTER_REVOCATION = frozenset({Operation.HOLD, Operation.RESUME, Operation.PROMOTE})


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold for an operation.

    Attributes:
        expected_sequence: where the caller believes the channel to stand; None when it does not care.
        even_if_expired: also go on from an expired statement.
        validity: how long the new statement is fresh; None keeps the old one's span.
    """

    expected_sequence: int | None = None
    even_if_expired: bool = False
    validity: timedelta | None = None


class Operating:
    """Changes the state of what a channel holds."""

    def __init__(self, channels: ChannelDesk, signing: SigningDesk, clock: Clock, progress: Progress) -> None:
        self._channels = channels
        self._signing = signing
        self._clock = clock
        self._progress = progress

    def run(
        self,
        operation: Operation,
        product: str,
        channel: str,
        conditions: Conditions,
        *,
        wave: str | None = None,
        publish: bool = True,
    ) -> Outcome:
        """Do it. What is so already is not signed again, except by a heartbeat.

        Args:
            operation: what to do.
            product: with `channel`, where.
            channel: see `product`.
            conditions: what must hold.
            wave: which one to promote; None is the first that is not open.
            publish: False leaves the channel as it is: others may have to sign the statement first.

        Raises:
            TidegateError: the fault of a retained statement that does not verify; ANNOUNCE_MISSING,
                ANNOUNCE_CONFLICT, ROLLOUT_*, SIGNATURE_THRESHOLD, STATEMENT_EXPIRED; and what signing and
                publishing raise.
        """
        before = self._channels.current(product, channel)
        for _ in range(_MOST_ATTEMPTS):
            outcome = self._sign(
                operation, f"{product}/{channel}", before, conditions, wave=wave, unfinished=not publish
            )
            if not publish or not outcome.changed:
                return outcome
            # To sign takes seconds, and a person's login minutes: hosts refuse a second statement with one
            # sequence, so what was signed upon must still be there.
            stands = self._channels.current(product, channel)
            if stands.bundle == before.bundle:
                self._channels.publish(outcome.signed, before)
                return outcome
            if operation.lets_hosts_go_on:
                break
            self._progress.note("somebody announced something meanwhile; signing on top of that")
            before = stands
        reason = f"Somebody else announced something on {product}/{channel} while this was signed"
        raise TidegateError(Code.ANNOUNCE_CONFLICT, reason)

    def _sign(
        self,
        operation: Operation,
        name: str,
        before: Current,
        conditions: Conditions,
        *,
        wave: str | None,
        unfinished: bool,
    ) -> Outcome:
        verified = usable(before, name)
        statement = verified.statement
        self._check(operation, verified, conditions)
        rollout = self._afterwards(operation, statement.predicate.rollout, wave)
        if operation is not Operation.HEARTBEAT and rollout == statement.predicate.rollout:
            return Outcome(self._as_signed(before), None, changed=False)
        renewed = next_statement(verified, rollout, self._clock.now(), self._progress, conditions.validity)
        signed = self._signing.sign(renewed, before.verified, unfinished=unfinished)
        return Outcome(signed, None, changed=True)

    def _afterwards(self, operation: Operation, rollout: Rollout, wave: str | None) -> Rollout:
        if operation is Operation.PROMOTE:
            promoted, told = open_wave(rollout, wave, self._clock.now())
            self._progress.note(told if promoted != rollout else f"{told}; nothing was published")
            return promoted
        if operation.state is None or operation.state is rollout.state:
            if operation.state is not None:
                self._progress.note(f"the release is {operation.state} already; nothing was published")
            return rollout
        # A run ends when its release is held: it would claim the resumed one without leading it.
        runner = rollout.runner if operation is not Operation.RESUME else _unclaimed(rollout.runner)
        return rollout.model_copy(update={"state": operation.state, "runner": runner})

    @staticmethod
    def _as_signed(before: Current) -> Signed:
        assert before.bundle is not None  # noqa: S101 -- usable() has seen it; this is for the type checker
        assert before.verified is not None  # noqa: S101 -- the same
        return Signed(before.bundle, before.verified)

    def _check(self, operation: Operation, verified: Verified, conditions: Conditions) -> None:
        require_sequence(verified, conditions.expected_sequence)
        self._check_state(operation, verified.statement.predicate)
        if operation.lets_hosts_go_on:
            require_good_to_go(verified, self._clock.now(), even_if_expired=conditions.even_if_expired)

    @staticmethod
    def _check_state(operation: Operation, predicate: ChannelPredicate) -> None:
        state = predicate.rollout.state
        if state is RolloutState.REVOKED and operation in _NOT_AFTER_REVOCATION:
            reason = (
                f"The release {predicate.version} is revoked, and a revocation is final; announce another one"
            )
            raise TidegateError(Code.ROLLOUT_FINAL, reason)
        if state is RolloutState.HELD and operation is Operation.PROMOTE:
            reason = f"The release {predicate.version} is held: no host starts, whatever wave is open"
            raise TidegateError(Code.ROLLOUT_HELD, reason)


def _unclaimed(runner: Runner | None) -> Runner | None:
    return None if runner is None else runner.model_copy(update={"until": None})
