"""What is counted as it happens, on whatever thread that is. The library's counters are thread-safe."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram

from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry

    from tidegate_agent.model import Follow
    from tidegate_agent.records import Change
    from tidegate_schemas.codes import Code
    from tidegate_schemas.events import UpdateEvent

REMEMBERED: Final = 256
"""Ids of events: after a crash a step is committed once more, and is the same event still."""

_CHANNEL: Final = ("product", "channel")
_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Counts:
    """Implements `adapters.observed.Observer`.

    Args:
        registry: where the counters are kept.
        follows: the channels of this host; nothing else becomes a label.
        history: the newest events of the journal, newest first: counters begin at zero, moments do not.
    """

    def __init__(
        self, registry: CollectorRegistry, follows: Iterable[Follow], history: Iterable[UpdateEvent] = ()
    ) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"tidegate_agent_{name}", text, labels, registry=registry)

        self._connections = counter("bus_connections", "Connections to a broker that were made.")
        self._disconnections = counter(
            "bus_disconnections", "Connections that were lost, or could not be made, by reason.", "code"
        )
        self._messages = counter("messages_received", "Messages that came over the broker.")
        self._bytes = counter("messages_received_bytes", "Their payloads, in bytes.")
        self._verifications = counter(
            "verifications",
            "Verifications by what was verified (statement, request, or the warrant of an activation) and how"
            " that ended: genuine, or the code of the refusal.",
            *("subject", "outcome"),
        )
        self._durations = Histogram(
            "tidegate_agent_verification_duration_seconds",
            "How long a verification took.",
            ("subject",),
            registry=registry,
            buckets=_SECONDS,
        )
        self._updates = counter("updates", "Updates that ended, by outcome.", *_CHANNEL, "outcome")
        self._failures = counter(
            "update_failures", "Updates that did not succeed, by code.", *_CHANNEL, "code"
        )
        self._refusals = counter(
            "refusals_reported", "Messages whose refusal was told to the fleet, by code.", *_CHANNEL, "code"
        )
        self._waits = counter("waits", "Times that an update began to wait, by reason.", *_CHANNEL, "reason")
        self._fetched = counter("downloaded_bytes", "Bytes of images that were fetched.", *_CHANNEL)
        self._succeeded = Gauge(
            "tidegate_agent_last_success_timestamp_seconds",
            "When an update last succeeded, by the host's clock; 0 when none is known.",
            _CHANNEL,
            registry=registry,
        )
        self._known: OrderedDict[str, None] = OrderedDict()
        self._follows = {(one.product, one.channel) for one in follows}
        for channel in self._follows:
            self._fetched.labels(*channel)
            self._succeeded.labels(*channel)
        for event in reversed(list(history)):
            self._known[event.id] = None
            self._note_success(event)

    def connected(self) -> None:
        """See Observer.connected."""
        self._connections.inc()

    def disconnected(self, code: Code) -> None:
        """See Observer.disconnected."""
        self._disconnections.labels(code.value).inc()

    def received(self, size: int) -> None:
        """See Observer.received."""
        self._messages.inc()
        self._bytes.inc(size)

    def verified(self, what: str, code: Code | None, seconds: float) -> None:
        """See Observer.verified."""
        self._verifications.labels(what, "genuine" if code is None else code.value).inc()
        self._durations.labels(what).observe(seconds)

    def fetched(self, follow: Follow, size: int) -> None:
        """See Observer.fetched."""
        self._fetched.labels(follow.product, follow.channel).inc(size)

    def committed(self, change: Change) -> None:
        """See Observer.committed."""
        for event in change.events:
            if event.id not in self._known:
                self._known[event.id] = None
                self._count(event)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _count(self, event: UpdateEvent) -> None:
        said = event.data
        channel = said.product or "", said.channel or ""
        if channel not in self._follows:
            return
        if said.step is Step.REJECTED and said.sequence is None and said.code is not None:
            self._refusals.labels(*channel, said.code.value).inc()
        elif said.step is Step.WAITING and said.waiting_for is not None:
            self._waits.labels(*channel, said.waiting_for).inc()
        elif said.step.final:
            self._updates.labels(*channel, said.step.value).inc()
            if said.code is not None:
                self._failures.labels(*channel, said.code.value).inc()
        self._note_success(event)

    def _note_success(self, event: UpdateEvent) -> None:
        channel = event.data.product or "", event.data.channel or ""
        if event.data.step is Step.SUCCEEDED and channel in self._follows:
            self._succeeded.labels(*channel).set(event.time.timestamp())
