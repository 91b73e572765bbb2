"""Counts hosts by wave as they move, and who of them may be admitted next. Pure.

A word of a host costs the same whether there are ten hosts or fifty thousand; a look at a wave as much as
hosts are under way or gone. Only a new statement, which changes who is admitted, goes over all of them.

How long a host has been silent or gone is measured in time in which the run listened: neither a clock that is
set, nor a machine that was suspended, nor a connection that was lost makes a host silent; and none makes one
that is silent heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_fleet.membership import NO_WAVE
from tidegate_fleet.standing import Phase
from tidegate_publisher.promotion import is_open
from tidegate_publisher.rollout.figures import Figures
from tidegate_publisher.rollout.groups import Groups, Membership
from tidegate_publisher.rollout.seats import Bench, Seat
from tidegate_schemas.rollout import cohort

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate_fleet.hosts import Channel, Fleet, Host
    from tidegate_fleet.progress import Progress
    from tidegate_fleet.standing import Standing
    from tidegate_publisher.rollout.plan import Plan, PlannedWave
    from tidegate_schemas.rollout import Rollout, Wave

_REQUIRES: Final = "requires."


_BEGUN: Final = frozenset({Phase.ACTIVATING, Phase.SUCCEEDED, Phase.FAILED})


@dataclass(frozen=True, slots=True)
class _Began:
    """The wave and the groups in which a host began to activate."""

    wave: str
    groups: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class _Mark:
    """Since when a host is at its step (which we heard of at `since`), and since when it is gone."""

    since: datetime | None = None
    under_way: timedelta | None = None
    gone: timedelta | None = None


_NO_MARK: Final = _Mark()


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
        self._listened = timedelta(0)
        self._began: dict[str, _Began] = {}
        self._marks: dict[str, _Mark] = {}
        self.restate(rollout, now)

    def listen(self, by: timedelta) -> None:
        """The run has listened for so much longer."""
        self._listened += by

    def restate(self, rollout: Rollout, now: datetime) -> None:
        """Take what is announced now: others may be admitted."""
        if rollout.seed != self._seed:
            self._places.clear()
            self._began.clear()
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
            silent=_count_before(bench.under_way, self._listened - gate.silence.after),
            gone=_count_before(bench.gone, self._listened - gate.dropouts.after),
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
        wave, groups = self._stays(host, wave, phase)
        since = standing.since if standing is not None and phase is Phase.ACTIVATING else None
        return Seat(wave, phase, host.online, self._is_admitted(host), groups, since)

    def _stays(self, host: Host, wave: str, phase: Phase) -> tuple[str, tuple[Membership, ...]]:
        """A host stays in the wave and the groups in which it began: its labels are what it says of itself.

        One that is in no wave and begins all the same counts for the wave that is waited for.
        """
        groups = self._groups.of(host.labels)
        if phase is Phase.PENDING:
            self._began.pop(host.name, None)
            return wave, groups
        if phase not in _BEGUN and host.name not in self._began:
            return wave, groups
        if wave == NO_WAVE and self._waited_for in self._benches:
            wave = self._waited_for
        began = self._began.setdefault(host.name, _Began(wave, groups))
        return began.wave, (began.groups if phase is Phase.ACTIVATING else groups)

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
        mark = self._marks.pop(host.name, _NO_MARK)
        under_way = gone = None
        if seat.since is not None:
            under_way = mark.under_way if mark.since == seat.since else None
            under_way = bench.under_way[host.name] = self._listened if under_way is None else under_way
        if seat.gone:
            gone = bench.gone[host.name] = self._listened if mark.gone is None else mark.gone
        if seat.since is not None or seat.gone:
            self._marks[host.name] = _Mark(seat.since, under_way, gone)

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


def _count_before(moments: dict[str, timedelta], latest: timedelta) -> int:
    return sum(moment < latest for moment in moments.values())
