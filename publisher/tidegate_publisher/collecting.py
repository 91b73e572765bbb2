"""Running a collector as a service: signals, logs, and whose signatures count."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_fleet.collector.service import build_collector, open_patiently
from tidegate_fleet.collector.tally import Tally
from tidegate_fleet.words import EventCheck
from tidegate_publisher.adapters.statement_check import PolicyCheck
from tidegate_publisher.options.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from tidegate_fleet.collector.settings import CollectorSettings
    from tidegate_publisher.output import Output
    from tidegate_wire.mqtt.settings import BusSettings

_FORMAT: Final = "{time:YYYY-MM-DDTHH:mm:ss.SSSZZ} {level:<7} {message}"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where things come from and go to.

    Attributes:
        store: the database's URL.
        events: the device keys, if any.
        trust: who may sign statements, if anybody is named.
    """

    store: str
    events: EventCheck | None
    trust: Trust


def run(bus: BusSettings, settings: CollectorSettings, sources: Sources, output: Output) -> Tally:
    """Collect until a signal comes, or as long as the settings say; what was collected, in numbers.

    Raises:
        TidegateError: CONFIG_*, STORE_NEWER, STORE_REFUSED, BUS_PROTOCOL.
    """
    _log_to_stderr(quiet=output.quiet)
    for warning in bus.warnings:
        logger.warning(warning)
    statements = PolicyCheck.of(sources.trust)
    if statements is None:
        logger.info("Nobody is named who may sign: statements are taken at their word")
    if sources.events is None:
        logger.info("There are no device keys: events are taken at their word")
    with _stopped_by_signals() as stop:
        store = open_patiently(sources.store, stop)
        if store is None:
            return Tally()
        with store:
            logger.info("Collecting into {} as {}", store.label, settings.name)
            collector, tally = build_collector(
                bus, settings, store, stop, events=sources.events, statements=statements
            )
            collector.run()
    logger.info("Ended: {} events, {} statuses were new", tally.events, tally.statuses)
    return tally


def _log_to_stderr(*, quiet: bool) -> None:
    logger.remove()
    # No tracebacks: they go to whoever sets TIDEGATE_DEBUG, and messages may hold what hosts said.
    logger.add(
        sys.stderr, level="WARNING" if quiet else "INFO", format=_FORMAT, backtrace=False, diagnose=False
    )


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
