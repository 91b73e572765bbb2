"""What a run does next, from what the channel holds and what hosts said. PURE.

The rules, in this order:

1. Who is not in charge does nothing: another release, another run, a hold or a withdrawal end the run.
2. A threshold that any open wave passed stops the release, whatever else could be done.
3. Waves are opened one after the other: only when the one before has met its gate, and has soaked.
4. A wave is opened and widened only as far as its budgets allow, and not before its time and its approval.
5. What takes too long is held, or the run ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate_publisher.durations import format_moment
from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.decisions import (
    Ask,
    AskApproval,
    Claim,
    Decision,
    Finished,
    Hold,
    Lose,
    Outcome,
    Revoke,
    Wait,
)
from tidegate_publisher.rollout.figures import passed_threshold
from tidegate_publisher.rollout.lateness import late
from tidegate_publisher.rollout.look import Look
from tidegate_schemas.gates import OnFailure
from tidegate_schemas.rollout import Rollout, RolloutState

if TYPE_CHECKING:
    from tidegate_publisher.rollout.look import Numbers
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_schemas.rollout import Runner
    from tidegate_schemas.statement import ChannelStatement


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, and whether this process leads already; `leapt`: the clock was set since the gate was met."""

    now: datetime
    leading: bool
    leapt: bool = False


def decide(plan: Plan, statement: ChannelStatement, hosts: Numbers, moment: Moment) -> Decision:
    """What to do next.

    Args:
        plan: the waves and their gates.
        statement: what the channel holds, verified; about the plan's release.
        hosts: what is known of them.
        moment: the present one.
    """
    rollout = statement.predicate.rollout
    barred = _ended(plan, rollout) or _barred(plan, rollout, moment)
    if barred is not None:
        return barred
    stop = _threshold(plan, rollout, hosts, moment.now)
    if stop is not None:
        return stop
    runner = rollout.runner
    if runner is None:
        return Claim("nobody leads this release")
    step = Look(plan, rollout, runner, hosts, moment.now).step()
    if moment.leapt and moment.leading and runner.met_at is not None:
        step = Lose(runner.wave, "the clock was set, so that its soak cannot be told from it")
    return _lead(plan, statement, step, moment.now) if moment.leading else _begin(runner, step)


def _begin(runner: Runner, step: Decision) -> Decision:
    """Nothing is signed where all is done already: a run that was killed at its very end is repeated."""
    if isinstance(step, Finished):
        return replace(step, release=runner.until is not None)
    return Claim(f"the run {runner.id} led it before")


def _lead(plan: Plan, statement: ChannelStatement, step: Decision, now: datetime) -> Decision:
    said = statement.predicate
    runner = said.rollout.runner
    if runner is None or not isinstance(step, Wait | AskApproval):
        return step
    ended = late(plan, runner, step, now)
    if ended is not None:
        return ended
    asking = _asking(runner, step)
    if asking is not None:
        return asking
    if runner.until is None or runner.until - now < plan.lease / 2:
        return Claim("the claim is renewed")
    # A release that is led shall not go stale on the way.
    stale = said.expires - now < (said.expires - said.issued_at) / 2
    return Claim("the statement is renewed") if stale else step


def _asking(runner: Runner, step: Wait | AskApproval) -> Ask | Lose | None:
    """What has to be signed so that the statement asks for the approval that is waited for, if any."""
    if isinstance(step, AskApproval):
        return None if runner.asks == step.wave else Ask(step.wave, step.reason)
    # It was asked for the next wave, and now this one is waited for again.
    return Lose(step.wave, step.reason) if runner.asks not in {None, step.wave} else None


def _ended(plan: Plan, rollout: Rollout) -> Finished | None:
    """What stopped the release was this very run, before it was started anew."""
    runner = rollout.runner
    if rollout.state is RolloutState.ACTIVE or runner is None or runner.id != plan.run or not runner.ended:
        return None
    if runner.ended in {Outcome.DONE.value, Outcome.INTERRUPTED.value}:
        # Nothing stopped the release then; who stopped it afterwards was somebody else.
        return None
    outcome = Outcome(runner.ended) if runner.ended in set(Outcome) else Outcome.FAILED
    why = "" if runner.because is None else f" ({runner.because})"
    return Finished(outcome, f"this run ended before: the release is {rollout.state}{why}", runner.wave)


def _barred(plan: Plan, rollout: Rollout, moment: Moment) -> Finished | None:
    if rollout.state is not RolloutState.ACTIVE:
        outcome = Outcome.HELD if rollout.state is RolloutState.HELD else Outcome.REVOKED
        return Finished(outcome, f"the release is {rollout.state}, and a run does not undo that")
    runner = rollout.runner
    if moment.leading:
        if runner is None or (runner.id, runner.process) != (plan.run, plan.process):
            return Finished(Outcome.OVERTAKEN, f"{_who(plan, runner)} leads the release now")
        return None
    if runner is None or runner.id == plan.run or plan.take_over or not runner.claims(moment.now):
        return None
    assert runner.until is not None  # noqa: S101 -- it claims; this is for the type checker
    reason = (
        f"The run {runner.id} leads this release until {format_moment(runner.until)} at least. If it is "
        f"dead, go on as the same run with --run-id {runner.id}, or take it over with --take-over"
    )
    return Finished(Outcome.CLAIMED, reason)


def _who(plan: Plan, runner: Runner | None) -> str:
    if runner is None:
        return "nobody"
    return f"another process of this run ({runner.id})" if runner.id == plan.run else f"the run {runner.id}"


def _threshold(plan: Plan, rollout: Rollout, hosts: Numbers, now: datetime) -> Hold | Revoke | None:
    for wave, announced in zip(plan.waves, rollout.waves, strict=True):
        if not is_open(announced, now):
            continue
        fault = passed_threshold(wave.gate, hosts.figures(wave, now))
        if fault is None:
            continue
        reason = f"wave {wave.name}: {fault}"
        if wave.gate.on_failure is OnFailure.REVOKE:
            return Revoke(wave.name, reason)
        return Hold(wave.name, reason, Outcome.FAILED)
    return None
