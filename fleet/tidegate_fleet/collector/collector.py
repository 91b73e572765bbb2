"""The loop: connect, gather, store, acknowledge.

A message is acknowledged when the transaction that holds it is committed, and not before: a collector that is
killed between the two gets it once more, and the store knows it by its id.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_fleet.collector.line import Line
from tidegate_fleet.store.faults import StoreError
from tidegate_schemas.codes import Code
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.mqtt.failures import BusError

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from tidegate_fleet.collector.intake import Intake
    from tidegate_fleet.collector.settings import CollectorSettings
    from tidegate_fleet.collector.tap import Meter
    from tidegate_fleet.collector.upkeep import Upkeep
    from tidegate_fleet.store.rows import Word
    from tidegate_wire.mqtt.messages import Message
    from tidegate_wire.mqtt.settings import BusSettings

_STORE_AGAIN_MOST_S: Final = 30.0
# What no waiting mends: another setting is needed.
_FATAL: Final = frozenset({Code.STORE_NEWER})


class Collector:
    """Collects until it is told to stop.

    Args:
        bus: the broker and our credentials.
        settings: of the collector.
        intake: brings words into the store.
        upkeep: what is done beside.
        meter: counts.
        stop: set from outside when it should come to an end: it stores what it has, and says goodbye.
    """

    def __init__(
        self,
        bus: BusSettings,
        settings: CollectorSettings,
        intake: Intake,
        upkeep: Upkeep,
        meter: Meter,
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._line = Line(bus, settings, stop)
        self._intake = intake
        self._upkeep = upkeep
        self._meter = meter
        self._stop = stop
        self._heard_s = 0.0
        self._batch_s = 0.0

    def run(self) -> None:
        """Collect.

        Raises:
            TidegateError: what no waiting mends: CONFIG_*, BUS_PROTOCOL when events cannot be shared,
                STORE_NEWER.
        """
        while not self._stop.is_set():
            try:
                self._line.connect()
                self._meter.connected(up=True)
                self._listen()
            except BusError as error:
                self._line.pause(error)
            else:
                return
            finally:
                self._meter.connected(up=False)
                self._line.close()

    def _listen(self) -> None:
        """Until it is told to stop, or nothing came for long enough. Raises BusError."""
        self._heard_s = time.monotonic()
        while not self._stop.is_set() and not self._idle():
            messages = self._line.gather(batch_s=self._batch_s)
            self._take(messages)
            if len(messages) < self._settings.batch or self._upkeep.overdue:
                self._upkeep.turn()
        # What came meanwhile is here already: it costs nobody a redelivery.
        self._take(self._line.gather(0))

    def _idle(self) -> bool:
        limit = self._settings.idle_s
        return limit is not None and time.monotonic() - self._heard_s >= limit and not self._upkeep.busy

    def _take(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        began = self._heard_s = time.monotonic()
        words = self._intake.read(messages)
        self._meter.waiting(len(words) + self._line.waiting)
        if self._stored(words):
            self._line.done(messages)
        self._batch_s = time.monotonic() - began
        self._meter.waiting(self._line.waiting)

    def _stored(self, words: list[Word]) -> bool:
        """Bring words into the store, however long it takes; False: that was given up. Raises BusError."""
        backoff = Backoff(random.random, cap_s=_STORE_AGAIN_MOST_S)
        while True:
            try:
                if self._intake.store(words):
                    self._upkeep.placing()
            except StoreError as error:
                if error.code in _FATAL:
                    raise
                if self._stop.is_set():
                    logger.warning("{} [{}]; ends, and leaves it to the broker", error.reason, error.code)
                    return False
                pause_s = backoff.failed()
                logger.warning("{} [{}]; next attempt in {:.1f} s", error.reason, error.code, pause_s)
                self._line.rest(pause_s)
            else:
                return True
