"""Implements `tidegate_fleet.history.History` in memory. `take` fills it; it answers as the store does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate_fleet.acts import is_one_of_many
from tidegate_fleet.dossier import (
    Dossier,
    Way,
    arch_of,
    curve,
    piece,
    release_of,
    waited,
)
from tidegate_fleet.history import (
    MOST_CHANNELS,
    MOST_STATEMENTS,
    PAGE,
    Adopted,
    EventRecord,
    FailureRecord,
    HostQuery,
    HostRecord,
    Passage,
    ReleaseKey,
    ReleaseRecord,
    StatementRecord,
    Summary,
)
from tidegate_fleet.membership import is_fit, wave_in
from tidegate_fleet.standing import Phase
from tidegate_fleet.words import HostEvent
from tidegate_schemas.events import UpdateEvent
from tidegate_schemas.statement import ChannelStatement
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_fleet.hosts import Channel
    from tidegate_schemas.codes import Code


@dataclass
class FakeHistory:
    """What was taken in, in the order of taking."""

    dossiers: dict[str, Dossier] = field(default_factory=dict)
    events: list[EventRecord] = field(default_factory=list)
    records: list[StatementRecord] = field(default_factory=list)
    first: dict[ReleaseKey, datetime] = field(default_factory=dict)
    collided: Counter[str] = field(default_factory=Counter)
    _of: dict[str, dict[str, EventRecord]] = field(default_factory=dict)

    def take(
        self,
        word: HostEvent | UpdateEvent | HostStatus | ChannelStatement | StatementRecord,
        now: datetime,
    ) -> None:
        """Take in what a host said, or a statement of a channel, heard at `now`."""
        match word:
            case StatementRecord():
                self._take_statement(word)
            case ChannelStatement():
                self._take_statement(StatementRecord(word, now, verified=False))
            case UpdateEvent():
                self._take_event(HostEvent(word), now)
            case HostEvent():
                self._take_event(word, now)
            case HostStatus():
                dossier = self.dossiers.setdefault(word.host, Dossier(word.host, now))
                dossier.take_status(word, now)
                self._spoken_of(dossier, now)

    def summary(self) -> Summary:
        """See History.summary."""
        running: Counter[tuple[Channel, str, str]] = Counter()
        quarantined: Counter[str] = Counter()
        stale: Counter[Channel] = Counter()
        for status in (one.status for one in self.dossiers.values() if one.status is not None):
            for follow in status.follows:
                channel = follow.product, follow.channel
                if follow.current is not None:
                    running[channel, follow.current, follow.version or ""] += 1
                stale[channel] += follow.stale_since is not None
            quarantined.update({digest for follow in status.follows for digest in follow.quarantined})
        return Summary(
            hosts=len(self.dossiers),
            online=sum(one.presence is Presence.ONLINE for one in self.dossiers.values()),
            running=running,
            quarantined=quarantined,
            stale=+stale,
            events=len(self.events),
            newest=max((record.heard for record in self.events), default=None),
        )

    def hosts(self, query: HostQuery) -> tuple[HostRecord, ...]:
        """See History.hosts."""
        names = [name for name in self._found(query) if name > query.after]
        return tuple(self._host(name) for name in names[: min(query.limit, PAGE["most"])])

    def count_hosts(self, query: HostQuery) -> int:
        """See History.count_hosts."""
        return len(self._found(query))

    def host(self, name: str) -> HostRecord | None:
        """See History.host."""
        return self._host(name) if name in self.dossiers else None

    def host_events(self, name: str, before: int | None = None, limit: int = 50) -> tuple[EventRecord, ...]:
        """See History.host_events."""
        newest = reversed(self._of.get(name, {}).values())
        found = [record for record in newest if before is None or record.number < before]
        return tuple(found[: min(limit, PAGE["most"])])

    def events_after(self, number: int, limit: int = 500) -> tuple[EventRecord, ...]:
        """See History.events_after."""
        later = [record for record in self.events if record.number > number]
        return tuple(later[: min(limit, PAGE["most"])])

    def newest_number(self) -> int:
        """See History.newest_number."""
        return self.events[-1].number if self.events else 0

    def releases(self, limit: int = 50, channel: Channel | None = None) -> tuple[ReleaseRecord, ...]:
        """See History.releases."""
        keys = [
            key
            for key in self.first
            if channel in {None, (key.product, key.channel)} and (self.statements(key) or self._talk(key) > 1)
        ]
        keys.sort(key=lambda key: (self.first[key], key.product, key.channel, key.digest), reverse=True)
        return tuple(self._release(key) for key in keys[: min(limit, PAGE["most"])])

    def release(self, key: ReleaseKey) -> ReleaseRecord | None:
        """See History.release."""
        return self._release(key) if key in self.first else None

    def statements(self, key: ReleaseKey) -> tuple[StatementRecord, ...]:
        """See History.statements."""
        found = [record for record in self.records if _key(record) == key]
        return tuple(sorted(found, key=_place)[-MOST_STATEMENTS:])

    def newest_statements(self) -> tuple[StatementRecord, ...]:
        """See History.newest_statements."""
        newest = {_place(one)[:2]: one for one in sorted(self.records, key=_place)}
        found = sorted(newest.values(), key=lambda one: one.heard, reverse=True)
        return tuple(found[:MOST_CHANNELS])

    def failures(self, key: ReleaseKey, limit: int = 50) -> tuple[FailureRecord, ...]:
        """See History.failures."""
        found: dict[Code | None, list[tuple[datetime, str, str]]] = {}
        for name, dossier in self.dossiers.items():
            way = dossier.ways.get(key)
            if way is not None and way.standing.phase is Phase.FAILED:
                told = way.standing.since, name, way.standing.reason
                found.setdefault(way.standing.code, []).append(told)
        records: list[FailureRecord] = []
        for code, told_all in found.items():
            newest, host, reason = max(told_all)
            records.append(FailureRecord(code, len(told_all), newest, reason, host))
        records.sort(key=lambda record: (-record.hosts, record.code or ""))
        return tuple(records[:limit])

    def adoption(self, key: ReleaseKey, points: int = 120) -> tuple[Adopted, ...]:
        """See History.adoption."""
        standings = [dossier.ways[key].standing for dossier in self.dossiers.values() if key in dossier.ways]
        ends = [(one.since, one.phase) for one in standings if one.phase in {Phase.SUCCEEDED, Phase.FAILED}]
        if not ends:
            return ()
        first, last = self.first[key], max(ends)[0]
        tally: dict[int, tuple[int, int]] = {}
        for moment, phase in ends:
            index = piece(first, last, moment, points)
            good, bad = tally.get(index, (0, 0))
            tally[index] = good + (phase is Phase.SUCCEEDED), bad + (phase is Phase.FAILED)
        return curve(first, last, tally, points)

    def passages(self, key: ReleaseKey) -> Iterator[Passage]:
        """See History.passages."""
        for name, dossier in sorted(self.dossiers.items()):
            way = dossier.ways.get(key)
            if way is not None:
                way.waited_for = self._waited(name, key, way)
                yield way.passage(name, self._wave(key, dossier))

    def _take_statement(self, record: StatementRecord) -> None:
        place = _place(record)
        if record.verified:
            for index, one in enumerate(self.records):
                if _place(one) == place and not one.verified and one.statement == record.statement:
                    self.records[index] = replace(one, verified=True, signers=record.signers)
            self.records = [one for one in self.records if one.verified or _place(one) != place]
        if place not in map(_place, self.records):
            self.records.append(record)
            self._thin(record)
            key = _key(record)
            self.first[key] = min(self.first.get(key, record.heard), record.heard)

    def _thin(self, record: StatementRecord) -> None:
        around = sorted((one for one in self.records if _place(one)[:2] == _place(record)[:2]), key=_place)[
            -4:
        ]
        alike = len(around) == 4 and {_key(one) for one in around} == {_key(record)} and around[-1] is record
        if alike and is_one_of_many(around):
            self.records.remove(around[-2])

    def _take_event(self, heard: HostEvent, now: datetime) -> None:
        name = heard.event.subject
        own = self._of.setdefault(name, {})
        if heard.event.id in own:
            self.collided[name] += own[heard.event.id].event != heard.event
            return
        record = EventRecord(len(self.events) + 1, heard.event, now, heard.verified)
        own[heard.event.id] = record
        self.events.append(record)
        dossier = self.dossiers.setdefault(name, Dossier(name, now))
        dossier.take_event(heard, now)
        self._spoken_of(dossier, now)

    def _spoken_of(self, dossier: Dossier, now: datetime) -> None:
        for key in dossier.trodden:
            self.first[key] = min(self.first.get(key, now), now)
        dossier.trodden.clear()

    def _talk(self, key: ReleaseKey) -> int:
        return sum(key in dossier.ways for dossier in self.dossiers.values())

    def _latest(self, key: ReleaseKey) -> StatementRecord | None:
        return next(reversed(self.statements(key)), None)

    def _wave(self, key: ReleaseKey, dossier: Dossier) -> str:
        latest = self._latest(key)
        labels = {} if dossier.status is None else dossier.status.labels
        return wave_in(None if latest is None else latest.statement, dossier.name, labels)

    def _waited(self, name: str, key: ReleaseKey, way: Way) -> dict[str, float]:
        if not way.standing.phase.final:
            return {}
        told = (record.event for record in self._of.get(name, {}).values())
        return waited((one.time, one.id, one.data.waiting_for) for one in told if release_of(one) == key)

    def _places(self, key: ReleaseKey) -> dict[str, tuple[str, Phase]]:
        """Wave and phase of each host that is counted; nobody waits for what is no longer the newest."""
        latest = self._latest(key)
        others = (record.statement.predicate for record in self.records)
        channel = [one for one in others if (one.product, one.channel) == (key.product, key.channel)]
        newest = max((one.sequence for one in channel), default=0)
        asked = None if latest is None or latest.statement.predicate.sequence < newest else latest.statement
        places: dict[str, tuple[str, Phase]] = {}
        for name, dossier in self.dossiers.items():
            way = dossier.ways.get(key)
            if way is not None:
                phase = way.standing.phase
            elif asked is not None and _is_meant(asked, dossier.status):
                phase = Phase.PENDING
            else:
                continue
            labels = {} if dossier.status is None else dossier.status.labels
            places[name] = wave_in(None if latest is None else latest.statement, name, labels), phase
        return places

    def _release(self, key: ReleaseKey) -> ReleaseRecord:
        latest = self._latest(key)
        ways = [dossier.ways[key] for dossier in self.dossiers.values() if key in dossier.ways]
        told = sorted((way.standing.at, way.standing.version) for way in ways if way.standing.version)
        version = latest.statement.predicate.version if latest else (told[-1][1] if told else "")
        counts = Counter(self._places(key).values())
        return ReleaseRecord(key, version or "", self.first[key], latest, counts)

    def _host(self, name: str) -> HostRecord:
        return replace(_record(self.dossiers[name]), collided=self.collided[name])

    def _found(self, query: HostQuery) -> list[str]:
        places = None if query.release is None else self._places(query.release)
        return [name for name in sorted(self.dossiers) if _fits(self.dossiers[name], query, places)]


def _fits(dossier: Dossier, query: HostQuery, places: dict[str, tuple[str, Phase]] | None) -> bool:
    status = dossier.status
    labels = {} if status is None else status.labels
    follows = () if status is None else status.follows
    if query.channel is not None:
        follows = tuple(one for one in follows if (one.product, one.channel) == query.channel)
    place = None if places is None else places.get(dossier.name)
    return (
        all(labels.get(key) == value for key, value in query.labels.items())
        and (query.channel is None or bool(follows))
        and (query.current is None or any(one.current == query.current for one in follows))
        and query.online in {None, dossier.presence is Presence.ONLINE}
        and (query.quiet_since is None or dossier.heard < query.quiet_since)
        and query.text.lower() in dossier.name.lower()
        and (places is None or (place is not None and query.wave in {None, place[0]}))
        and (places is None or (place is not None and query.phase in {None, place[1]}))
    )


def _is_meant(asked: ChannelStatement, status: HostStatus | None) -> bool:
    if status is None or not is_fit(asked, status.labels, arch_of(status)):
        return False
    channel = asked.predicate.product, asked.predicate.channel
    return any((follow.product, follow.channel) == channel for follow in status.follows)


def _record(dossier: Dossier) -> HostRecord:
    online = dossier.presence is Presence.ONLINE
    return HostRecord(dossier.name, online, dossier.heard, dossier.status, dict(dossier.standings))


def _place(record: StatementRecord) -> tuple[str, str, int]:
    predicate = record.statement.predicate
    return predicate.product, predicate.channel, predicate.sequence


def _key(record: StatementRecord) -> ReleaseKey:
    predicate = record.statement.predicate
    return ReleaseKey(predicate.product, predicate.channel, record.statement.digest)
