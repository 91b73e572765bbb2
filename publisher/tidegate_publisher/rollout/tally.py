"""Counts hosts by wave as they move, and who of them may be admitted next. Pure.

A word of a host costs the same whether there are ten hosts or fifty thousand; a look at a wave as much as
hosts are under way or gone. Only a new statement, which changes who is admitted, goes over all of them.

Where a host counts once it has begun is `attached`, and how long it has been silent or gone is `marks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase
from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.attached import Attached
from tidegate_publisher.rollout.figures import Figures
from tidegate_publisher.rollout.groups import Groups
from tidegate_publisher.rollout.marks import Marks
from tidegate_publisher.rollout.seats import Bench, Seat
from tidegate_schemas.rollout import cohort

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from tidegate_fleet.hosts import Channel, Fleet, Host
    from tidegate_fleet.progress import Progress
    from tidegate_fleet.standing import Standing
    from tidegate_publisher.rollout.plan import Plan, PlannedWave
    from tidegate_schemas.rollout import Rollout, Wave

_REQUIRES: Final = "requires."


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a wave can be opened: the fraction, and how many known hosts that admits more."""

    fraction: float
    hosts: int


class Tally:
    """Counts the hosts of a fleet for a plan. Pass it to `Fleet.watch`, after its `progress`.

    Args:
        fleet: the hosts.
        progress: where they stand in the release; its statement's waves are the plan's, fully open.
        plan: the waves and their budgets.
        rollout: as it is announced: who is admitted.
        now: the present moment.
    """

    def __init__(self, fleet: Fleet, progress: Progress, plan: Plan, rollout: Rollout, now: datetime) -> None:
        self._fleet = fleet
        self._progress = progress
        self._plan = plan
        self._channel: Channel = (plan.product, plan.channel)
        self._places: dict[str, float] = {}
        self._seats: dict[str, Seat] = {}
        self._open: Sequence[tuple[Wave, bool]] = ()
        self._seed = rollout.seed
        self._attached = Attached()
        self._marks = Marks()
        self.restate(rollout, now)

    def listen(self, by: timedelta) -> None:
        """The run has listened for so much longer."""
        self._marks.listen(by)

    def restate(self, rollout: Rollout, now: datetime) -> None:
        """Take what is announced now: others may be admitted."""
        if rollout.seed != self._seed:
            self._places.clear()
            self._attached.clear()
        self._waited_for = NO_WAVE if rollout.runner is None else rollout.runner.wave
        self._seed = rollout.seed
        self._open = [(wave, is_open(wave, now)) for wave in rollout.waves]
        self._opened = {wave.name for wave, opened in self._open if opened}
        self._seats.clear()
        self._benches = {name: Bench() for name in (NO_WAVE, *(wave.name for wave in self._plan.waves))}
        self._groups = Groups(self._plan.budgets)
        for host in self._fleet.hosts.values():
            self._seat(host)

    def moved(self, host: Host, channel: Channel, before: Standing | None) -> None:
        """See hosts.Watcher."""
        del before
        if channel == self._channel:
            self._seat(host)

    def described(self, host: Host) -> None:
        """See hosts.Watcher."""
        self._seat(host)

    def figures(self, wave: PlannedWave, now: datetime) -> Figures:
        """One wave in numbers."""
        del now
        bench, gate = self._benches[wave.name], wave.gate
        phases = bench.phases
        return Figures(
            known=phases.total(),
            absent=bench.absent,
            waiting=phases[Phase.PENDING] - bench.absent + phases[Phase.WAITING] + phases[Phase.STAGING],
            activating=phases[Phase.ACTIVATING],
            succeeded=phases[Phase.SUCCEEDED],
            failed=phases[Phase.FAILED],
            skipped=phases[Phase.SKIPPED],
            silent=self._marks.longer(bench.under_way, gate.silence.after),
            gone=self._marks.longer(bench.gone, gate.dropouts.after),
            away=bench.away,
            queued=bench.queued if wave.name in self._opened else 0,
        )

    @property
    def outside(self) -> int:
        """Hosts of the release that are in no wave: it never reaches them."""
        return self._benches[NO_WAVE].phases.total()

    @property
    def groups(self) -> Groups:
        """The label groups of the budgets."""
        return self._groups

    def members(self, wave: str) -> Iterator[str]:
        """The known hosts of a wave."""
        return (name for name, seat in self._seats.items() if seat.wave == wave)

    def reach(self, wave: PlannedWave) -> Reach:
        """How far a wave can be opened with all its budgets kept. What is admitted already stays so."""
        room = self._groups.room(wave.gate.budget, offline_too=not wave.gate.ignore_offline)
        hosts = 0
        for place, name in self._outside(wave):
            seat = self._seats[name]
            idle = seat.phase.final or (seat.absent and wave.gate.ignore_offline)
            if not idle and not room.take(seat.groups):
                return Reach(place, hosts)
            hosts += 1
        return Reach(wave.fraction, hosts)

    def _outside(self, wave: PlannedWave) -> list[tuple[float, str]]:
        """The hosts of a wave that are not admitted, by their place; kept until one comes or goes."""
        bench = self._benches[wave.name]
        if bench.outside is None:
            bench.outside = sorted(
                (self._place(name), name)
                for name, seat in self._seats.items()
                if seat.wave == wave.name and not seat.admitted
            )
        return bench.outside

    def _seat(self, host: Host) -> None:
        new, old = self._judge(host), self._seats.get(host.name)
        if new == old:
            return
        if old is not None:
            self._leave(host.name, old)
        if new is not None:
            self._enter(host, new)
        if old is None or new is None or (old.wave, old.admitted) != (new.wave, new.admitted):
            for seat in filter(None, (old, new)):
                self._benches[seat.wave].outside = None

    def _judge(self, host: Host) -> Seat | None:
        found = self._progress.place(host.name)
        if found is None:
            return None
        wave, phase = found
        standing = self._progress.standing(host)
        if phase is Phase.FAILED and standing is not None and (standing.code or "").startswith(_REQUIRES):
            # It found that the release is not meant for it.
            return None
        waited_for = self._waited_for if self._waited_for in self._benches else None
        groups = self._groups.of(host.labels)
        wave, groups = self._attached.place(host.name, wave, groups, phase, waited_for=waited_for)
        since = standing.since if standing is not None and phase is Phase.ACTIVATING else None
        return Seat(wave, phase, host.online, self._is_admitted(host), groups, since)

    def _is_admitted(self, host: Host) -> bool:
        place, labels = self._place(host.name), host.labels
        for wave, opened in self._open:
            if place < wave.fraction and all(labels.get(key) == value for key, value in wave.labels.items()):
                return opened
        return False

    def _place(self, name: str) -> float:
        found = self._places.get(name)
        if found is None:
            found = self._places[name] = cohort(self._seed, name)
        return found

    def _enter(self, host: Host, seat: Seat) -> None:
        self._seats[host.name] = seat
        bench = self._benches[seat.wave]
        bench.phases[seat.phase] += 1
        bench.absent += seat.absent
        bench.away += seat.away
        bench.queued += seat.queued
        self._groups.add(seat.groups, busy=seat.busy, absent=seat.absent, count=1)
        self._marks.set(host.name, seat, bench)

    def _leave(self, name: str, seat: Seat) -> None:
        del self._seats[name]
        bench = self._benches[seat.wave]
        bench.phases[seat.phase] -= 1
        bench.absent -= seat.absent
        bench.away -= seat.away
        bench.queued -= seat.queued
        self._groups.add(seat.groups, busy=seat.busy, absent=seat.absent, count=-1)
        bench.under_way.pop(name, None)
        bench.gone.pop(name, None)
