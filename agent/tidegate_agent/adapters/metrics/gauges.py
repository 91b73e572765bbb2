"""What is looked at when somebody asks: a census of the agent, as Prometheus has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    StateSetMetricFamily,
)

from tidegate_agent.update.states import Outcome, WaitFor
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from prometheus_client.core import Metric

    from tidegate_agent.census import Census, FollowCensus

_PREFIX: Final = "tidegate_agent_"
_CHANNEL: Final = ("product", "channel")

STATES: Final = (
    *("idle", "waiting", "staging", "staged", "activating", "rebooting", "proving", "rolling-back"),
    *(outcome.value for outcome in Outcome),
)
"""Where an update can stand: the kinds of `update.states`, and the outcomes of a settled one."""

FAULTS: Final = (Code.DISK_FULL, Code.DISK_IO, Code.DISK_READ_ONLY, Code.JOURNAL_CORRUPT)
"""What a disk can fail with."""

_OF_FOLLOWS: Final[tuple[tuple[str, str, Callable[[FollowCensus], float]], ...]] = (
    ("statement_sequence", "The sequence of the newest statement that was accepted.", lambda f: f.accepted),
    ("target_sequence", "The sequence that the last update was, or is, about.", lambda f: f.target),
    ("installed_sequence", "The sequence that brought the running image; 0: unknown.", lambda f: f.installed),
    (
        "statement_expires_timestamp_seconds",
        "When the newest statement ends; 0: there is none.",
        lambda f: _moment(f.expires),
    ),
    ("channel_stale", "1 while the newest statement has expired and none followed.", lambda f: f.stale),
    ("held", "1 while somebody holds this host back in the channel.", lambda f: f.held),
    ("quarantined_images", "Images that are not staged again.", lambda f: f.quarantined),
)


class AgentGauges:
    """A collector for `prometheus_client.CollectorRegistry`.

    Args:
        take: the agent in numbers; None when it does not answer in time.
        version: the agent's own.
    """

    def __init__(self, take: Callable[[], Census | None], version: str) -> None:
        self._take = take
        self._version = version

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that a registry asks nobody when this is registered."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield InfoMetricFamily(
            f"{_PREFIX}build", "The agent that tells this.", value={"version": self._version}
        )
        census = self._take()
        yield _gauge("engine_responding", "1 when the agent's engine answered.", census is not None)
        if census is not None:
            yield from _of_host(census)
            yield from _of_follows(census)


def _of_host(census: Census) -> Iterator[Metric]:
    yield _gauge("sampled_timestamp_seconds", "When these numbers were taken.", _moment(census.at))
    yield _counter("starts", "Starts of the agent on this host.", census.start)
    yield _gauge("bus_connected", "1 while the broker is there.", census.connected)
    yield _gauge("clock_synchronised", "1 while the clock is kept in step.", census.synchronised)
    fault = GaugeMetricFamily(
        f"{_PREFIX}disk_fault", "1 while the disk does not take what must be remembered.", labels=("code",)
    )
    for code in dict.fromkeys((*FAULTS, *filter(None, (census.fault,)))):
        fault.add_metric((code.value,), code is census.fault)
    yield fault
    yield _gauge("outbox_events", "Events that the broker does not have yet.", census.waiting)
    yield _counter("events_dropped", "Events that were given up unsent; never results.", census.dropped)
    if census.trust is not None:
        trust = census.trust
        yield _gauge("trust_root_present", "1 while there is a trusted root.", trust.root_digest is not None)
        text = "When the first thing of the trusted root ends; 0: unknown."
        yield _gauge("trust_root_expires_timestamp_seconds", text, _moment(trust.expires))
        text = "When the trusted root was last refreshed; 0: never."
        yield _gauge("trust_root_refreshed_timestamp_seconds", text, _moment(trust.refreshed_at))
        yield _gauge("trust_root_warnings", "What people have to do about it.", len(trust.warnings))


def _of_follows(census: Census) -> Iterator[Metric]:
    info = InfoMetricFamily(f"{_PREFIX}follow", "The image engine of a channel.", labels=_CHANNEL)
    state = StateSetMetricFamily(f"{_PREFIX}follow_state", "Where the update stands.", labels=_CHANNEL)
    waits = StateSetMetricFamily(
        f"{_PREFIX}waiting_for", "What the update waits for, while it waits.", labels=_CHANNEL
    )
    refused = CounterMetricFamily(
        f"{_PREFIX}messages_refused", "Messages that were refused, told or not.", labels=_CHANNEL
    )
    for follow in census.follows:
        channel = (follow.product, follow.channel)
        info.add_metric(channel, {"engine": follow.engine})
        state.add_metric(channel, {each: each == follow.state for each in STATES})
        waits.add_metric(channel, {each.value: each == follow.waiting_for for each in WaitFor})
        refused.add_metric(channel, follow.refused)
    yield from (info, state, waits, refused)
    for name, text, value in _OF_FOLLOWS:
        family = GaugeMetricFamily(f"{_PREFIX}{name}", text, labels=_CHANNEL)
        for follow in census.follows:
            family.add_metric((follow.product, follow.channel), value(follow))
        yield family


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}{name}", text, value)


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"{_PREFIX}{name}", text, value)


def _moment(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()
