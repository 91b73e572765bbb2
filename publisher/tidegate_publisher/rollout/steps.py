"""What the rollout is after a decision. PURE.

Of a closed wave the signed statement names no time: hosts would begin at that time, whatever the gate says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.decisions import Claim, Hold, Open, Outcome, Revoke, Soak, Widen
from tidegate_schemas.rollout import RolloutState, Runner

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.rollout.decisions import Action
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_schemas.rollout import Rollout


def closed(plan: Plan, rollout: Rollout, now: datetime) -> Rollout:
    """The rollout of a release that nobody has announced yet: claimed, and with no wave open."""
    waves = tuple(one.model_copy(update={"open": False, "opens_at": None}) for one in rollout.waves)
    runner = Runner(
        id=plan.run, process=plan.process, until=now + plan.lease, began_at=now, wave=plan.waves[0].name
    )
    return rollout.model_copy(update={"waves": waves, "runner": runner})


def afterwards(action: Action, plan: Plan, rollout: Rollout, now: datetime) -> Rollout:
    """What has to be signed."""
    match action:
        case Claim():
            return _claimed(plan, rollout, now)
        case Open(wave, fraction):
            runner = {"wave": wave, "opened_at": now, "widened_at": None, "met_at": None}
            return _opened(plan, rollout, wave, fraction, now, runner)
        case Widen(wave, fraction):
            return _opened(plan, rollout, wave, fraction, now, {"widened_at": now})
        case Soak():
            return _led(plan, rollout, now, {"met_at": now})
        case Hold(outcome=outcome):
            return given_back(rollout.model_copy(update={"state": RolloutState.HELD}), outcome)
        case Revoke(outcome=outcome):
            return given_back(rollout.model_copy(update={"state": RolloutState.REVOKED}), outcome)
        case _:
            assert_never(action)


def given_back(rollout: Rollout, outcome: Outcome) -> Rollout:
    """The rollout without a claim; how far it is stays on record for the next run."""
    if rollout.runner is None:
        return rollout
    runner = rollout.runner.model_copy(update={"until": None, "ended": outcome.value})
    return rollout.model_copy(update={"runner": runner})


def _claimed(plan: Plan, rollout: Rollout, now: datetime) -> Rollout:
    before = rollout.runner
    first = plan.waves[0].name
    opened = rollout.waves[0]
    begun = now if before is None or before.id != plan.run else before.began_at
    runner = Runner(id=plan.run, process=plan.process, until=now + plan.lease, began_at=begun, wave=first)
    if before is not None and before.wave in {wave.name for wave in plan.waves}:
        kept = ("wave", "opened_at", "widened_at", "met_at", "approved")
        runner = runner.model_copy(update={name: getattr(before, name) for name in kept})
    elif is_open(opened, now):
        runner = runner.model_copy(update={"opened_at": now})
    waves = tuple(
        one.model_copy(update={"open": is_open(one, now), "opens_at": None}) for one in rollout.waves
    )
    return rollout.model_copy(update={"runner": runner, "waves": waves})


def _opened(
    plan: Plan, rollout: Rollout, name: str, fraction: float, now: datetime, runner: dict[str, object]
) -> Rollout:
    waves = tuple(
        one.model_copy(update={"open": True, "fraction": max(fraction, one.fraction if one.open else 0.0)})
        if one.name == name
        else one
        for one in rollout.waves
    )
    return _led(plan, rollout.model_copy(update={"waves": waves}), now, runner)


def _led(plan: Plan, rollout: Rollout, now: datetime, changes: dict[str, object]) -> Rollout:
    assert rollout.runner is not None  # noqa: S101 -- only a run that leads acts; this is for the type checker
    runner = rollout.runner.model_copy(update={**changes, "until": now + plan.lease})
    return rollout.model_copy(update={"runner": runner})
