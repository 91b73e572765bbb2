"""What is seen of the demo from outside at one moment, and the account of all events at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select

from tidegate_fleet.history import ReleaseKey
from tidegate_fleet.standing import Phase
from tidegate_fleet.store.schema import event
from tidegate_publisher.devstack.rollout_demo.scenario import CHANNEL, PRODUCT
from tidegate_publisher.devstack.simulator.figures import Figures
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_fleet.history import History
    from tidegate_fleet.store.connect import Store


@dataclass(frozen=True, slots=True)
class Release:
    """One release as the collector knows it.

    Attributes:
        counts: hosts by wave and phase.
        state: what the channel's newest statement about it says; None before there was one.
        opened: the waves that are open by that.
    """

    counts: Mapping[tuple[str, Phase], int] = field(default_factory=dict)
    state: RolloutState | None = None
    opened: tuple[str, ...] = ()

    def hosts(self, *phases: Phase, wave: str | None = None) -> int:
        """How many hosts are in one of these phases, in one wave or in all."""
        return sum(
            count for (of, phase), count in self.counts.items() if phase in phases and wave in (None, of)
        )


@dataclass(frozen=True, slots=True)
class Account:
    """Every event, counted at both ends.

    Attributes:
        created: put into a host's outbox.
        acknowledged: by the broker.
        collected: rows in the collector's database.
        distinct: of these, with ids of their own.
        missing: created and not collected.
        strange: collected and never created.
    """

    created: int
    acknowledged: int
    collected: int
    distinct: int
    missing: int
    strange: int

    @property
    def balanced(self) -> bool:
        """Whether each event is there exactly once."""
        same = self.created == self.acknowledged == self.collected == self.distinct
        return self.created > 0 and same and not self.missing and not self.strange


@dataclass(frozen=True, slots=True)
class Sight:
    """A moment. Everything but `fleet`, `leads` and `exits` is what the collector's database says.

    Attributes:
        fleet: what the simulator counts.
        hosts: known hosts.
        online: of these.
        running: hosts by digest.
        quarantined: hosts by digest.
        events: collected.
        releases: by version.
        leads: the wave that the release jobs speak of, by version.
        exits: of the release jobs, by version.
        nodes: brokers that run.
        cut_off: connections that were lost since a broker was killed.
        account: at the end.
    """

    fleet: Figures = field(default_factory=Figures)
    hosts: int = 0
    online: int = 0
    running: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    events: int = 0
    releases: Mapping[str, Release] = field(default_factory=dict)
    leads: Mapping[str, str] = field(default_factory=dict)
    exits: Mapping[str, int] = field(default_factory=dict)
    nodes: int = 0
    cut_off: int = 0
    account: Account | None = None

    def release(self, version: str) -> Release:
        """What is known of a release; nothing before it was heard of."""
        return self.releases.get(version, Release())


def look_at(history: History, digests: Mapping[str, str]) -> Sight:
    """What the collector's database says. Raises TidegateError(STORE_*)."""
    summary = history.summary()
    running: dict[str, int] = {}
    for (_, digest, _version), count in summary.running.items():
        running[digest] = running.get(digest, 0) + count
    return Sight(
        hosts=summary.hosts,
        online=summary.online,
        running=running,
        quarantined=summary.quarantined,
        events=summary.events,
        releases={version: _release(history, digest) for version, digest in digests.items()},
    )


def _release(history: History, digest: str) -> Release:
    record = history.release(ReleaseKey(PRODUCT, CHANNEL, digest))
    if record is None:
        return Release()
    if record.latest is None:
        return Release(record.counts)
    rollout = record.latest.statement.predicate.rollout
    return Release(record.counts, rollout.state, tuple(wave.name for wave in rollout.waves if wave.open))


def collected_ids(store: Store) -> list[str]:
    """The id of each row of events in a database. Raises TidegateError(STORE_*)."""
    with store.reading() as connection:
        return list(connection.scalars(select(event.c.id)))


def settle_account(collected: Sequence[str], created: set[str], acknowledged: set[str]) -> Account:
    """Compare what hosts told with what was collected, id by id."""
    distinct = set(collected)
    return Account(
        created=len(created),
        acknowledged=len(acknowledged),
        collected=len(collected),
        distinct=len(distinct),
        missing=len(created - distinct),
        strange=len(distinct - created),
    )
