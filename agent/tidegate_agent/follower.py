"""The shell around one follow's machine: journal first, then run commands.

Everything here runs on the engine's thread, but for the closures that are handed to the two workers; those
only call ports and post what came of it back to the engine's queue. Longer than the habit, because all of it
is about one state; a sixth of it is imports.
"""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never

from loguru import logger

from tidegate_agent import machine, reporting
from tidegate_agent.assessing import Assessor, Seat
from tidegate_agent.intake import Intake
from tidegate_agent.model import Failure, ImageStatus
from tidegate_agent.recalling import Standing, view_of
from tidegate_agent.reception import Reception
from tidegate_agent.records import Change
from tidegate_agent.refusals import Refusals
from tidegate_agent.update.commands import (
    Activate,
    Assess,
    CancelStage,
    Command,
    Disarm,
    Discard,
    Prove,
    Quarantine,
    Reboot,
    Recheck,
    Report,
    ReportNonsense,
    ReportRefusal,
    Rollback,
    Stage,
    Verify,
    WakeAfter,
    WakeAt,
)
from tidegate_agent.update.events import (
    Admitted,
    Assessed,
    Event,
    Heard,
    Known,
    Refused,
    Restarted,
    Woken,
)
from tidegate_agent.update.states import (
    Idle,
    Outcome,
    Proving,
    Settled,
    Staged,
    State,
    Verifying,
    Wait,
    WaitFor,
    Waiting,
)
from tidegate_agent.work import Work
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tidegate_agent.admission import Memory
    from tidegate_agent.fleet_slot import FleetSlot
    from tidegate_agent.model import Follow, Verdict
    from tidegate_agent.records import Answered
    from tidegate_agent.reporting import FollowView
    from tidegate_agent.surroundings import Followed, Surroundings
    from tidegate_agent.update.states import Target
    from tidegate_schemas.events import UpdateEvent

MAY_PASS: Final = frozenset(
    {
        Code.STATEMENT_EXPIRED,
        Code.STATEMENT_NOT_YET_VALID,
        Code.TRUST_ROOT_MISSING,
        Code.VERIFY_FAILED,
    }
)
"""Refusals that say something about this host, its clock or its memory, as much as about the message."""

LONGEST_SLEEP: Final = timedelta(days=366)
"""How far ahead an alarm is set at most."""


