"""How far a release has come: hosts counted by wave and phase. PURE.

The counts are kept up to date as hosts move, so that fifty thousand of them are shown without counting anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tidegate_fleet.standing import Phase
from tidegate_schemas.rollout import wave_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta

    from tidegate_fleet.hosts import Channel, Fleet, Host
    from tidegate_fleet.standing import Standing
    from tidegate_schemas.codes import Code
    from tidegate_schemas.statement import ChannelStatement

NO_WAVE: Final = ""
"""Stands for the wave of hosts that none takes in, and of all hosts when a release has no waves."""


@dataclass(slots=True)
class Failures:
    """Hosts that failed with one code, and the newest reason."""

    hosts: set[str] = field(default_factory=set)
    newest: datetime | None = None
    reason: str = ""


class Progress:
    """One release on one channel, over the hosts of a fleet. Pass it to `Fleet.watch`.

    Hosts count that follow the channel, or have said anything about it, and meet the release's requirements
    as far as their status tells.

    Args:
        fleet: the hosts; those that are known already are counted at once.
        statement: what is announced; `restate` it when a later one about the same image comes.

    Attributes:
        statement: the newest one.
        counts: hosts by wave (`NO_WAVE` for none) and phase.
        failures: by code; None for those that told none.
    """

    def __init__(self, fleet: Fleet, statement: ChannelStatement) -> None:
        self._fleet = fleet
        self._channel: Channel = (statement.predicate.product, statement.predicate.channel)
        self._places: dict[str, tuple[str, Phase]] = {}
        self._under_way: set[str] = set()
        self.statement = statement
        self.counts: Counter[tuple[str, Phase]] = Counter()
        self.failures: dict[Code | None, Failures] = {}
        self.restate(statement)

    def restate(self, statement: ChannelStatement) -> None:
        """Take a later statement: other waves may take hosts in. Another image begins anew."""
        self.statement = statement
        self._places.clear()
        self._under_way.clear()
        self.counts.clear()
        self.failures.clear()
        for host in self._fleet.hosts.values():
            self._place(host)

    def moved(self, host: Host, channel: Channel, before: Standing | None) -> None:
        """See hosts.Watcher."""
        del before
        if channel == self._channel:
            self._place(host)

    def described(self, host: Host) -> None:
        """See hosts.Watcher."""
        self._place(host)

    def standing(self, host: Host) -> Standing | None:
        """Where a host stands in this release, if it has said anything about it."""
        standing = host.standings.get(self._channel)
        return standing if standing is not None and standing.digest == self.statement.digest else None

    def place(self, host: str) -> tuple[str, Phase] | None:
        """The wave and phase that a host is counted in; None when it is not counted."""
        return self._places.get(host)

    def count(self, *phases: Phase, wave: str | None = None) -> int:
        """How many hosts are in these phases (all of them when none is named), in a wave or altogether."""
        wanted = phases or tuple(Phase)
        return sum(
            number
            for (name, phase), number in self.counts.items()
            if phase in wanted and wave in {None, name}
        )

    def hosts(self, *phases: Phase, wave: str | None = None) -> Iterator[Host]:
        """The hosts in these phases, all of them when none is named, in a wave or altogether."""
        wanted = phases or tuple(Phase)
        for name, (where, phase) in self._places.items():
            if phase in wanted and wave in {None, where}:
                yield self._fleet.hosts[name]

    def silent(self, now: datetime, after: timedelta, wave: str | None = None) -> Iterable[Host]:
        """Hosts that began to activate and have said nothing for longer than `after`."""
        for name in self._under_way:
            host = self._fleet.hosts[name]
            if now - host.heard > after and wave in {None, self._places[name][0]}:
                yield host

    def _place(self, host: Host) -> None:
        self._forget(host.name)
        standing = self.standing(host)
        if standing is None and not self._is_meant(host):
            return
        phase = Phase.PENDING if standing is None else standing.phase
        where = self._places[host.name] = self._wave(host), phase
        self.counts[where] += 1
        if standing is not None and phase is Phase.ACTIVATING:
            self._under_way.add(host.name)
        if standing is not None and phase is Phase.FAILED:
            self._fail(host.name, standing)

    def _forget(self, name: str) -> None:
        where = self._places.pop(name, None)
        if where is None:
            return
        self.counts[where] -= 1
        self._under_way.discard(name)
        if where[1] is Phase.FAILED:
            for failures in self.failures.values():
                failures.hosts.discard(name)

    def _fail(self, name: str, standing: Standing) -> None:
        failures = self.failures.setdefault(standing.code, Failures())
        failures.hosts.add(name)
        if failures.newest is None or standing.at >= failures.newest:
            failures.newest, failures.reason = standing.at, standing.reason

    def _is_meant(self, host: Host) -> bool:
        if host.follow(self._channel) is None:
            return False
        wanted = self.statement.predicate.requires
        arch = None if host.status is None or host.status.inventory is None else host.status.inventory.arch
        fits = not wanted.arch or arch is None or arch in wanted.arch
        return fits and all(host.labels.get(key) == value for key, value in wanted.labels.items())

    def _wave(self, host: Host) -> str:
        wave = wave_of(self.statement.predicate.rollout, host.name, host.labels)
        return NO_WAVE if wave is None else wave.name
