"""What the rollout is after a decision. PURE.

Of a closed wave the signed statement names no time: hosts would begin at that time, whatever the gate says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.decisions import Ask, Claim, Hold, Lose, Open, Outcome, Revoke, Soak, Widen
from tidegate_schemas.rollout import RolloutState, Runner

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.rollout.decisions import Action
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_schemas.rollout import Rollout

_REASON: Final = 256


def closed(plan: Plan, rollout: Rollout, now: datetime, first: int | None = None) -> Rollout:
    """The rollout of a release that nobody has announced yet: claimed, and with no wave open.

    Args:
        plan: the run's.
        rollout: the release's.
        now: the present moment.
        first: the sequence that the release is announced with.
    """
    waves = tuple(one.model_copy(update={"open": False, "opens_at": None}) for one in rollout.waves)
    runner = Runner(
        id=plan.run,
        process=plan.process,
        until=now + plan.lease,
        began_at=now,
        wave=plan.waves[0].name,
        first=first,
    )
    return rollout.model_copy(update={"waves": waves, "runner": runner})


def afterwards(action: Action, plan: Plan, rollout: Rollout, now: datetime) -> Rollout:  # noqa: PLR0911 -- one for each action
    """What has to be signed."""
    match action:
        case Ask(wave):
            return _led(plan, rollout, now, {"asks": wave, "asked_at": now})
        case Claim():
            return _claimed(plan, rollout, now)
        case Open(wave, fraction):
            runner: dict[str, object] = {
                "wave": wave,
                "opened_at": now,
                "widened_at": None,
                "met_at": None,
                "waits_since": None,
            }
            runner |= {"asks": None, "asked_at": None}
            return _opened(plan, rollout, wave, fraction, now, runner)
        case Widen(wave, fraction):
            return _opened(plan, rollout, wave, fraction, now, {"widened_at": now})
        case Soak():
            return _led(plan, rollout, now, {"met_at": now})
        case Lose():
            # Who approved the next wave had seen this one succeed: that is asked anew.
            approved = _approved_and_open(rollout, now)
            lost: dict[str, object] = {"met_at": None, "waits_since": now, "approved": approved}
            return _led(plan, rollout, now, {**lost, "asks": None, "asked_at": None})
        case Hold():
            return _stopped(rollout, RolloutState.HELD, action)
        case Revoke():
            return _stopped(rollout, RolloutState.REVOKED, action)
        case _:
            assert_never(action)


def _approved_and_open(rollout: Rollout, now: datetime) -> tuple[str, ...]:
    approved = () if rollout.runner is None else rollout.runner.approved
    return tuple(wave.name for wave in rollout.waves if wave.name in approved and wave.is_open(now))


def _stopped(rollout: Rollout, state: RolloutState, stop: Hold | Revoke) -> Rollout:
    """The reason may be another wave's than the one that is waited for."""
    named = f"wave {stop.wave}"
    because = stop.reason if stop.reason.startswith(named) else f"{named}: {stop.reason}"
    return given_back(rollout.model_copy(update={"state": state}), stop.outcome, because[:_REASON])


def given_back(rollout: Rollout, outcome: Outcome, because: str | None = None) -> Rollout:
    """The rollout without a claim; how far it is stays on record for the next run, which asks anew."""
    if rollout.runner is None:
        return rollout
    changes: dict[str, object] = {"until": None, "asks": None, "asked_at": None}
    changes |= {"ended": outcome.value, "because": because}
    runner = rollout.runner.model_copy(update=changes)
    return rollout.model_copy(update={"runner": runner})


def _claimed(plan: Plan, rollout: Rollout, now: datetime) -> Rollout:
    before = rollout.runner
    first = plan.waves[0].name
    opened = rollout.waves[0]
    # A run that has timed out and is repeated has all its time again.
    anew = before is None or before.id != plan.run or before.ended == Outcome.TIMED_OUT.value
    begun = now if before is None or anew else before.began_at
    runner = Runner(id=plan.run, process=plan.process, until=now + plan.lease, began_at=begun, wave=first)
    if before is not None and before.wave in {wave.name for wave in plan.waves}:
        kept = ("wave", "opened_at", "widened_at", "met_at", "whole", "first", "asks", "asked_at", "approved")
        changes = {name: getattr(before, name) for name in kept}
        runner = runner.model_copy(update={**changes, "waits_since": _waits_since(before, plan, now)})
    elif is_open(opened, now):
        runner = runner.model_copy(update={"opened_at": now})
    waves = tuple(
        one.model_copy(update={"open": is_open(one, now), "opens_at": None}) for one in rollout.waves
    )
    return rollout.model_copy(update={"runner": runner, "waves": waves})


def _waits_since(before: Runner, plan: Plan, now: datetime) -> datetime | None:
    """When the gate's time began: that in which nobody led the release does not count."""
    since = before.waits_since or before.opened_at
    if since is None or before.process == plan.process:
        return before.waits_since
    left = before.until
    if left is None:
        return now
    return since + (now - left) if left < now else before.waits_since


def _opened(
    plan: Plan, rollout: Rollout, name: str, fraction: float, now: datetime, runner: dict[str, object]
) -> Rollout:
    place = plan.place(name)
    stands, wave = rollout.waves[place], plan.waves[place]
    reached = max(fraction, stands.fraction if stands.open else 0.0)
    waves = list(rollout.waves)
    waves[place] = stands.model_copy(update={"open": True, "fraction": reached})
    whole = None
    if reached < wave.fraction:
        # Hosts that this wave does not take in yet are in none that is open, or they would all begin at once.
        whole = wave.fraction
        for later in behind(plan, rollout, place):
            waves[later] = waves[later].model_copy(update={"open": False, "opens_at": None})
    runner = {**runner, "whole": whole}
    return _led(plan, rollout.model_copy(update={"waves": tuple(waves)}), now, runner)


def behind(plan: Plan, rollout: Rollout, place: int) -> tuple[int, ...]:
    """The later waves that take in hosts of this one while it is not open as a whole."""
    mine = plan.waves[place].labels
    return tuple(
        later
        for later, wave in enumerate(rollout.waves)
        if later > place and all(mine.get(key, value) == value for key, value in wave.labels.items())
    )


def _led(plan: Plan, rollout: Rollout, now: datetime, changes: dict[str, object]) -> Rollout:
    assert rollout.runner is not None  # noqa: S101 -- only a run that leads acts; this is for the type checker
    runner = rollout.runner.model_copy(update={**changes, "until": now + plan.lease})
    return rollout.model_copy(update={"runner": runner})
