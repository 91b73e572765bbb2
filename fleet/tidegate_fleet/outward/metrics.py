"""What a collector counts as it works, and the answer to a scrape.

Labels are words of the schemas package, or few by nature. What hosts say becomes none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, Info, generate_latest

from tidegate_fleet.refusal import Refusal
from tidegate_schemas import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prometheus_client import CollectorRegistry

    from tidegate_fleet.history import EventRecord
    from tidegate_schemas.codes import Code

METRICS_TYPE: Final = CONTENT_TYPE_LATEST
"""The content type of `metrics_response`."""

_BATCH_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LAG_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


def metrics_response(registry: CollectorRegistry) -> bytes:
    """The body of an answer to a scrape, of the type METRICS_TYPE."""
    return generate_latest(registry)


class CollectorMetrics:
    """Counts what a collector does, as its tap and its meter. For any thread.

    Args:
        registry: where the numbers are kept.
        now: the present moment.
    """

    def __init__(
        self, registry: CollectorRegistry, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"tidegate_collector_{name}", text, labels, registry=registry)

        self._now = now
        build = Info("tidegate_collector_build", "The collector that tells this.", registry=registry)
        build.info({"version": __version__})
        self._events = counter("events", "Events that were collected, by step.", "step")
        self._failures = counter("event_failures", "Collected events that tell a code, by code.", "code")
        self._statuses = counter("statuses", "Statuses of hosts that told something new.")
        self._statements = counter("statements", "Statements of channels that were new.")
        self._repeated = counter("words_repeated", "Words of hosts that were collected before.")
        self._refused = counter("words_refused", "Words of hosts that were not taken in.", "reason")
        for reason in Refusal:
            self._refused.labels(reason.value)
        self._errors = counter("store_errors", "Batches that the store did not take, by code.", "code")
        self._batches = Histogram(
            "tidegate_collector_batch_duration_seconds",
            "How long the store took for a batch.",
            registry=registry,
            buckets=_BATCH_S,
        )
        self._lag = Histogram(
            "tidegate_collector_event_lag_seconds",
            "From when a host says that something happened to when that was collected. Clocks of hosts lie.",
            registry=registry,
            buckets=_LAG_S,
        )
        self._newest = Gauge(
            "tidegate_collector_last_event_timestamp_seconds",
            "When the newest event was collected; 0: none since the start.",
            registry=registry,
        )
        self._waiting = Gauge(
            "tidegate_collector_waiting_words",
            "Words that came and are not in the store yet.",
            registry=registry,
        )
        self._connected = Gauge(
            "tidegate_collector_bus_connected", "1 while the broker is there.", registry=registry
        )

    def committed(self, events: Sequence[EventRecord], statuses: int) -> None:
        """See the collector's Tap: these are in the store now."""
        self._statuses.inc(statuses)
        for record in events:
            said = record.event.data
            self._events.labels(said.step.value).inc()
            if said.code is not None:
                self._failures.labels(said.code.value).inc()
            self._lag.observe(max(0.0, (record.heard - record.event.time).total_seconds()))
        if events:
            self._newest.set(self._now().timestamp())

    def stored(self, seconds: float) -> None:
        """The store took a batch in so many seconds."""
        self._batches.observe(seconds)

    def failed(self, code: Code) -> None:
        """The store did not take a batch."""
        self._errors.labels(code.value).inc()

    def announced(self, count: int) -> None:
        """So many new statements were collected."""
        self._statements.inc(count)

    def repeated(self, count: int) -> None:
        """So many words were here before."""
        self._repeated.inc(count)

    def refused(self, reason: Refusal, count: int = 1) -> None:
        """So many words were not taken in."""
        self._refused.labels(reason.value).inc(count)

    def waiting(self, count: int) -> None:
        """So many words wait for the store now."""
        self._waiting.set(count)

    def connected(self, *, up: bool) -> None:
        """Whether the broker is there now."""
        self._connected.set(up)


class DeliveryMetrics:
    """Counts what couriers do. For any thread; implements `courier.Ledger` for one target."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"tidegate_outward_{name}", text, ("target", *labels), registry=registry)

        self._events = counter(
            "events",
            "Events that are done with, by target: delivered, refused by it, or too old.",
            "outcome",
        )
        self._attempts = counter("failed_attempts", "Attempts that failed and are made again.")
        self._behind = Gauge(
            "tidegate_outward_behind_seconds",
            "How long the oldest undelivered event has been waiting for its target; 0: none waits.",
            ("target",),
            registry=registry,
        )

    def done(self, target: str, outcome: str, count: int) -> None:
        """See courier.Ledger."""
        self._events.labels(target, outcome).inc(count)

    def failed(self, target: str) -> None:
        """See courier.Ledger."""
        self._attempts.labels(target).inc()

    def behind(self, target: str, seconds: float) -> None:
        """See courier.Ledger."""
        self._behind.labels(target).set(seconds)
