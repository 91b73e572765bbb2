"""The port to what was collected: what the page, the report and a person may ask. PURE.

The store keeps it (tidegate_fleet.store); tests/fakes/history.py keeps it in memory. Both pass one contract
suite. Everything in here was said by hosts and is as true as they are.

It is longer than other files because it is the port's whole vocabulary, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from tidegate_fleet.hosts import Channel
from tidegate_fleet.standing import Phase, Standing
from tidegate_schemas.codes import Code
from tidegate_schemas.events import UpdateEvent
from tidegate_schemas.statement import ChannelStatement
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from collections.abc import Iterator


PAGE: dict[str, int] = {"usual": 50, "most": 500}
"""How many rows an answer has: when nobody says, and at most."""


MOST_STATEMENTS: Final = 1000
MOST_CHANNELS: Final = 100


@dataclass(frozen=True, slots=True)
class ReleaseKey:
    """One image on one channel: what operators call a release. Several statements may speak of it."""

    product: str
    channel: str
    digest: str


@dataclass(frozen=True, slots=True)
class StatementRecord:
    """A statement as the channel held it.

    Attributes:
        statement: what it says.
        heard: when it was first heard here.
        verified: whether it was verified against a policy; False: taken at its word.
        signers: who signed, in words.
    """

    statement: ChannelStatement
    heard: datetime
    verified: bool
    signers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostRecord:
    """A host as it is known now; as `hosts.Host`.

    Attributes:
        name: its id.
        online: whether it is connected.
        heard: when it last said anything.
        status: the newest status in which it described itself.
        standings: where it stands in each channel.
        flooded: words of it that were not taken in, because it talked too much.
        collided: events of it that came with the id of an earlier one and other content.
    """

    name: str
    online: bool
    heard: datetime
    status: HostStatus | None
    standings: Mapping[Channel, Standing] = field(default_factory=dict)
    flooded: int = 0
    collided: int = 0


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event that was collected.

    Attributes:
        number: its place in the order of collection; grows, with gaps.
        event: what the host said.
        heard: when it was collected.
        verified: whether a device key of the host signed it.
    """

    number: int
    event: UpdateEvent
    heard: datetime
    verified: bool


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """A release and how far it is.

    Attributes:
        key: which one.
        version: for people, from the newest statement or event.
        first: when it was first heard of.
        latest: the newest statement about it, if any was heard.
        counts: hosts by wave (`progress.NO_WAVE` for none) and phase.
    """

    key: ReleaseKey
    version: str
    first: datetime
    latest: StatementRecord | None
    counts: Mapping[tuple[str, Phase], int]


@dataclass(frozen=True, slots=True)
class Passage:
    """One host's way through one release: moments by the collector's clock, durations by the host's.

    Attributes:
        host: whose.
        wave: in which it was counted.
        standing: where it stands now.
        began: when it was first heard of.
        activated: when it began to activate, if it did.
        ended: when it came to an end, if it did.
        durations: seconds in each step, as the host told at the end; `total` among them.
        waited_for: the seconds that it waited for each thing (`window`, `wave`), as far as events tell.
        events: how many events about it were collected; 0 when only a status told.
        verified: how many of these a device key of the host signed.
    """

    host: str
    wave: str
    standing: Standing
    began: datetime
    activated: datetime | None = None
    ended: datetime | None = None
    durations: Mapping[str, float] = field(default_factory=dict)
    waited_for: Mapping[str, float] = field(default_factory=dict)
    events: int = 0
    verified: int = 0


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """The hosts that failed a release with one code, as they stand now.

    Attributes:
        code: the code; None for those that told none.
        hosts: how many of them.
        newest: when the last of them was first heard to have failed, by the collector's clock.
        reason: what that one said.
        host: which one that was.
    """

    code: Code | None
    hosts: int
    newest: datetime
    reason: str
    host: str


@dataclass(frozen=True, slots=True)
class Adopted:
    """How many hosts had come to an end with a release by a moment, of those that stand there now.

    Attributes:
        at: the moment, by the collector's clock.
        succeeded: hosts that had succeeded by then.
        failed: hosts that had failed by then.
    """

    at: datetime
    succeeded: int
    failed: int


