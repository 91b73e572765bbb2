"""One look at the wave that is waited for, and at the one after it: what there is to do. PURE."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from tidegate_fleet.leading import how_far
from tidegate_publisher.durations import format_moment
from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.decisions import (
    AskApproval,
    Decision,
    Finished,
    Lose,
    Open,
    Outcome,
    Soak,
    Wait,
    Widen,
)
from tidegate_publisher.rollout.figures import judge
from tidegate_publisher.rollout.lateness import latest
from tidegate_publisher.rollout.plan import Plan
from tidegate_publisher.rollout.steps import behind
from tidegate_schemas.rollout import Rollout, Runner

if TYPE_CHECKING:
    from tidegate_publisher.rollout.figures import Figures
    from tidegate_publisher.rollout.plan import PlannedWave
    from tidegate_publisher.rollout.tally import Reach


class Numbers(Protocol):
    """What is known of the hosts; `tally.Tally` counts them."""

    def figures(self, wave: PlannedWave, now: datetime) -> Figures:
        """One wave in numbers."""
        ...

    def reach(self, wave: PlannedWave) -> Reach:
        """How far a wave can be opened with its budgets kept."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the wave that is waited for, and at the one after it."""

    plan: Plan
    rollout: Rollout
    runner: Runner
    hosts: Numbers
    now: datetime

    def step(self) -> Decision:
        """What there is to do, as far as the waves are concerned."""
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
            wait = Wait(wave.name, verdict.words)
            return wait if verdict.reachable else self._in_vain(wait)
        return self._soak(place, verdict.words) or self._pass(place, f"wave {wave.name}: {verdict.words}")

    def _in_vain(self, wait: Wait) -> Wait:
        ends = latest(self.plan, self.runner, wait)
        when = "" if ends is None else f"; its time ends at {format_moment(ends)}"
        hopes = "a retry by hand, or hosts that come, may"
        return replace(wait, reason=f"{wait.reason}; the hosts that are left cannot meet it: {hopes}{when}")

    def _soak(self, place: int, words: str) -> Decision | None:
        wave, met = self.plan.waves[place], self.runner.met_at
        if wave.gate.soak <= timedelta(0):
            return None
        if met is None:
            return Soak(wave.name, self.now + wave.gate.soak, words)
        until = met + wave.gate.soak
        return Wait(wave.name, f"soaks: {words}", until, soaks=True) if self.now < until else None

    def _pass(self, place: int, words: str) -> Decision:
        if place < self.plan.until:
            return self._open(place + 1, words)
        return Finished(Outcome.DONE, words, self.plan.waves[place].name, release=True)

    def _open(self, place: int, because: str = "it is the first") -> Decision:
        wave, announced = self.plan.waves[place], self.rollout.waves[place]
        if is_open(announced, self.now):
            return Open(wave.name, announced.fraction, "somebody has opened it already")
        if wave.gate.approval and wave.name not in self.runner.approved:
            return AskApproval(wave.name, f"it needs an approval ({because})")
        if wave.opens_at is not None and self.now < wave.opens_at:
            return Wait(wave.name, "it is not to be opened before its time", wave.opens_at)
        if not wave.gate.budget:
            return Open(wave.name, wave.fraction, because)
        reach = self.hosts.reach(wave)
        if reach.hosts == 0 and reach.fraction < wave.fraction:
            return Wait(wave.name, "its budget is used up before it is opened")
        return Open(wave.name, reach.fraction, f"{because}; {reach.hosts} hosts fit into the budget")

    def _widen(self, place: int) -> Decision:
        wave = self.plan.waves[place]
        seen = self.hosts.figures(wave, self.now)
        told = how_far(self.rollout, self.rollout.waves[place], self.now)
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
        return Widen(wave.name, reach.fraction, f"{words}; {reach.hosts} more hosts fit into the budget")
