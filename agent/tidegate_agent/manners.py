"""What stands in the way of an update's next step: holds, waves, approval, windows, inhibitors. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_agent.update.states import Target, Wait, WaitFor
from tidegate_agent.windows import Schedule
from tidegate_schemas.base import rfc3339
from tidegate_schemas.rollout import RolloutState, Urgency, Wave, wave_of

if TYPE_CHECKING:
    from tidegate_agent.admission import HostFacts

OPENINGS_LOOKED_AT: Final = 32
"""How many windows ahead are searched for one that is long enough."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How this host wants to be treated; from its configuration."""

    schedule: Schedule
    expected_duration: timedelta = timedelta(minutes=5)
    approval_required: bool = False
    stage_in_window: bool = False
    window_override: frozenset[Urgency] = frozenset({Urgency.EMERGENCY})


@dataclass(frozen=True, slots=True)
class Situation:
    """What is the case at this moment. `hold` says who holds this host back, and why."""

    now: datetime
    hold: str | None = None
    approved: bool = False
    approved_now: bool = False
    others_busy: bool = False
    inhibitors: tuple[str, ...] = ()


def assess(
    target: Target, facts: HostFacts, manners: Manners, situation: Situation, *, to_activate: bool
) -> Wait | None:
    """The first thing that stands in the way of staging, or of activating; None when nothing does.

    The order is that of who decides: the publisher, by a statement that is still in force, whoever holds this
    host back, the fleet's waves, this host's other updates, its people, its windows, its running work.
    """
    wait = _expired(target, situation) or _held(target, situation) or _wave(target, facts, situation)
    if wait is None and situation.others_busy:
        wait = Wait(WaitFor.TURN, "another update of this host is in progress")
    if wait is not None or not to_activate:
        return wait or (_window(target, manners, situation) if manners.stage_in_window else None)
    return _approval(manners, situation) or _window(target, manners, situation) or _inhibited(situation)


def _expired(target: Target, situation: Situation) -> Wait | None:
    # A hold or a withdrawal may have been withheld: nothing new begins on a word that is out of date.
    if target.expires <= situation.now:
        text = f"the statement expired at {rfc3339(target.expires)}; a newer one has to come"
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
    if wave.open or (wave.opens_at is not None and wave.opens_at <= situation.now):
        return None
    return Wait(WaitFor.WAVE, _wave_text(wave), wave.opens_at)


def _wave_text(wave: Wave) -> str:
    when = "when the publisher promotes it" if wave.opens_at is None else f"at {rfc3339(wave.opens_at)}"
    return f"this host's wave, {wave.name}, opens {when}"


def _approval(manners: Manners, situation: Situation) -> Wait | None:
    if manners.approval_required and not situation.approved:
        return Wait(WaitFor.APPROVAL, "a person has to approve it: tidegate-agent approve")
    return None


def _window(target: Target, manners: Manners, situation: Situation) -> Wait | None:
    schedule, now = manners.schedule, situation.now
    if situation.approved_now or _overrides(target, manners, now):
        return None
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
    # A deadline that has passed lifts an update to the next urgency; the host's policy has the last word.
    urgency = target.urgency
    if target.deadline is not None and target.deadline <= now:
        urgency = Urgency.URGENT if urgency is Urgency.ROUTINE else Urgency.EMERGENCY
    return urgency in manners.window_override


def _inhibited(situation: Situation) -> Wait | None:
    if not situation.inhibitors:
        return None
    return Wait(WaitFor.INHIBITOR, "; ".join(situation.inhibitors))