class Follower:
    """One follow: its machine, its messages, its engine.

    Args:
        followed: the follow and its image engine.
        around: what it shares with others.
        others_busy: whether another follow's update is in the way, of staging or (True) of activating.
        slot: the fleet's lock, if there is one.
    """

    def __init__(
        self,
        followed: Followed,
        around: Surroundings,
        others_busy: Callable[[Follow, bool], bool],
        slot: FleetSlot | None = None,
    ) -> None:
        follow, operations = followed.follow, followed.operations
        self.follow = follow
        self._engine_name = followed.engine
        self._operations = operations
        self.around = around
        recollection = around.journal.recall(follow)
        self._state: State = recollection.state
        self._memory: Memory = recollection.memory
        self._installed = recollection.installed_sequence
        self._image = ImageStatus(None, None, None)
        self._silent = 0
        profile = around.profile
        self._intake = Intake(follow, profile.facts, around.policy, profile.boot_id)
        self.reception = Reception(follow, around, lambda name: self.handle(Heard(name)), self._decide)
        self._set_aside = False
        self._work = Work(operations, around, self._finish, self._discard_later)
        self._undiscarded = 0
        self._refusals = Refusals()
        reboots = operations.engine.capabilities().reboots
        seat = Seat(
            follow=follow,
            reboots=reboots,
            at_hand=lambda digest: bool(operations.at_hand(digest)),
            whole=operations.by_tool,
            slot=slot if reboots or around.lock_for_all else None,
            state=lambda: self._state,
            accepted=lambda: self._memory.sequence,
            others_busy=others_busy,
            heard_out=self.reception.heard_out,
            assessed=lambda wait: self.handle(Assessed(wait)),
        )
        self._assessor = Assessor(seat, around)

    def start(self, *, crashed: bool = False) -> None:
        """Compare the journal with the engine's truth and go on from there.

        Past activation nothing can be done without that truth, and nothing is: it is asked for again.
        `crashed` is whether the agent's life before did not end in order.
        """
        silent = self._look()
        if silent is not None and machine.is_committed(self._state):
            rules = self.around.rules
            pause = rules.growing(rules.look_again, self._silent - 1)
            again = functools.partial(self.start, crashed=crashed)
            self.around.timer.after(f"engine {self.follow.key}", pause, lambda: self.around.post(again))
            return
        guard = _about(self._state, self._operations.guard_fired())
        given_up = self._image.current in self.around.journal.quarantined(self.follow)
        boot = self.around.profile.boot_id
        self.handle(Restarted(self._image, boot, guard, crashed, quarantined=given_up))
        if self._left_over(crashed=crashed):
            self._work.do(Discard())
        self._watch_expiry()

    def _left_over(self, *, crashed: bool) -> bool:
        """Whether the last update ended, and its image still waits for a boot or was half discarded."""
        if not isinstance(self._state, Settled):
            return False
        if (staged := self._image.staged) is not None:
            failure = self._state.failure
            strange = failure is not None and failure.details.get("staged") == staged
            return strange or self.around.journal.target(self.follow, staged) is not None
        return crashed and self._state.outcome not in (Outcome.SUCCEEDED, Outcome.ROLLED_BACK)

    def _look(self) -> Failure | None:
        """Ask the engine for its truth; why it cannot be had."""
        image = self._operations.look()
        if isinstance(image, Failure):
            self._silent += 1
            logger.error("[{}] {}: the image engine: {}", image.code, self.follow.key, image.reason)
            return image
        self._image, self._silent = image, 0
        return None

    def view(self) -> FollowView:
        """All that is known of this follow now."""
        standing = Standing(self._state, self._memory, self._image, self._refusals.total)
        return view_of(self.follow, self._engine_name, standing, self.around.journal, self._now())

    def handle(
        self,
        event: Event,
        *,
        memory: Memory | None = None,
        floor: datetime | None = None,
        message: tuple[str, bytes] | None = None,
        answered: Answered | None = None,
    ) -> None:
        """Take one step: ask the machine, write down its answer, then do what it says.

        `answered` is the request that is behind it: both are written, or neither.

        Raises:
            JournalError: the disk did not take the step; nothing was done and the state is as before.
        """
        now = self._now()
        transition = machine.step(self._state, event, now, self.around.rules)
        durable = _durable(transition.state)
        installed = self._installed_after(durable)
        told = () if answered is None else (answered.event,)
        change = Change(
            self.follow,
            state=None if durable == _durable(self._state) else durable,
            # A broker can send one genuine statement in envelopes without end: only news is worth a write.
            memory=None if memory == self._memory else memory,
            installed_sequence=None if installed == self._installed else installed,
            message=None if memory == self._memory and self._is_kept(message) else message,
            clock_floor=self._higher(floor),
            events=told + self._events(transition.commands, now),
            quarantine=tuple((c.digest, c.failure) for c in transition.commands if isinstance(c, Quarantine)),
            decided=None if answered is None else answered.decided,
        )
        if change != Change(self.follow):
            self.around.journal.commit(change)
        self._state, self._installed = transition.state, installed
        if memory is not None:
            self._memory = memory
            self._watch_expiry()
        for command in transition.commands:
            self._run(command)

    def write_anew(self) -> None:
        """Write down all of it once more: the journal that held it was damaged. Raises JournalError."""
        state = _durable(self._state)
        change = Change(self.follow, state=state, memory=self._memory, installed_sequence=self._installed)
        self.around.journal.commit(change)

    # Messages

    def _decide(self, announcement: str, content: bytes, verdict: Verdict | TidegateError) -> None:
        if self._silent and (silent := self._look()) is not None:
            # What cannot be compared with what runs is not acted upon: the engine may recover.
            self.reception.leave_open(announcement)
            self.handle(Refused(announcement, silent))
            return
        journal = self.around.journal
        decision = self._intake.decide(
            announcement,
            verdict,
            self._state,
            self._memory,
            self._image,
            now=self._now(),
            installed=self._installed,
            quarantined=journal.quarantined(self.follow),
            attempts=lambda digest: journal.attempts(self.follow, digest),
        )
        if isinstance(decision.event, Admitted):
            self._set_aside = machine.is_committed(self._state)
        if isinstance(decision.event, Admitted | Known):
            self.reception.stands()
        if isinstance(decision.event, Refused) and decision.event.failure.code in MAY_PASS:
            self.reception.leave_open(announcement)
        message = None
        if isinstance(decision.event, Admitted):
            message = decision.event.target.digest, content
        self.handle(decision.event, memory=decision.memory, floor=decision.floor, message=message)

    def _is_kept(self, message: tuple[str, bytes] | None) -> bool:
        return message is not None and self.around.journal.message(self.follow, message[0]) is not None

    def _recheck(self) -> None:
        """Look again at what was announced while nothing could supersede."""
        if self._set_aside:
            self._set_aside = False
            self.reception.recheck()

    # What orders need

    @property
    def state(self) -> State:
        """Where the machine stands."""
        return self._state

    @property
    def memory(self) -> Memory:
        """What is remembered of the channel."""
        return self._memory

    @property
    def image(self) -> ImageStatus:
        """The engine's truth, as it was last heard."""
        return self._image

    def wake(self) -> None:
        """Look again: something changed that this update may wait for."""
        self.handle(Woken())

    def clock_set(self) -> None:
        """Look again at what goes by the clock: it was set. A try that failed keeps its pause."""
        self._watch_expiry()
        match self._state:
            case Waiting(wait=Wait(reason=reason)) | Staged(wait=Wait(reason=reason)):
                if reason is not WaitFor.RETRY:
                    self.wake()

    def hindrance(self, target: Target) -> Wait | None:
        """What stands in the way of this target's activation now."""
        return self._assessor.hindrance(target)

    @property
    def needs_slot(self) -> bool:
        """Whether this host has to hold on to the fleet's lock for it."""
        return self._assessor.needs_slot

    def interrupt(self) -> None:
        """The agent ends: what takes long is to end soon, and goes on at the next start."""
        self._work.interrupt()

    def waits_for_turn(self) -> bool | None:
        """Whether it waits for another follow's update: None when not, else whether it wants to activate."""
        match self._state:
            case Waiting(wait=Wait(reason=WaitFor.TURN)):
                return False
            case Staged(wait=Wait(reason=WaitFor.TURN)):
                return True
        return None

    # Facts

    def _events(self, commands: tuple[Command, ...], now: datetime) -> tuple[UpdateEvent, ...]:
        profile, events = self.around.profile, []
        for command in commands:
            if isinstance(command, Report):
                resets = self._memory.resets
                events.append(reporting.report_event(command, self.follow, profile, now, resets))
            elif isinstance(command, ReportRefusal) and self._refusals.count(now):
                events.append(reporting.refusal_event(command, self.follow, profile, now))
        return tuple(events)

    def _installed_after(self, state: State) -> int:
        if isinstance(state, Settled) and state.outcome is Outcome.SUCCEEDED:
            target = state.update.target
            # What stops a release may be one signer's word: it brings no image, and proves no step taken.
            return target.sequence if target.rollout.state is RolloutState.ACTIVE else self._installed
        if isinstance(state, Settled) and state.outcome is Outcome.ROLLED_BACK:
            return state.update.previous_sequence
        return self._installed

    def _now(self) -> datetime:
        """The later of the system clock and the clock floor (trust.md, Clock)."""
        return self.around.latest_known()

    def _higher(self, floor: datetime | None) -> datetime | None:
        known = self.around.journal.clock_floor()
        return floor if floor is not None and (known is None or known < floor) else None

    def _watch_expiry(self) -> None:
        if self._memory.expires is not None:
            name, at = f"stale {self.follow.key}", self._memory.expires
            self.around.timer.wake(name, at, lambda: self.around.post(self._turn_stale))

    def _turn_stale(self) -> None:
        if self._memory.expires is not None and self._memory.expires <= self._now():
            event = reporting.stale_event(self._memory, self.follow, self.around.profile, self._now())
            self.around.journal.commit(Change(self.follow, events=(event,)))

    # Commands

    def _run(self, command: Command) -> None:
        match command:
            case Verify():
                self.reception.verify(command.announcement)
            case Assess():
                # A call of its own on the queue: if the disk does not take it, it alone is tried again.
                self.around.post(lambda: self._assessor.consider(command))
            case WakeAt() | WakeAfter():
                self._set_alarm(command)
            case Recheck():
                self._recheck()
            case ReportNonsense():
                logger.warning(
                    "{}: {} makes no sense while {}", self.follow.key, command.event, command.state
                )
            case ReportRefusal() if self._refusals.quiet:
                if self._refusals.fell_quiet:
                    logger.warning("{}: more refused messages are only counted", self.follow.key)
            case Report() | ReportRefusal() | Quarantine():
                logger.log(*reporting.log_line(command, self.follow.key))
            case (
                Stage() | CancelStage() | Discard() | Disarm() | Activate() | Reboot() | Prove() | Rollback()
            ):
                self._work.do(command)
            case _:
                assert_never(command)

    def _set_alarm(self, command: WakeAt | WakeAfter) -> None:
        # Health rounds keep their own pace, and users were told a time; all else is spread over the fleet.
        match self._state:
            case Proving() | Staged(wait=Wait(reason=WaitFor.SESSIONS)):
                splay = timedelta(0)
            case _:
                splay = self.around.splay()
        timer, name = self.around.timer, self.follow.key
        if isinstance(command, WakeAfter):
            timer.after(name, command.pause + splay, lambda: self.around.post(self.wake))
            return
        # Nothing is slept through for longer than a year: looking again is cheap, and dates have an end.
        at = min(command.at, self._now() + LONGEST_SLEEP)
        timer.wake(name, at + splay, lambda: self.around.post(self.wake))

    def _discard_later(self) -> None:
        """Try again to discard what is staged: a later boot would bring it up, and nobody would watch it."""
        rules = self.around.rules
        pause = rules.growing(rules.look_again, self._undiscarded)
        self._undiscarded += 1
        name = f"discard {self.follow.key}"
        self.around.timer.after(name, pause, lambda: self.around.post(self._discard_again))

    def _discard_again(self) -> None:
        # Otherwise another staging has taken its place, or that is about to be dropped itself.
        if self._image.staged is None or not isinstance(self._state, Idle | Settled | Verifying | Waiting):
            self._undiscarded = 0
            return
        self._work.do(Discard())

    def _finish(self, image: ImageStatus | None, event: Event | None) -> None:
        if image is not None:
            self._image, self._silent = image, 0
        if event is not None:
            self.handle(event)


def _about(state: State, guard: Failure | None) -> Failure | None:
    """The boot guard's word, where it is about this update: an older one says nothing about its image."""
    update = machine.update_of(state)
    if guard is None or update is None:
        return guard
    return guard if guard.details.get("digest", update.target.digest) == update.target.digest else None


def _durable(state: State) -> State:
    # A message in verification is not worth a write: it is retained, and anyone can send a false one.
    return state.before if isinstance(state, Verifying) else state
