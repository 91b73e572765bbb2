"""What stands in the way of an update's next step: who may hold it back, in which order, until when. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from tidegate_agent.budget import Spending, out_of_budget
from tidegate_agent.update.states import Target, Wait, WaitFor
from tidegate_agent.windows import Schedule
from tidegate_schemas.base import rfc3339
from tidegate_schemas.rollout import RolloutState, Urgency, Wave, wave_of

if TYPE_CHECKING:
    from tidegate_agent.admission import HostFacts

MARGIN: Final = timedelta(minutes=1)
"""How much earlier than it has to a grace ends: the last questions before an activation take their time."""

OPENINGS_LOOKED_AT: Final = 32
"""How many windows ahead are searched for one that is long enough."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How this host wants to be treated; from its configuration.

    `session_grace` is how long those who are logged in may hold back a reboot, None for not at all; `zone` is
    that of the clock on their wall. An approval lapses after `approval_expires`, and an update can be put off
    for `snooze_limit` in all. What downloads cost does not matter to an urgency in `download_override`.
    Windows wait for `clock_wait` for a clock that nothing keeps right.
    """

    schedule: Schedule
    expected_duration: timedelta = timedelta(minutes=5)
    approval_required: bool = False
    stage_in_window: bool = False
    window_override: frozenset[Urgency] = frozenset({Urgency.EMERGENCY})
    session_grace: timedelta | None = None
    approval_expires: timedelta = timedelta(days=7)
    snooze_limit: timedelta = timedelta(days=1)
    zone: tzinfo = UTC
    download_override: frozenset[Urgency] = frozenset({Urgency.EMERGENCY})
    clock_wait: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the hour is not known, and for how long that is waited for at most."""

    text: str
    left: timedelta


@dataclass(frozen=True, slots=True)
class Situation:
    """What is the case at this moment.

    `accepted` is the newest sequence that the host accepted; `hold` says who holds this host back, and why;
    `lapsed` when an approval ended; `grace_ends` when the grace of those who are logged in does; `refusal`
    why the fleet's lock is not granted; `at_hand` whether the image was carried to this host; `metered` why
    the network counts as metered; `spending` where the budget for downloads stands, if there is one; `shows`
    what the host's clock shows, and `doubt` why that is not believed.
    """

    now: datetime
    accepted: int = 0
    hold: str | None = None
    approved: bool = False
    approved_now: bool = False
    lapsed: datetime | None = None
    snoozed_until: datetime | None = None
    others_busy: bool = False
    inhibitors: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    grace_ends: datetime | None = None
    refusal: str | None = None
    at_hand: bool = False
    metered: str | None = None
    spending: Spending | None = None
    shows: datetime | None = None
    doubt: Doubt | None = None

    @property
    def hour(self) -> datetime:
        """What windows are reckoned by: `now` may be a floor, which says that it is later, not how late."""
        return self.shows or self.now


def assess(
    target: Target, facts: HostFacts, manners: Manners, situation: Situation, *, to_activate: bool
) -> Wait | None:
    """The first thing that stands in the way of staging, or of activating; None when nothing does.

    The order is that of who decides: the publisher, by a statement that is still in force, whoever holds this
    host back, the fleet's waves, this host's other updates, its people, its windows, its running work, those
    who are logged in, and the fleet's lock. Staging waits for the first few alone, and for what it costs.
    """
    wait = (
        _expired(target, situation)
        or _outdone(target, situation)
        or _held(target, situation)
        or _wave(target, facts, situation)
    )
    if wait is None and situation.others_busy:
        wait = Wait(WaitFor.TURN, "another update of this host is in progress")
    if wait is not None:
        return wait
    if not to_activate:
        closed = _window(target, manners, situation) if manners.stage_in_window else None
        return closed or costs(target, manners, situation)
    return (
        _approval(manners, situation)
        or _snoozed(target, situation)
        or _window(target, manners, situation)
        or _inhibited(situation)
        or _occupied(target, manners, situation)
        or _refused(situation)
    )


def costs(target: Target, manners: Manners, situation: Situation) -> Wait | None:
    """Why the target may not be fetched now because of what that costs, also where that is under way."""
    if situation.at_hand or situation.approved_now:
        return None
    if _urgency(target, situation.now) in manners.download_override:
        return None
    if situation.metered is not None:
        return Wait(WaitFor.METERED, situation.metered)
    return None if situation.spending is None else out_of_budget(situation.spending)


def _expired(target: Target, situation: Situation) -> Wait | None:
    # A hold or a withdrawal may have been withheld: nothing new begins on a word that is out of date.
    if target.expires <= situation.now:
        text = f"the statement expired at {rfc3339(target.expires)}; a newer one has to come"
        return Wait(WaitFor.STATEMENT, text)
    return None


