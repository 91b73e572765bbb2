"""Hears the broker on a thread of its own, for as long as somebody watches.

Reading a message costs more than showing that it came, so it is read here. A connection that is lost is made
anew; only one that never stood is given up, for then it is the command that is wrong.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Final

from tidegate_fleet.watch.inbox import ConnectionSeen, Flooding, StatusSeen
from tidegate_fleet.words import read_host_message
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.status import HostStatus
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.mqtt.session import PublisherSession

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tidegate_fleet.hosts import Channel
    from tidegate_fleet.watch.inbox import Inbox
    from tidegate_fleet.watch.ports import StatementReader
    from tidegate_fleet.words import EventCheck
    from tidegate_wire.mqtt.messages import Message
    from tidegate_wire.mqtt.settings import BusSettings

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 15.0
_JOIN_S: Final = 5.0
WORDS_A_SECOND: Final = 50
"""Words of one host that are read in a second. An update has a dozen of them in all."""


class Allowance:
    """How much of one host is read: a flood of it must not keep the others' words waiting.

    Args:
        each: words of one host in a second.
        clock: seconds, from anywhere.
    """

    def __init__(self, each: int = WORDS_A_SECOND, clock: Callable[[], float] = time.monotonic) -> None:
        self._each = each
        self._clock = clock
        self._second = 0
        self._said: dict[str, int] = {}

    def takes(self, topic: str) -> bool | None:
        """Whether to read a word; None for the first one too many of a second."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._said = second, {}
        said = self._said[topic] = self._said.get(topic, 0) + 1
        return None if said == self._each + 1 else said <= self._each


class Listening:
    """A context manager: hears from when it is entered until it is left.

    Args:
        settings: the broker.
        channel: whose statement is followed.
        inbox: where words are left.
        read_statement: reads what the channel holds.
        check: the device keys. With them an event counts only when its host signed it.
    """

    def __init__(
        self,
        settings: BusSettings,
        channel: Channel,
        inbox: Inbox,
        read_statement: StatementReader,
        check: EventCheck | None = None,
    ) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._statement_topic = self._topics.channel(*channel)
        self._inbox = inbox
        self._read_statement = read_statement
        self._check = check
        self._allowance = Allowance()
        self._stood = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._inbox.close()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        backoff = Backoff(random.random, _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                with PublisherSession(self._settings) as session:
                    self._follow(session)
            except TidegateError as error:
                fault = error
            except Exception as error:  # noqa: BLE001 -- else the picture would stand still and nobody knew why
                words = " ".join(str(error).split())[:300]
                fault = TidegateError(Code.INTERNAL_ERROR, f"{type(error).__name__}: {words}")
            else:
                return
            self._inbox.put(ConnectionSeen(fault, final=not self._stood))
            if not self._stood:
                return
            self._stop.wait(backoff.failed(time.monotonic() - began))

    def _follow(self, session: PublisherSession) -> None:
        filters = [self._statement_topic, *self._topics.all_presence, self._topics.all_events]
        stream = session.stream(filters, None, self._stop)
        self._stood = True
        self._inbox.put(ConnectionSeen())
        for message in stream:
            self._take(message)

    def _take(self, message: Message) -> None:
        if message.topic == self._statement_topic:
            self._inbox.put(self._read_statement(message.payload))
            return
        allowed = self._allowance.takes(message.topic)
        if allowed is None:
            place = self._topics.parse_host(message.topic)
            if place is not None:
                self._inbox.put(Flooding(place[0]))
        if not allowed:
            return
        heard = read_host_message(message, self._topics, self._check)
        if isinstance(heard, HostStatus):
            self._inbox.put(StatusSeen(heard, message.retained))
        elif heard is not None:
            self._inbox.put(heard)
