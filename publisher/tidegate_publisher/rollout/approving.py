"""The use case of an approval: let a wave through that the run asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_fleet.leading import Asked, approval_command, asked, leader
from tidegate_publisher.announce import Outcome
from tidegate_publisher.foundation import next_statement, require_good_to_go, require_sequence, usable
from tidegate_publisher.publication import Signed
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.operations import Conditions
    from tidegate_publisher.ports import Clock, Progress
    from tidegate_publisher.publication import ChannelDesk, SigningDesk
    from tidegate_schemas.rollout import Rollout
    from tidegate_schemas.statement import ChannelPredicate


class Approving:
    """Writes into the run's record that a wave may be opened. The run opens it, as its budget allows."""

    def __init__(self, channels: ChannelDesk, signing: SigningDesk, clock: Clock, progress: Progress) -> None:
        self._channels = channels
        self._signing = signing
        self._clock = clock
        self._progress = progress

    def approve(self, product: str, channel: str, wave: str, conditions: Conditions) -> Outcome:
        """Approve a wave. One that is approved already is not approved twice.

        Raises:
            TidegateError: the fault of a retained statement that does not verify; ANNOUNCE_MISSING,
                ANNOUNCE_CONFLICT, ROLLOUT_*, SIGNATURE_THRESHOLD, STATEMENT_EXPIRED; and what signing and
                publishing raise.
        """
        before = self._channels.current(product, channel)
        verified = usable(before, f"{product}/{channel}")
        require_sequence(verified, conditions.expected_sequence)
        now, said = self._clock.now(), verified.statement.predicate
        rollout = said.rollout
        require_good_to_go(verified, now, even_if_expired=conditions.even_if_expired)
        approved = _approved(said, wave, now)
        if approved == rollout and before.bundle is not None:
            self._progress.note(f"the wave {wave} is approved already; nothing was published")
            return Outcome(Signed(before.bundle, verified), None, changed=False)
        statement = next_statement(verified, approved, now, self._progress, conditions.validity)
        signed = self._signing.sign(statement, verified)
        self._channels.publish(signed, before)
        return Outcome(signed, None, changed=True)


def _approved(said: ChannelPredicate, wave: str, now: datetime) -> Rollout:
    rollout = said.rollout
    if rollout.state is not RolloutState.ACTIVE:
        code = Code.ROLLOUT_HELD if rollout.state is RolloutState.HELD else Code.ROLLOUT_FINAL
        raise TidegateError(code, f"The release is {rollout.state}: no wave of it is opened")
    names = [one.name for one in rollout.waves]
    if wave not in names:
        reason = f"The release has no wave {wave[:80]!r}; its waves are {', '.join(names) or 'none'}"
        raise TidegateError(Code.ROLLOUT_WAVE, reason)
    runner, wanted = rollout.runner, asked(rollout, now)
    if runner is None or (wanted is None and leader(rollout, now) is None):
        reason = "No run leads this release, so nobody would open the wave"
        raise TidegateError(Code.ROLLOUT_UNLED, reason)
    if wave in runner.approved:
        return rollout
    if wanted is None or wanted.wave != wave:
        raise TidegateError(Code.ROLLOUT_UNASKED, _unasked(said, wave, wanted, now))
    leads = runner.model_copy(update={"approved": (*runner.approved, wave)})
    return rollout.model_copy(update={"runner": leads})


def _unasked(said: ChannelPredicate, wave: str, wanted: Asked | None, now: datetime) -> str:
    opened = any(one.name == wave and one.is_open(now) for one in said.rollout.waves)
    why = f"The wave {wave} is open already" if opened else f"No approval of the wave {wave} is asked for"
    if wanted is None:
        return f"{why}, and none of another one either"
    return f"{why}; the run asks for the wave {wanted.wave}: {approval_command(said, wanted.wave)}"
