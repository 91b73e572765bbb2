"""The fleet in numbers, out of the store when somebody asks.

Names of products, channels, waves and versions are said by hosts and statements. So many of each become
labels and no more; what is beyond counts as `other`. Of each channel the announced release is told.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, StateSetMetricFamily

from tidegate_fleet.history import PAGE, HostQuery, ReleaseKey
from tidegate_fleet.leading import asked
from tidegate_fleet.progress import SILENT_AFTER
from tidegate_fleet.standing import Phase
from tidegate_schemas.codes import TidegateError
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from prometheus_client.core import Metric

    from tidegate_fleet.history import History, ReleaseRecord, Summary
    from tidegate_fleet.hosts import Channel

CHANNELS: Final = 32
WAVES: Final = 16
VERSIONS: Final = 16
OTHER: Final = "other"
"""Stands for what is beyond the bounds above."""

_KEPT_S: Final = 10.0
_CHANNEL: Final = ("product", "channel")
_Key = TypeVar("_Key")


class FleetMetrics:
    """A collector for `prometheus_client.CollectorRegistry`. Asks the store every few seconds at most.

    Args:
        history: what was collected.
        now: the present moment.
        monotonic: seconds, to tell how old an answer is.
    """

    def __init__(
        self,
        history: History,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._history = history
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: tuple[float, tuple[Metric, ...]] | None = None

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that a registry does not ask the store when this is registered."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All families; only that the store does not answer, when it does not."""
        with self._lock:
            if self._kept is None or self._monotonic() - self._kept[0] > _KEPT_S:
                self._kept = self._monotonic(), tuple(self._asked())
            yield from self._kept[1]

    def _asked(self) -> Iterator[Metric]:
        try:
            found = [*_of_fleet(self._history.summary()), *self._of_releases()]
        except TidegateError:
            found = []
        yield GaugeMetricFamily(
            "tidegate_fleet_store_answers", "1 when the store answered the last question.", bool(found)
        )
        yield from found

    def _of_releases(self) -> Iterator[Metric]:
        chosen = list(self._announced())
        yield from _of_statements(chosen, self._now())
        yield _hosts_by_wave(chosen)
        yield self._failures(chosen)
        yield self._silent(chosen)

    def _announced(self) -> Iterator[ReleaseRecord]:
        """The announced release of each channel; where no statement was heard at all, the youngest one."""
        statements = self._history.newest_statements()[:CHANNELS]
        for said in statements:
            predicate = said.statement.predicate
            key = ReleaseKey(predicate.product, predicate.channel, said.statement.digest)
            if (record := self._history.release(key)) is not None:
                yield record
        if not statements:
            youngest: dict[Channel, ReleaseRecord] = {}
            for record in self._history.releases():
                youngest.setdefault((record.key.product, record.key.channel), record)
            yield from list(youngest.values())[:CHANNELS]

    def _failures(self, records: Sequence[ReleaseRecord]) -> Metric:
        family = _family("release_failures", "Hosts that failed the announced release, by code.", "code")
        for record in records:
            counted: Counter[str] = Counter()
            for failure in self._history.failures(record.key, PAGE["most"]):
                counted["none" if failure.code is None else failure.code.value] += failure.hosts
            for code, hosts in sorted(counted.items()):
                family.add_metric((record.key.product, record.key.channel, code), hosts)
        return family

    def _silent(self, records: Sequence[ReleaseRecord]) -> Metric:
        minutes = int(SILENT_AFTER.total_seconds() // 60)
        text = (
            f"Hosts that began to activate the announced release and were silent for {minutes} minutes since."
        )
        family = _family("release_silent_hosts", text)
        since = self._now() - SILENT_AFTER
        for record in records:
            query = HostQuery(release=record.key, phase=Phase.ACTIVATING, quiet_since=since)
            family.add_metric((record.key.product, record.key.channel), self._history.count_hosts(query))
        return family


def fleet_registry(history: History) -> CollectorRegistry:
    """The numbers of a fleet alone, for a page that runs apart from collectors."""
    registry = CollectorRegistry()
    registry.register(FleetMetrics(history))
    return registry


def _of_fleet(summary: Summary) -> Iterator[Metric]:
    yield GaugeMetricFamily("tidegate_fleet_hosts", "Hosts that were ever heard of.", summary.hosts)
    yield GaugeMetricFamily("tidegate_fleet_hosts_online", "Hosts that are connected.", summary.online)
    yield GaugeMetricFamily("tidegate_fleet_events", "Events that were ever collected.", summary.events)
    yield GaugeMetricFamily(
        "tidegate_fleet_last_event_timestamp_seconds",
        "When the newest event was collected; 0: never.",
        0.0 if summary.newest is None else summary.newest.timestamp(),
    )
    yield GaugeMetricFamily(
        "tidegate_fleet_quarantined_images",
        "Images that some host does not take back.",
        len(summary.quarantined),
    )
    running = _family("running_hosts", "Hosts by the version that they run.", "version")
    for (channel, version), hosts in _by_version(summary).items():
        running.add_metric((*channel, version), hosts)
    yield running
    stale = _family("stale_hosts", "Hosts whose newest statement has expired.")
    for channel, hosts in _bounded(summary.stale, CHANNELS, (OTHER, OTHER)).items():
        stale.add_metric(channel, hosts)
    yield stale


def _by_version(summary: Summary) -> dict[tuple[Channel, str], int]:
    by_channel: dict[Channel, Counter[str]] = {}
    for (channel, _, version), hosts in summary.running.items():
        by_channel.setdefault(channel, Counter())[version] += hosts
    sizes = {channel: versions.total() for channel, versions in by_channel.items()}
    return {
        (channel, version): hosts
        for channel in sorted(sizes, key=lambda one: (-sizes[one], one))[:CHANNELS]
        for version, hosts in _bounded(by_channel[channel], VERSIONS, OTHER).items()
    }


def _of_statements(records: Sequence[ReleaseRecord], now: datetime) -> Iterator[Metric]:
    info = InfoMetricFamily("tidegate_fleet_release", "The announced release of a channel.", labels=_CHANNEL)
    state = StateSetMetricFamily(
        "tidegate_fleet_release_state", "What its newest statement says of the rollout.", labels=_CHANNEL
    )
    began = _family("release_first_timestamp_seconds", "When it was first heard of.")
    sequence = _family("release_sequence", "The sequence of its newest statement.")
    expires = _family("release_expires_timestamp_seconds", "When its newest statement ends.")
    approval = _family(
        "release_approval_asked_timestamp_seconds",
        "Since when its run waits for a person's approval of a wave; 0: it does not.",
    )
    for record in records:
        channel = record.key.product, record.key.channel
        info.add_metric(channel, {"version": record.version, "digest": record.key.digest})
        began.add_metric(channel, record.first.timestamp())
        if record.latest is not None:
            said = record.latest.statement.predicate
            state.add_metric(channel, {each.value: each is said.rollout.state for each in RolloutState})
            sequence.add_metric(channel, said.sequence)
            expires.add_metric(channel, said.expires.timestamp())
            wanted = asked(said.rollout, now)
            approval.add_metric(channel, 0 if wanted is None else wanted.since.timestamp())
    yield from (info, state, began, sequence, expires, approval)


def _hosts_by_wave(records: Sequence[ReleaseRecord]) -> Metric:
    family = _family("release_hosts", 'Hosts in the announced release; wave "": in none.', "wave", "phase")
    for record in records:
        sizes: Counter[str] = Counter()
        for (wave, _), hosts in record.counts.items():
            sizes[wave] += hosts
        shown = {wave for wave, _ in sizes.most_common(WAVES)}
        counts: Counter[tuple[str, Phase]] = Counter()
        for (wave, phase), hosts in record.counts.items():
            counts[wave if wave in shown else OTHER, phase] += hosts
        for (wave, phase), hosts in sorted(counts.items()):
            family.add_metric((record.key.product, record.key.channel, wave, phase.value), hosts)
    return family


def _bounded(counts: Mapping[_Key, int], most: int, other: _Key) -> dict[_Key, int]:
    """The largest so many, and the sum of the others."""
    ordered = Counter(counts).most_common()
    found = dict(ordered[:most])
    if rest := sum(hosts for _, hosts in ordered[most:]):
        found[other] = found.get(other, 0) + rest
    return found


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tidegate_fleet_{name}", text, labels=(*_CHANNEL, *labels))