@dataclass(frozen=True, slots=True)
class HostQuery:
    """Which hosts are asked for. What is None or empty does not narrow.

    Attributes:
        labels: all of these must match.
        channel: hosts that follow it.
        current: hosts that run this digest, in `channel` if given.
        phase: hosts in this phase of `release`.
        release: hosts that are counted in it, in any phase; PENDING ones while it is the channel's newest.
        wave: hosts in this wave of `release`.
        online: only connected ones, or only others.
        quiet_since: hosts that have said nothing since this moment.
        text: part of the host's name, in whatever case.
        after: names that sort after this one: where the page before ended.
        limit: rows, at most PAGE["most"].
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    channel: Channel | None = None
    current: str | None = None
    phase: Phase | None = None
    release: ReleaseKey | None = None
    wave: str | None = None
    online: bool | None = None
    quiet_since: datetime | None = None
    text: str = ""
    after: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Summary:
    """The fleet in numbers.

    Attributes:
        hosts: known ones.
        online: of these, connected.
        running: hosts by channel, digest and version that they run.
        quarantined: hosts by quarantined digest.
        stale: hosts by channel whose newest statement has expired.
        events: collected so far, also those that are forgotten by now.
        newest: when the newest event was collected.
    """

    hosts: int
    online: int
    running: Mapping[tuple[Channel, str, str], int]
    quarantined: Mapping[str, int]
    stale: Mapping[Channel, int]
    events: int
    newest: datetime | None


class History(Protocol):
    """What was collected. Reads only; safe to call from several threads. Raises TidegateError(STORE_*)."""

    def summary(self) -> Summary:
        """The fleet in numbers."""
        ...

    def hosts(self, query: HostQuery) -> tuple[HostRecord, ...]:
        """Hosts by name; the next page begins after the last one's name."""
        ...

    def count_hosts(self, query: HostQuery) -> int:
        """How many hosts a query finds on all pages."""
        ...

    def host(self, name: str) -> HostRecord | None:
        """One host."""
        ...

    def host_events(self, name: str, before: int | None = None, limit: int = 50) -> tuple[EventRecord, ...]:
        """A host's events, newest first; `before` is the number that the page before ended with."""
        ...

    def events_after(self, number: int, limit: int = 500) -> tuple[EventRecord, ...]:
        """All hosts' events in the order of collection, from after `number` on."""
        ...

    def newest_number(self) -> int:
        """The number of the event that was collected last; 0 when there is none."""
        ...

    def releases(self, limit: int = 50, channel: Channel | None = None) -> tuple[ReleaseRecord, ...]:
        """Releases, of one channel or of all, the newest first.

        Without a statement one counts when two hosts speak of it: a single one could invent any number.
        """
        ...

    def release(self, key: ReleaseKey) -> ReleaseRecord | None:
        """One release."""
        ...

    def statements(self, key: ReleaseKey) -> tuple[StatementRecord, ...]:
        """The statements about a release, the oldest first: what was promoted, held and revoked when.

        Of those in a row that did the same, as heartbeats do, the first and the last
        (`acts.is_one_of_many`); of more than MOST_STATEMENTS the newest.
        """
        ...

    def newest_statements(self) -> tuple[StatementRecord, ...]:
        """The newest statement of each channel; of more than MOST_CHANNELS those heard last."""
        ...

    def failures(self, key: ReleaseKey, limit: int = 50) -> tuple[FailureRecord, ...]:
        """Hosts that failed a release, by code; the code with the most hosts first."""
        ...

    def adoption(self, key: ReleaseKey, points: int = 120) -> tuple[Adopted, ...]:
        """How a release came to its hosts, the oldest moment first, in at most so many points.

        The first point is before the first host came to an end, the last one says how things stand.
        """
        ...

    def passages(self, key: ReleaseKey) -> Iterator[Passage]:
        """Every host's way through a release, streamed: there may be a hundred thousand of them."""
        ...
