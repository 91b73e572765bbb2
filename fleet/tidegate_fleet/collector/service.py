"""A collector put together: what `tidegate collect` runs, and whoever else wants one in its process."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_fleet.collector.collector import Collector
from tidegate_fleet.collector.intake import Intake
from tidegate_fleet.collector.reading import MessageReader
from tidegate_fleet.collector.tally import Tally
from tidegate_fleet.collector.upkeep import Upkeep
from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.forgetting import Forgetting
from tidegate_fleet.store.writer import Writer
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.backoff import Backoff

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from tidegate_fleet.collector.reading import StatementCheck
    from tidegate_fleet.collector.settings import CollectorSettings
    from tidegate_fleet.collector.tap import Meter, Tap
    from tidegate_fleet.store.connect import Store
    from tidegate_fleet.words import EventCheck
    from tidegate_wire.mqtt.settings import BusSettings

_STORE_AGAIN_MOST_S: Final = 30.0


def build_collector(  # noqa: PLR0913 -- the composition root: one argument for each part that is chosen outside
    bus: BusSettings,
    settings: CollectorSettings,
    store: Store,
    stop: threading.Event,
    *,
    events: EventCheck | None = None,
    statements: StatementCheck | None = None,
    taps: Sequence[Tap] = (),
    meters: Sequence[Meter] = (),
) -> tuple[Collector, Tally]:
    """A collector that is ready to run, and what counts its work.

    Args:
        bus: the broker and our credentials.
        settings: of the collector.
        store: an open database; several collectors of one process may use it.
        stop: set when it should come to an end.
        events: the device keys, if events have to be signed.
        statements: who may sign statements, if they have to be verified.
        taps: are told of what is in the store.
        meters: count.
    """
    tally = Tally(meters)
    writer = Writer(store, settings.name, settings.most_hosts, settings.forget_hosts)
    reader = MessageReader(bus.topics, events, statements)
    intake = Intake(settings, reader, writer, (tally, *taps), tally, _now)
    upkeep = Upkeep(settings, writer, Forgetting(store), _now)
    return Collector(bus, settings, intake, upkeep, tally, stop), tally


def open_patiently(url: str, stop: threading.Event, *, make: bool = True) -> Store | None:
    """Open a database, however long it takes to come up; None when it was told to stop before that.

    Args:
        url: of the database.
        stop: set when it should come to an end.
        make: see `open_store`.

    Raises:
        TidegateError: what no waiting mends: CONFIG_VALUE, STORE_NEWER, STORE_REFUSED.
    """
    backoff = Backoff(random.random, cap_s=_STORE_AGAIN_MOST_S)
    while not stop.is_set():
        try:
            return open_store(url, make=make)
        except TidegateError as error:
            if error.code is not Code.STORE_UNREACHABLE:
                raise
            pause_s = backoff.failed()
            logger.warning("{} [{}]; next attempt in {:.1f} s", error.reason, error.code, pause_s)
            stop.wait(pause_s)
    return None


def _now() -> datetime:
    return datetime.now(UTC)
