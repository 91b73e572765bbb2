"""A target: OpenTelemetry events, and a trace for each update that ended, over OTLP/HTTP.

What is sent is made by `otlp_messages`; how, by `posting`: the exporters of OpenTelemetry's own SDK keep
their queue in memory, and drop what does not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_fleet.outward.otlp_messages import (
    has_attempt,
    logs_request,
    place_of,
    rejected_of,
    traces_request,
)
from tidegate_fleet.outward.targets import UnwantedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_fleet.history import EventRecord, History
    from tidegate_fleet.outward.posting import Poster
    from tidegate_schemas.events import UpdateEvent

BATCH: Final = 100
"""Events in one request."""

_CONTENT: Final = {"Content-Type": "application/x-protobuf"}
_STEPS: Final = 100


class Otlp:
    """Implements `targets.Target`.

    Args:
        logs: posts to the receiver's `/v1/logs`.
        traces: posts to its `/v1/traces`; None leaves them out.
        history: for the steps of an update that ended.
    """

    name = "otlp"
    most = BATCH

    def __init__(self, logs: Poster, traces: Poster | None, history: History) -> None:
        self._logs = logs
        self._traces = traces
        self._history = history
        self._logged = 0

    def deliver(self, records: Sequence[EventRecord]) -> None:
        """See Target.deliver. Events whose trace is not wanted are delivered: their logs are there."""
        if fresh := [record for record in records if record.number > self._logged]:
            _look_at(self._logs.post(logs_request(fresh).SerializeToString(), _CONTENT))
            # What is tried again because of its trace does not come twice.
            self._logged = fresh[-1].number
        if self._traces is None:
            return
        ended = [record for record in records if record.event.data.step.final and has_attempt(record.event)]
        if ended:
            self._trace(self._traces, ended, alone=len(records) == 1)

    def _trace(self, traces: Poster, ended: Sequence[EventRecord], *, alone: bool) -> None:
        passages = [(record, self._steps(record)) for record in ended]
        try:
            traces.post(traces_request(passages).SerializeToString(), _CONTENT)
        except UnwantedError as error:
            if not alone:
                raise
            logger.error("otlp: no trace of event {!r}: {}", ended[0].event.id, error.reason)

    def _steps(self, record: EventRecord) -> list[UpdateEvent]:
        """The steps of an update up to its end, oldest first."""
        place = place_of(record.event)
        host = record.event.subject
        told = self._history.host_events(host, record.number + 1, _STEPS)
        return [one.event for one in reversed(told) if place_of(one.event) == place]


def _look_at(answer: bytes) -> None:
    """Say what a receiver that took the request did not take of it (OTLP, "Partial Success")."""
    rejected, why = rejected_of(answer)
    if rejected:
        logger.error("otlp: the receiver did not take {} events: {}", rejected, why)