def _outdone(target: Target, situation: Situation) -> Wait | None:
    # Accepted while nothing could supersede: it may be a hold or a withdrawal, and is heard first.
    if target.sequence < situation.accepted:
        text = f"statement {situation.accepted} was accepted since this update began; it has to come again"
        return Wait(WaitFor.STATEMENT, text)
    return None


def _held(target: Target, situation: Situation) -> Wait | None:
    if target.rollout.state is RolloutState.HELD:
        return Wait(WaitFor.HOLD, "the publisher holds this release")
    return None if situation.hold is None else Wait(WaitFor.HOLD, situation.hold)


def _wave(target: Target, facts: HostFacts, situation: Situation) -> Wait | None:
    if not target.rollout.waves:
        return None
    wave = wave_of(target.rollout, facts.host, facts.labels)
    if wave is None:
        return Wait(WaitFor.WAVE, "no wave of this release takes this host in yet")
    if wave.is_open(situation.now):
        return None
    return Wait(WaitFor.WAVE, _wave_text(wave), wave.opens_at)


def _wave_text(wave: Wave) -> str:
    when = "when the publisher promotes it" if wave.opens_at is None else f"at {rfc3339(wave.opens_at)}"
    return f"this host's wave, {wave.name}, opens {when}"


def _approval(manners: Manners, situation: Situation) -> Wait | None:
    if manners.approval_required and not situation.approved:
        lapsed = situation.lapsed
        again = "" if lapsed is None else f" again: the last approval lapsed at {rfc3339(lapsed)}"
        return Wait(WaitFor.APPROVAL, f"a person has to approve it{again}: tidegate-agent approve")
    return None


def _snoozed(target: Target, situation: Situation) -> Wait | None:
    until, now = situation.snoozed_until, situation.now
    pressing = target.urgency is Urgency.EMERGENCY or (target.deadline is not None and target.deadline <= now)
    if until is None or until <= now or pressing:
        return None
    return Wait(WaitFor.SNOOZE, "a person on this host put it off; tidegate-agent approve ends that", until)


def _window(target: Target, manners: Manners, situation: Situation) -> Wait | None:
    schedule, now = manners.schedule, situation.hour
    if situation.approved_now or schedule == Schedule() or _overrides(target, manners, situation.now):
        return None
    if (doubt := situation.doubt) is not None:
        return Wait(WaitFor.CLOCK, doubt.text, situation.now + doubt.left)
    if schedule.fits(now, manners.expected_duration):
        return None
    opens = _next_fit(schedule, now, manners.expected_duration)
    if opens is None:
        return Wait(
            WaitFor.WINDOW, f"no maintenance window of {manners.expected_duration} or more is in sight"
        )
    return Wait(WaitFor.WINDOW, f"the next maintenance window opens at {rfc3339(opens)}", opens)


def _next_fit(schedule: Schedule, now: datetime, expected: timedelta) -> datetime | None:
    for each in schedule.upcoming(now, OPENINGS_LOOKED_AT):
        long_enough = each.closes is None or each.closes - each.opens >= expected
        if each.opens > now and long_enough:
            return each.opens
    return None


def _overrides(target: Target, manners: Manners, now: datetime) -> bool:
    return _urgency(target, now) in manners.window_override


def _urgency(target: Target, now: datetime) -> Urgency:
    # A deadline that has passed lifts an update to the next urgency; the host's policy has the last word.
    if target.deadline is None or target.deadline > now:
        return target.urgency
    return Urgency.URGENT if target.urgency is Urgency.ROUTINE else Urgency.EMERGENCY


def _inhibited(situation: Situation) -> Wait | None:
    if not situation.inhibitors:
        return None
    return Wait(WaitFor.INHIBITOR, "; ".join(situation.inhibitors))


def _occupied(target: Target, manners: Manners, situation: Situation) -> Wait | None:
    if not situation.sessions or manners.session_grace is None:
        return None
    ends = situation.grace_ends or _grace_end(target, manners, situation, manners.session_grace)
    if ends <= situation.now:
        return None
    return Wait(WaitFor.SESSIONS, f"logged in: {', '.join(situation.sessions)}", ends)


def _grace_end(target: Target, manners: Manners, situation: Situation, grace: timedelta) -> datetime:
    """The end of a grace that begins now. It leaves room for the activation: else short windows never do."""
    now = situation.now
    if situation.approved_now or _overrides(target, manners, now):
        return now + grace
    closes = manners.schedule.closes_at(situation.hour)
    if closes is None:
        return now + grace
    return now + min(grace, closes - situation.hour - manners.expected_duration - MARGIN)


def _refused(situation: Situation) -> Wait | None:
    return None if situation.refusal is None else Wait(WaitFor.LOCK, situation.refusal)
