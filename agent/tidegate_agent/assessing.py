"""Finding out what stands in the way of one follow's next step. Runs on the engine's thread.

What the journal, the calendar and the other follows say is looked at right away. What only a program or a
server can tell (inhibitors, sessions, the fleet's lock) is asked for on a worker, and only once all else
agrees; then everything is looked at again, for that takes its time: a window may have closed, a hold may have
come. The lock is asked for last, and what the programs say is asked for once more behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tidegate_agent.downloads import Downloads
from tidegate_agent.fleet_slot import FleetSlot
from tidegate_agent.grace import Grace
from tidegate_agent.manners import Situation, assess, costs
from tidegate_agent.model import Follow
from tidegate_agent.operations import failure_of
from tidegate_agent.records import Change
from tidegate_agent.snoozing import mend
from tidegate_agent.update.commands import Assess
from tidegate_agent.update.states import (
    Activating,
    Proving,
    Rebooting,
    RollingBack,
    Staged,
    Staging,
    State,
    Wait,
    WaitFor,
    Waiting,
)
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.surroundings import Surroundings
    from tidegate_agent.update.states import Target

ASKED_FOR: Final = frozenset({WaitFor.INHIBITOR, WaitFor.SESSIONS, WaitFor.LOCK})
"""What only asking can tell."""


@dataclass(frozen=True, slots=True)
class Seat:
    """What an assessor needs to know of its follower.

    Args:
        follow: which one.
        reboots: whether its activations reboot the host.
        at_hand: whether the image with this digest was carried to the host. Slow.
        whole: whether its images come in one go, because its engine's tool keeps no parts of them.
        slot: the fleet's lock, where an activation needs it.
        state: where its machine stands.
        accepted: the newest sequence that was accepted.
        others_busy: whether another follow's update is in the way, of staging or (True) of activating.
        heard_out: whether all that came is judged; if not, the callback is queued once it may be.
        assessed: told the outcome.
    """

    follow: Follow
    reboots: bool
    at_hand: Callable[[str], bool]
    whole: bool
    slot: FleetSlot | None
    state: Callable[[], State]
    accepted: Callable[[], int]
    others_busy: Callable[[Follow, bool], bool]
    heard_out: Callable[[Callable[[], None]], bool]
    assessed: Callable[[Wait | None], None]


@dataclass(frozen=True, slots=True)
class Findings:
    """What the worker found; see `Situation`."""

    inhibitors: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    refusal: str | None = None
    at_hand: bool = False
    metered: str | None = None


class Assessor:
    """Answers `Assess`, for one follower."""

    def __init__(self, seat: Seat, around: Surroundings) -> None:
        self._seat = seat
        self._around = around
        self._question: object | None = None
        self._engaged = False
        self._carried: str | None = None
        self._grace = Grace(seat.state(), around)

    @property
    def needs_slot(self) -> bool:
        """Whether the fleet's lock must not be given back now."""
        match self._seat.state():
            case Activating() | Rebooting() | Proving() | RollingBack():
                return True
            case Staged(wait=Wait(reason=WaitFor.LOCK)):
                return True
        return self._engaged

    def consider(self, command: Assess) -> None:
        """Find out what stands in the way, and say so once it is known."""
        # What has changed since, a hold that came meanwhile, say, has an assessment of its own on the queue.
        if not self._is_current(command):
            self._engaged = self._question is not None
            return
        self._mend_snooze()
        wait = self._assess(command, Findings(at_hand=self._carried == command.target.digest))
        if not self._is_worth_asking(command, wait):
            self._conclude(wait)
        elif self._question is None:
            self._ask(command, with_lock=False)

    def _is_worth_asking(self, command: Assess, wait: Wait | None) -> bool:
        """Whether a worker may find another hindrance, or that there is none after all."""
        if command.to_activate:
            return wait is None
        if wait is not None and isinstance(self._seat.state(), Staging):
            # A download that is to stop stops at once.
            return False
        bounded = self._around.downloads != Downloads()
        return bounded and (wait is None or wait.reason is WaitFor.BUDGET)

    def hindrance(self, target: Target) -> Wait | None:
        """What stands in the way of this target's activation, as far as is known without asking anybody."""
        wait, state = self._assess(Assess(target, to_activate=True), Findings()), self._seat.state()
        if wait is None and isinstance(state, Staged) and state.wait and state.wait.reason in ASKED_FOR:
            return state.wait
        return wait

    def _is_current(self, command: Assess) -> bool:
        state = self._seat.state()
        wanted = Staged if command.to_activate else Waiting | Staging
        return isinstance(state, wanted) and state.update.target == command.target

    def _ask(self, command: Assess, *, with_lock: bool) -> None:
        question = self._question = object()
        self._engaged = command.to_activate
        slot = self._seat.slot if with_lock else None
        if slot is not None:
            slot.expect()

        def work() -> None:
            refusal = None if slot is None else slot.acquire()
            found = Findings(refusal=refusal) if refusal is not None else self._look(command)
            self._around.post(lambda: self._found(command, question, found, with_lock=with_lock))

        self._around.asking(work)

    def _look(self, command: Assess) -> Findings:
        """Ask the host. On the worker; whatever breaks counts as a hindrance."""
        host, network = self._around.host, self._around.downloads.network
        try:
            if not command.to_activate:
                if self._seat.at_hand(command.target.digest):
                    return Findings(at_hand=True)
                return Findings(metered=None if network is None else network.metered())
            inhibitors = host.inhibitors()
            asks = self._seat.reboots and self._around.manners.session_grace is not None and not inhibitors
            return Findings(inhibitors, host.sessions() if asks else ())
        except Exception as error:  # noqa: BLE001 - whoever asked must not be left without an answer
            reason = failure_of(error, Code.INTERNAL_ERROR).reason
            return Findings((f"what holds this host back cannot be told: {reason}",))

    def _found(self, command: Assess, question: object, found: Findings, *, with_lock: bool) -> None:
        if question is not self._question:
            # The disk did not take what came of it; what was found then is old by now.
            self.consider(command)
            return
        self._question = None
        if not command.to_activate:
            self._carried = command.target.digest if found.at_hand else None
        if not self._is_current(command):
            self._engaged = False
            self._begin_anew()
            return
        wait = self._assess(command, found)
        if wait is not None or not command.to_activate:
            self._conclude(wait)
        elif self._seat.slot is not None and not with_lock:
            self._ask(command, with_lock=True)
        elif self._seat.heard_out(lambda: self.consider(command)):
            # What came meanwhile may be a hold or a withdrawal.
            self._conclude(None)

    def _begin_anew(self) -> None:
        """An assessment of another target was asked for while this one was under way."""
        state = self._seat.state()
        if isinstance(state, Waiting | Staging | Staged):
            self.consider(Assess(state.update.target, to_activate=isinstance(state, Staged)))

    def _conclude(self, wait: Wait | None) -> None:
        self._seat.assessed(wait)
        self._engaged = False

    def _mend_snooze(self) -> None:
        """What was put off by a clock that ran ahead is not put off until that time comes round again."""
        journal, follow, time = self._around.journal, self._seat.follow, self._around.time
        snooze = journal.snooze(follow)
        if snooze is not None and time.doubt() is None:
            mended = mend(snooze, time.latest_known())
            if mended != snooze:
                journal.commit(Change(follow, snooze=mended))

    def _assess(self, command: Assess, found: Findings) -> Wait | None:
        """Everything that is known now, and what was found."""
        situation = replace(
            self._situation(command),
            inhibitors=found.inhibitors,
            sessions=found.sessions,
            refusal=found.refusal,
            at_hand=found.at_hand,
            metered=found.metered,
        )
        facts, ours = self._around.profile.facts, self._around.manners
        if isinstance(self._seat.state(), Staging):
            return costs(command.target, ours, situation)
        wait = assess(command.target, facts, ours, situation, to_activate=command.to_activate)
        if command.to_activate:
            self._grace.keep(command.target, wait)
        return wait

    def _situation(self, command: Assess) -> Situation:
        journal, follow, digest = self._around.journal, self._seat.follow, command.target.digest
        now, account = self._around.latest_known(), self._around.downloads.account
        approval, hold, snooze = journal.approval(follow), journal.hold(follow), journal.snooze(follow)
        given = approval is not None and approval.digest == digest
        approved = given and approval is not None and (approval.expires is None or now < approval.expires)
        return Situation(
            now=now,
            accepted=self._seat.accepted(),
            shows=self._around.clock.now(),
            doubt=self._around.time.doubt(),
            hold=hold.text if hold is not None and hold.held else None,
            approved=approved,
            approved_now=approved and approval is not None and approval.at_once,
            lapsed=approval.expires if given and not approved and approval is not None else None,
            snoozed_until=snooze.until if snooze is not None and snooze.digest == digest else None,
            others_busy=self._seat.others_busy(follow, command.to_activate),
            grace_ends=self._grace.ends(digest),
            spending=None if account is None else account.spending(digest, whole=self._seat.whole),
        )
