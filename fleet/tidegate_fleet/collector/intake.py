"""Words into the store, come what may.

A batch that the store does not take is cut until the word that is to blame stands alone: that one is counted
and let go. That the store does not answer is no such case: then it is asked again.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_fleet.guard import HostGuard
from tidegate_fleet.harmless import harmless
from tidegate_fleet.refusal import Refusal
from tidegate_fleet.store.faults import StoreError, UnfitRowError
from tidegate_fleet.words import HostEvent
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tidegate_fleet.collector.reading import MessageReader
    from tidegate_fleet.collector.settings import CollectorSettings
    from tidegate_fleet.collector.tap import Meter, Tap
    from tidegate_fleet.store.batch import Written
    from tidegate_fleet.store.rows import Word
    from tidegate_fleet.store.writer import Writer
    from tidegate_wire.mqtt.messages import Message


class Intake:
    """Takes batches of messages in.

    Args:
        settings: of the collector.
        reader: reads messages.
        writer: the store.
        taps: are told of what is in the store.
        meter: counts.
        now: the present moment.
    """

    def __init__(
        self,
        settings: CollectorSettings,
        reader: MessageReader,
        writer: Writer,
        taps: Sequence[Tap],
        meter: Meter,
        now: Callable[[], datetime],
    ) -> None:
        self._guard = HostGuard(settings.allowance)
        self._forget_hosts = settings.forget_hosts
        self._reader = reader
        self._writer = writer
        self._taps = tuple(taps)
        self._meter = meter
        self._now = now
        self._told: Counter[tuple[str, Refusal]] = Counter()
        self._announced = 0

    def read(self, messages: Sequence[Message]) -> list[Word]:
        """The words of a batch that are to be stored; what is none is counted."""
        now, words = self._now(), []
        for message in messages:
            word = self._reader.read(message, now)
            if message.retained and self._is_forgotten(word, now):
                continue
            if isinstance(word, Refusal):
                self._refuse(word, message.topic)
            elif word is not None:
                words.append(word)
        return _without_overtaken(words)

    def _is_forgotten(self, word: Word | Refusal | None, now: datetime) -> bool:
        """Whether the broker still keeps what a host said that is forgotten here by now.

        A will is as old as its connection, which may be long: the store knows whether its host is known.
        """
        after = self._forget_hosts
        if after is None or not isinstance(word, HostStatus) or word.is_will:
            return False
        return word.at < now - after

    def store(self, words: list[Word]) -> int:
        """Bring words into the store, and tell the taps; how many new statements were among them.

        What is done with is taken out of `words`: what is left after an error is to be brought again.

        Raises:
            StoreError: the store does not take anything now. Safe to repeat.
        """
        size = len(words)
        while words:
            some = words[:size]
            try:
                self._write(some)
            except UnfitRowError as error:
                if len(some) > 1:
                    size = len(some) // 2
                    continue
                logger.error("{}: let go, for {} [{}]", _whose(some[0]), error.reason, error.code)
                self._meter.refused(Refusal.UNSTORABLE)
            del words[: len(some)]
            # The word that is to blame is among fewer now; what comes after it is larger again.
            size = min(2 * size, len(words))
        announced, self._announced = self._announced, 0
        return announced

    def _write(self, words: Sequence[Word]) -> None:
        """One transaction. Raises StoreError, UnfitRowError."""
        began = time.monotonic()
        try:
            # What was not stored comes again, and shall not be counted twice: it would be taken for a flood.
            with self._guard.round(began) as gate:
                written = self._writer.write(words, self._now(), gate)
        except StoreError as error:
            self._meter.failed(error.code)
            raise
        self._meter.stored(time.monotonic() - began)
        self._announced += written.statements
        self._account(written)

    def _account(self, written: Written) -> None:
        self._meter.announced(written.statements)
        self._meter.repeated(written.again)
        if written.strangers:
            self._meter.refused(Refusal.STRANGER, written.strangers)
            logger.warning("{} words of hosts beyond the cap were passed over", written.strangers)
        for reason, counts in (
            (Refusal.COLLISION, written.collided),
            (Refusal.FLOOD, written.flooded),
        ):
            for name, count in counts.items():
                self._meter.refused(reason, count)
                self._complain(reason, name, count)
        for tap in self._taps:
            try:
                tap.committed(written.events, written.statuses)
            except Exception as error:  # noqa: BLE001 -- what taps do is no reason to stop collecting
                logger.opt(exception=error).error("A tap failed")

    def _refuse(self, reason: Refusal, topic: str) -> None:
        self._meter.refused(reason)
        # Of a word that is none the topic is any text that a broker lets pass.
        self._complain(reason, harmless(topic, _TOPIC), 1)

    def _complain(self, reason: Refusal, whose: str, count: int) -> None:
        """Say it at the first time, and then when it has doubled: a flood must not become one of the log."""
        if len(self._told) >= _COMPLAINTS:
            self._told.clear()
        before = self._told[whose, reason]
        self._told[whose, reason] = now = before + count
        if before.bit_length() != now.bit_length():
            logger.warning("{}: {} so far were not taken in: {}", whose, now, reason.value)


_COMPLAINTS: Final = 10_000
_TOPIC: Final = 200


def _without_overtaken(words: Sequence[Word]) -> list[Word]:
    """Without the statuses that a later one of their host in the same batch makes void."""
    kept: list[Word] = []
    described: dict[str, tuple[int, int, int]] = {}
    for word in reversed(words):
        if isinstance(word, HostStatus) and not word.is_will:
            born = word.start, word.connection, word.revision
            if word.host in described and described[word.host] >= born:
                continue
            described[word.host] = born
        kept.append(word)
    kept.reverse()
    return kept


def _whose(word: Word) -> str:
    match word:
        case HostEvent():
            return f"an event of {word.event.subject}"
        case HostStatus():
            return f"a status of {word.host}"
    return f"a statement of {word.statement.predicate.product}/{word.statement.predicate.channel}"
