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
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.decisions import (
    AskApproval,
    Claim,
    Decision,
    Finished,
    Hold,
    Lose,
    Open,
    Outcome,
    Revoke,
    Soak,
    Wait,
    Widen,
)
from tidegate_publisher.rollout.figures import judge, passed_threshold
from tidegate_publisher.rollout.plan import Plan
from tidegate_publisher.rollout.steps import behind
from tidegate_schemas.base import rfc3339
from tidegate_schemas.gates import OnFailure, OnTimeout
from tidegate_schemas.rollout import Rollout, RolloutState, Runner

if TYPE_CHECKING:
    from tidegate_publisher.rollout.figures import Figures
    from tidegate_publisher.rollout.plan import PlannedWave
    from tidegate_publisher.rollout.tally import Reach
    from tidegate_schemas.statement import ChannelStatement


class Numbers(Protocol):
    """What is known of the hosts; `tally.Tally` counts them."""

    def figures(self, wave: PlannedWave, now: datetime) -> Figures:
        """One wave in numbers."""
        ...

    def reach(self, wave: PlannedWave) -> Reach:
        """How far a wave can be opened with its budgets kept."""
        ...


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
    step = _Look(plan, rollout, runner, hosts, moment.now).step()
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
    late = _late(plan, runner, step, now)
    if late is not None:
        return late
    if runner.until is None or runner.until - now < plan.lease / 2:
        return Claim("the claim is renewed")
    # A release that is led shall not go stale on the way.
    stale = said.expires - now < (said.expires - said.issued_at) / 2
    return Claim("the statement is renewed") if stale else step


def _ended(plan: Plan, rollout: Rollout) -> Finished | None:
    """What stopped the release was this very run, before it was started anew."""
    runner = rollout.runner
    if rollout.state is RolloutState.ACTIVE or runner is None or runner.id != plan.run or not runner.ended:
        return None
    outcome = Outcome(runner.ended) if runner.ended in set(Outcome) else Outcome.FAILED
    return Finished(outcome, f"this run ended before: the release is {rollout.state}", runner.wave)


def _barred(plan: Plan, rollout: Rollout, moment: Moment) -> Finished | None:
    if rollout.state is not RolloutState.ACTIVE:
        outcome = Outcome.HELD if rollout.state is RolloutState.HELD else Outcome.REVOKED
        return Finished(outcome, f"the release is {rollout.state}, and a run does not undo that")
    runner = rollout.runner
    if moment.leading:
        if runner is None or (runner.id, runner.process) != (plan.run, plan.process):
            who = "nobody" if runner is None else f"the run {runner.id}"
            return Finished(Outcome.OVERTAKEN, f"{who} leads the release now, and not this run")
        return None
    if runner is None or runner.id == plan.run or plan.take_over or not runner.claims(moment.now):
        return None
    assert runner.until is not None  # noqa: S101 -- it claims; this is for the type checker
    reason = (
        f"The run {runner.id} leads this release until {rfc3339(runner.until)} at least. If it is dead, "
        f"go on as the same run with --run-id {runner.id}, or take it over with --take-over"
    )
    return Finished(Outcome.CLAIMED, reason)


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


def _late(plan: Plan, runner: Runner, step: Wait | AskApproval, now: datetime) -> Hold | Finished | None:
    wave = plan.waves[plan.place(step.wave)]
    if plan.timeout is not None and now >= runner.began_at + plan.timeout:
        what = f"the rollout began at {rfc3339(runner.began_at)}"
    else:
        since = _waited_since(plan, runner, step)
        if since is None or now < since + wave.gate.timeout:
            return None
        what = f"wave {wave.name} is waited for since {rfc3339(since)}"
    reason = f"{what}, and has taken longer than it may: {step.reason}"
    if wave.gate.on_timeout is OnTimeout.HOLD:
        return Hold(wave.name, reason, Outcome.TIMED_OUT)
    return Finished(Outcome.TIMED_OUT, reason, wave.name, release=True)


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


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at the wave that is waited for, and at the one after it."""

    plan: Plan
    rollout: Rollout
    runner: Runner
    hosts: Numbers
    now: datetime

    def step(self) -> Decision:
        place = self.plan.place(self.runner.wave)
        wave, announced = self.plan.waves[place], self.rollout.waves[place]
        if self.runner.opened_at is None or not is_open(announced, self.now):
            return self._open(place)
        if announced.fraction < wave.fraction:
            return self._widen(place)
        verdict = judge(wave.gate, self.hosts.figures(wave, self.now))
        if not verdict.enough and self.runner.met_at is not None:
            return Lose(wave.name, verdict.words)
        if not verdict.met:
            return Wait(wave.name, verdict.words)
        return self._soak(place, verdict.words) or self._pass(place, f"wave {wave.name}: {verdict.words}")

    def _soak(self, place: int, words: str) -> Decision | None:
        wave, met = self.plan.waves[place], self.runner.met_at
        if wave.gate.soak <= timedelta(0):
            return None
        if met is None:
            return Soak(wave.name, self.now + wave.gate.soak, words)
        until = met + wave.gate.soak
        return Wait(wave.name, f"it soaks: {words}", until, soaks=True) if self.now < until else None

    def _pass(self, place: int, words: str) -> Decision:
        if place < self.plan.until:
            return self._open(place + 1, words)
        return Finished(Outcome.DONE, words, self.plan.waves[place].name, release=True)

    def _open(self, place: int, because: str = "it is the first") -> Decision:
        wave, announced = self.plan.waves[place], self.rollout.waves[place]
        if is_open(announced, self.now):
            return Open(wave.name, announced.fraction, "it is open already")
        if wave.gate.approval and wave.name not in self.runner.approved:
            return AskApproval(wave.name, f"it needs an approval ({because})")
        if wave.opens_at is not None and self.now < wave.opens_at:
            return Wait(wave.name, "it is not to be opened before its time", wave.opens_at)
        if not wave.gate.budget:
            return Open(wave.name, wave.fraction, because)
        reach = self.hosts.reach(wave)
        if reach.hosts == 0 and reach.fraction < wave.fraction:
            return Wait(wave.name, "its budget is used up before it is opened")
        return Open(wave.name, reach.fraction, f"{because}; {reach.hosts} hosts keep the budget")

    def _widen(self, place: int) -> Decision:
        wave = self.plan.waves[place]
        seen = self.hosts.figures(wave, self.now)
        told = f"open for {self.rollout.waves[place].fraction:.4g} of {wave.fraction:.4g}"
        words = f"{told}; {seen.succeeded} of {seen.known} hosts have succeeded"
        fraction = self.rollout.waves[place].fraction
        caught = [self.rollout.waves[later].name for later in behind(self.plan, self.rollout, place)]
        opened = [one.name for one in self.rollout.waves if one.name in caught and is_open(one, self.now)]
        if opened:
            return Widen(wave.name, fraction, f"{', '.join(opened)} waits for its turn; {words}")
        last = self.runner.widened_at or self.runner.opened_at
        if last is not None and self.now < last + wave.gate.widen_every:
            return Wait(wave.name, words, last + wave.gate.widen_every)
        reach = self.hosts.reach(wave) if wave.gate.budget else None
        if reach is None:
            return Widen(wave.name, wave.fraction, words)
        if reach.hosts == 0 and reach.fraction < wave.fraction:
            return Wait(wave.name, f"the budget is used up; {words}")
        return Widen(wave.name, reach.fraction, f"{words}; {reach.hosts} more keep the budget")
