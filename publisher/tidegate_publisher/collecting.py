"""Running a collector as a service, and whose signatures count."""

from __future__ import annotations

import contextlib
import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_fleet.collector.service import build_collector, open_patiently
from tidegate_fleet.collector.tally import Tally
from tidegate_fleet.outward.assembly import OutwardSettings, outgoing
from tidegate_fleet.store.reader import StoredHistory
from tidegate_fleet.words import EventCheck
from tidegate_publisher.adapters.statement_check import PolicyCheck
from tidegate_publisher.options.trust import Trust
from tidegate_publisher.service import log_to_stderr, stopped_by_signals

if TYPE_CHECKING:
    from tidegate_fleet.collector.settings import CollectorSettings
    from tidegate_publisher.options.page import Page
    from tidegate_publisher.output import Output
    from tidegate_wire.mqtt.settings import BusSettings

_COLLECTIONS: Final = (50_000, 20, 50)
"""Words come by the thousand, none refers back to itself: Python's own 700 cost a tenth of the processor."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where things come from and go to.

    Attributes:
        store: the database's URL.
        events: the device keys, if any.
        trust: who may sign statements, if anybody is named.
        outward: where results go besides, if anywhere.
    """

    store: str
    events: EventCheck | None
    trust: Trust
    outward: OutwardSettings | None = None


def run(bus: BusSettings, settings: CollectorSettings, sources: Sources, page: Page, output: Output) -> Tally:
    """Collect until a signal comes, or as long as the settings say; what was collected, in numbers.

    Raises:
        TidegateError: CONFIG_*, STORE_NEWER, STORE_REFUSED, BUS_PROTOCOL, PAGE_*.
    """
    log_to_stderr(quiet=output.quiet)
    gc.set_threshold(*_COLLECTIONS)
    for warning in bus.warnings:
        logger.warning(warning)
    statements = PolicyCheck.of(sources.trust)
    if statements is None:
        logger.info("Nobody is named who may sign: statements are taken at their word")
    if sources.events is None:
        logger.info("There are no device keys: events are taken at their word")
    with stopped_by_signals() as stop, contextlib.ExitStack() as opened:
        # Those who ask have connections of their own: however many they are, collecting goes on.
        stores = []
        for make in (True, False):
            store = open_patiently(sources.store, stop, make=make)
            if store is None:
                return Tally()
            stores.append(opened.enter_context(store))
        store, asked = stores
        history = StoredHistory(asked)
        with outgoing(sources.outward, history) as out, page.served(history, out.registry) as served:
            logger.info("Collecting into {} as {}", store.label, settings.name)
            if served is not None:
                logger.info("The page is at {}", served.address)
            collector, tally = build_collector(
                bus,
                settings,
                store,
                stop,
                events=sources.events,
                statements=statements,
                taps=out.taps,
                meters=(out.metrics,),
            )
            collector.run()
    logger.info("Ended: {} events, {} statuses were new", tally.events, tally.statuses)
    return tally
