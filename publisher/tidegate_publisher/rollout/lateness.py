"""What takes too long, and since when. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.durations import format_moment
from tidegate_publisher.rollout.decisions import AskApproval, Finished, Hold, Outcome, Wait
from tidegate_schemas.gates import OnTimeout

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.rollout.plan import Plan
    from tidegate_schemas.rollout import Runner


def late(plan: Plan, runner: Runner, step: Wait | AskApproval, now: datetime) -> Hold | Finished | None:
    """The end of a run that has waited longer than its gates allow; None when it has not."""
    wave = plan.waves[plan.place(step.wave)]
    if plan.timeout is not None and now >= runner.began_at + plan.timeout:
        what = f"the rollout began at {format_moment(runner.began_at)}"
    else:
        since = _waited_since(plan, runner, step)
        if since is None or now < since + wave.gate.timeout:
            return None
        what = f"wave {wave.name} is waited for since {format_moment(since)}"
    reason = f"{what}, and has taken longer than it may: {step.reason}"
    if wave.gate.on_timeout is OnTimeout.HOLD:
        return Hold(wave.name, reason, Outcome.TIMED_OUT)
    return Finished(Outcome.TIMED_OUT, reason, wave.name, release=True)


def latest(plan: Plan, runner: Runner, step: Wait) -> datetime | None:
    """When this will have taken too long; None when nothing limits it."""
    since = _waited_since(plan, runner, step)
    ends = [] if since is None else [since + plan.waves[plan.place(step.wave)].gate.timeout]
    if plan.timeout is not None:
        ends.append(runner.began_at + plan.timeout)
    return min(ends, default=None)


def _waited_since(plan: Plan, runner: Runner, step: Wait | AskApproval) -> datetime | None:
    """Since when a wave's gate is waited for, or room for the next one; None for a soak, a time, a person."""
    if isinstance(step, AskApproval) or step.soaks:
        return None
    wave = plan.waves[plan.place(runner.wave)]
    began = [moment for moment in (runner.opened_at, runner.waits_since) if moment is not None]
    if step.wave == wave.name and began:
        return max(began)
    if step.until is not None:
        return None
    if runner.met_at is not None:
        began.append(runner.met_at + wave.gate.soak)
    return max(began, default=runner.began_at)
