"""What a person on the host, or a signed request, may order of a follow. Runs on the engine's thread.

Each order is journalled before it has any effect, or with the step that it sets off.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate_agent import machine
from tidegate_agent.admission import SKEW
from tidegate_agent.errors import RefusedError
from tidegate_agent.records import Approval, Change, Hold
from tidegate_agent.snoozing import snoozed
from tidegate_agent.update.events import CancelRequested, Event, RollbackRequested, Woken
from tidegate_agent.update.states import (
    Idle,
    Settled,
    Staged,
    Staging,
    Update,
    Verifying,
    Wait,
    Waiting,
)
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tidegate_agent.admission import Memory
    from tidegate_agent.follower import Follower
    from tidegate_agent.model import Failure
    from tidegate_agent.records import Answered, Snooze


class Orders:
    """What may be ordered of one follower."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._follow = follower.follow
        self._around = follower.around
        self._journal = follower.around.journal

    def approve(self, *, at_once: bool, length: timedelta | None = None) -> tuple[str, Wait | None] | None:
        """Approve the update that is not activated yet; that it was put off counts no more.

        Args:
            at_once: whether it need not wait for a window.
            length: for how long the approval counts; as configured when None.

        Returns:
            Its digest and what it still waits for; None when there is no such update.
        """
        state = self._follower.state
        if not isinstance(state, Waiting | Staging | Staged):
            return None
        target, now = state.update.target, self._around.latest_known()
        expires = now + (length or self._around.manners.approval_expires)
        before = self._journal.snooze(self._follow)
        ended = replace(before, until=now) if before is not None and before.digest == target.digest else None
        approval = Approval(target.digest, at_once, expires)
        self._journal.commit(Change(self._follow, approval=approval, snooze=ended))
        self._follower.wake()
        return target.digest, self._follower.hindrance(target)

    def take_up(self, message: bytes, approved: str | None) -> None:
        """Hear a statement that a person brought, as if the broker had, also one that was heard before.

        Args:
            message: the bundle; it is verified as any other.
            approved: the digest that is approved at once, if it is what the statement turns out to announce.
        """
        if approved is not None:
            expires = self._around.latest_known() + self._around.manners.approval_expires
            approval = Approval(approved, at_once=True, expires=expires)
            self._journal.commit(Change(self._follow, approval=approval))
        self._follower.reception.hear_from_here(message)
        if isinstance(self._follower.state, Waiting):
            # Perhaps for the next try to fetch this very image, which is at hand now.
            self._follower.wake()

    def snooze(self, length: timedelta) -> Snooze | None:
        """Put the update that is not activated yet off; None when there is no such update.

        Raises:
            RefusedError: REQUEST_POINTLESS, it was put off for long enough.
        """
        state = self._follower.state
        if not isinstance(state, Waiting | Staging | Staged):
            return None
        limit, now = self._around.manners.snooze_limit, self._around.latest_known()
        snooze = snoozed(self._journal.snooze(self._follow), state.update.target.digest, now, length, limit)
        self._journal.commit(Change(self._follow, snooze=snooze))
        self._follower.wake()
        return snooze

    def pardon(self, digest: str) -> bool:
        """Lift a digest's quarantine; whether there was one. It is taken up with the next statement."""
        if digest not in self._journal.quarantined(self._follow):
            return False
        self._journal.commit(Change(self._follow, pardon=(digest,)))
        return True

    def hold(self, *, held: bool, by: str, reason: str) -> bool:
        """Hold the host back in this channel, or let it go on; whether that changed anything."""
        before = self._journal.hold(self._follow)
        if held == (before is not None and before.held):
            return False
        hold = Hold(held, by, reason, self._newest_order(before))
        self._journal.commit(Change(self._follow, holds=((self._follow, hold),)))
        self._follower.wake()
        return True

    def _newest_order(self, before: Hold | None) -> datetime:
        """The time of an order that is given now: what was signed before and comes late must not undo it."""
        now, ordered = self._around.latest_known(), None if before is None else before.ordered_at
        if ordered is None:
            return now
        # By a clock that ran ahead the one before would count as newer than all requests, for as long.
        ahead = ordered > now + SKEW and self._around.time.doubt() is None
        return now if ahead else max(ordered, now)

    def look_again(self) -> None:
        """Judge anew what the channel holds, and what the update waits for."""
        self._follower.reception.mailbox.forget_all()
        self._follower.reception.recheck()
        self._follower.wake()

    def cancel(self, failure: Failure) -> bool:
        """Drop the update in progress; whether that is possible now."""
        if not isinstance(self._follower.state, Waiting | Staging | Staged):
            return False
        self._follower.handle(CancelRequested(failure))
        return True

    def roll_back(self, failure: Failure, answered: Answered | None = None) -> bool:
        """Return to the previous image; whether that is possible now.

        Args:
            failure: who wants it, and why.
            answered: the request that asks for it, which is written with the first step.

        Raises:
            RefusedError: STATEMENT_FLOOR when the publisher forbids to go back that far, IMAGE_QUARANTINED
                when the previous image was given up on.
        """
        state, floor = self._follower.state, self._follower.memory.floor
        resting = state.before if isinstance(state, Verifying) else state
        update = self._way_here()
        if update is None or update.previous == update.target.digest:
            return False
        if not isinstance(resting, Idle | Settled):
            return False
        if update.previous_sequence < floor:
            reason = f"the publisher lets no host return below sequence {floor}"
            raise RefusedError(Code.STATEMENT_FLOOR, reason)
        self._require_fit(update.previous)
        clock_floor = None if answered is None else answered.clock_floor
        self._follower.handle(RollbackRequested(failure, update), floor=clock_floor, answered=answered)
        return True

    def reset(self, memory: Memory, cause: Failure, answered: Answered) -> bool:
        """Remember this in place of what was accepted; whether that is possible now.

        It is, up to activation: an update whose sequence is above it ends because of `cause`. What the
        channel stood at is forgotten, and whatever comes is judged anew.

        Args:
            memory: what the host is to remember.
            cause: who wants it, and why.
            answered: the request that asks for it, which is written with it.
        """
        state = self._follower.state
        if machine.is_committed(state):
            return False
        event: Event = Woken()
        if isinstance(state, Waiting | Staging | Staged):
            disowned = state.update.target.sequence > memory.sequence
            event = CancelRequested(cause) if disowned else event
        self._follower.handle(event, memory=memory, floor=answered.clock_floor, answered=answered)
        self._follower.reception.forget()
        return True

    def _require_fit(self, digest: str | None) -> None:
        given_up = self._journal.quarantined(self._follow)
        if digest in given_up:
            reason = (
                f"the previous image is in quarantine, which tidegate-agent approve --quarantined {digest} "
                f"lifts: it was given up on before: {given_up[digest].reason}"
            )
            raise RefusedError(Code.IMAGE_QUARANTINED, reason)

    def _way_here(self) -> Update | None:
        """How the running image came from the previous one; None when there is none to return to."""
        current, previous = self._follower.image.current, self._follower.image.previous
        target = None if current is None else self._journal.target(self._follow, current)
        if target is None or previous is None:
            return None
        left = self._journal.target(self._follow, previous)
        return Update(
            target,
            self._journal.attempts(self._follow, target.digest) + 1,
            previous,
            self._around.profile.boot_id,
            previous_sequence=left.sequence if left and left.rollout.state is RolloutState.ACTIVE else 0,
        )
