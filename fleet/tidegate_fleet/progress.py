"""How far a release has come: hosts counted by wave and phase. PURE.

The counts are kept up to date as hosts move, so that fifty thousand of them are shown without counting anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_fleet.leading import in_full
from tidegate_fleet.membership import NO_WAVE, is_fit, membership
from tidegate_fleet.standing import Phase
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import cohort, wave_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tidegate_fleet.hosts import Channel, Fleet, Host
    from tidegate_fleet.standing import Standing
    from tidegate_schemas.statement import ChannelStatement

SILENT_AFTER: Final = timedelta(minutes=30)
"""Unless told otherwise, who activates and comes no further for longer is silent. A reboot with its checks
takes minutes; who takes this long may not come back."""

_NOT_MEANT: Final = frozenset({Code.REQUIRES_ARCH, Code.REQUIRES_LABELS})


@dataclass(slots=True)
class Failures:
    """Hosts that failed with one code, and the newest reason.

    Attributes:
        hosts: their names.
        newest: when the last of them told, by our clock.
        reason: what that one said.
        host: which one that was.
    """

    hosts: set[str] = field(default_factory=set)
    newest: datetime | None = None
    reason: str = ""
    host: str = ""


class Progress:
    """One release on one channel, over the hosts of a fleet. Pass it to `Fleet.watch`.

    Hosts count that follow the channel, or have said anything about it, and meet the release's requirements
    as far as their status tells. Of a wave that a run opens step by step those count, too, that wait for its
    budget (`leading.waits_for_budget`). A host that stands at a later statement about another image has
    let it go.

    Args:
        fleet: the hosts; those that are known already are counted at once.
        statement: what is announced; `restate` it when a later one about the same image comes.
        first: with which sequence the release was announced. What a host says of an earlier one is about
            another attempt at the same image, and is passed over; but a status that says now that the host
            has it, counts.

    Attributes:
        statement: the newest one.
        counts: hosts by wave (`NO_WAVE` for none) and phase; none that are zero.
        failures: by code; None for those that told none.
    """

    def __init__(self, fleet: Fleet, statement: ChannelStatement, first: int = 0) -> None:
        self._fleet = fleet
        self._first = first
        self._channel: Channel = (statement.predicate.product, statement.predicate.channel)
        self._places: dict[str, tuple[str, Phase]] = {}
        self._cohorts: dict[str, float] = {}
        self._rollout = in_full(statement.predicate.rollout)
        self._under_way: set[str] = set()
        self._failed_with: dict[str, Code | None] = {}
        self.statement = statement
        self.counts: Counter[tuple[str, Phase]] = Counter()
        self.failures: dict[Code | None, Failures] = {}
        self._count_anew()

    def restate(self, statement: ChannelStatement) -> None:
        """Take a later statement: other waves may take hosts in. Another image begins anew."""
        before, self.statement = self.statement, statement
        seed, self._rollout = self._rollout.seed, in_full(statement.predicate.rollout)
        if seed != self._rollout.seed:
            self._cohorts.clear()
        later = statement.predicate.sequence >= before.predicate.sequence
        same = (statement.digest, membership(statement)) == (before.digest, membership(before))
        if not (later and same):
            self._count_anew()
            return
        # A hold, a promotion, a heartbeat: of fifty thousand hosts only those may count otherwise that had
        # let the release go for what was later than it.
        for name in [name for name, (_, phase) in self._places.items() if phase is Phase.SKIPPED]:
            self._place(self._fleet.hosts[name])

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
        return standing if standing is not None and self._is_of_it(standing) else None

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
        """Hosts that began to activate and have come no further for longer than `after`.

        By our clock, from when we heard of the step that they are at: a host that comes and goes, or says the
        same again, comes no further. `Host.online` tells who went away from who is stuck.
        """
        for name in self._under_way:
            host = self._fleet.hosts[name]
            if now - host.standings[self._channel].since > after and wave in {None, self._places[name][0]}:
                yield host

    def _count_anew(self) -> None:
        for place in (self._places, self._under_way, self._failed_with, self.counts, self.failures):
            place.clear()
        for host in self._fleet.hosts.values():
            self._place(host)

    def _place(self, host: Host) -> None:
        self._forget(host.name)
        standing = host.standings.get(self._channel)
        phase = phase_in(self.statement, standing, self._first)
        if not self._counts(host, standing, phase):
            return
        where = self._places[host.name] = self._wave(host), phase
        self.counts[where] += 1
        if phase is Phase.ACTIVATING:
            self._under_way.add(host.name)
        if phase is Phase.FAILED and standing is not None:
            self._fail(host.name, standing)

    def _is_of_it(self, standing: Standing) -> bool:
        return is_of(self.statement, standing, self._first)

    def _counts(self, host: Host, standing: Standing | None, phase: Phase) -> bool:
        if standing is None or not self._is_of_it(standing):
            return self._is_meant(host)
        return not (phase is Phase.SKIPPED and standing.code in _NOT_MEANT)

    def _forget(self, name: str) -> None:
        where = self._places.pop(name, None)
        if where is None:
            return
        self.counts[where] -= 1
        if not self.counts[where]:
            del self.counts[where]
        self._under_way.discard(name)
        if where[1] is Phase.FAILED:
            code = self._failed_with.pop(name)
            self.failures[code].hosts.discard(name)
            if not self.failures[code].hosts:
                del self.failures[code]

    def _fail(self, name: str, standing: Standing) -> None:
        self._failed_with[name] = standing.code
        failures = self.failures.setdefault(standing.code, Failures())
        failures.hosts.add(name)
        # By our clock: whose own is in the future would have the last word for ever.
        if failures.newest is None or standing.since >= failures.newest:
            failures.newest, failures.reason, failures.host = standing.since, standing.reason, name

    def _is_meant(self, host: Host) -> bool:
        if host.follow(self._channel) is None:
            return False
        return is_fit(self.statement, host.labels, host.arch)

    def _wave(self, host: Host) -> str:
        rollout = self._rollout
        if not rollout.waves:
            return NO_WAVE
        place = self._cohorts.get(host.name)
        if place is None:
            place = self._cohorts[host.name] = cohort(rollout.seed, host.name)
        wave = wave_at(rollout, place, host.labels)
        return NO_WAVE if wave is None else wave.name


def phase_in(statement: ChannelStatement, standing: Standing | None, first: int = 0) -> Phase:
    """How far a host is with the release of a statement, from where it stands in the channel.

    Args:
        statement: what is announced.
        standing: where the host stands; None: it has said nothing of the channel.
        first: see `Progress`.
    """
    if standing is None:
        return Phase.PENDING
    if standing.digest == statement.digest:
        return standing.phase if is_of(statement, standing, first) else Phase.PENDING
    # What a channel holds is replaced by something later, never brought back under an earlier number.
    return Phase.SKIPPED if standing.sequence > statement.predicate.sequence else Phase.PENDING


def is_of(statement: ChannelStatement, standing: Standing, first: int = 0) -> bool:
    """Whether a standing is about the release of a statement. See `phase_in`."""
    if standing.digest != statement.digest:
        return False
    stands = standing.by_status and standing.phase is Phase.SUCCEEDED
    return standing.sequence >= first or stands
