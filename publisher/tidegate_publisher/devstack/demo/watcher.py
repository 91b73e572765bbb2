"""The demo's own subscriber: hears everything on the broker, on a thread of its own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Self

from tidegate_publisher.devstack.demo.observation import EventHeard, Observation, observe
from tidegate_publisher.devstack.demo.samples import CHANNEL, PRODUCT
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONNECT_S: Final = 30.0
_LOOK_S: Final = 0.5


class Watcher:
    """A context manager; inside it, whatever the broker passes on is remembered.

    Args:
        url: the broker.
        clock: seconds since the demo began.
        tell: called with each observation, on the watcher's thread.
    """

    def __init__(self, url: str, clock: Callable[[], float], tell: Callable[[Observation], None]) -> None:
        self._settings = BusSettings(url=url)
        self._clock = clock
        self._tell = tell
        self._news = threading.Condition()
        self._seen: list[Observation] = []
        self._known: set[str] = set()
        self._fault: Exception | None = None
        self._subscribed = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._subscribed.wait(CONNECT_S) or self._fault is not None:
            self.__exit__()
            raise TidegateError(
                Code.BUS_UNREACHABLE, f"the demo's broker did not take us: {self._fault}"
            ) from self._fault
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(CONNECT_S)

    @property
    def seen(self) -> Sequence[Observation]:
        """All that was heard so far, in order; a redelivered event once."""
        with self._news:
            return tuple(self._seen)

    def wait_for(self, reached: Callable[[Sequence[Observation]], bool], timeout_s: float) -> bool:
        """Whether that became true of what was heard, within so many seconds.

        Raises:
            TidegateError: BUS_UNREACHABLE when the connection was lost.
        """
        deadline = time.monotonic() + timeout_s
        with self._news:
            while not reached(self._seen):
                if self._fault is not None:
                    raise TidegateError(
                        Code.BUS_UNREACHABLE, f"the demo's own subscription broke: {self._fault}"
                    ) from self._fault
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._news.wait(min(left, _LOOK_S))
        return True

    def _run(self) -> None:
        topics = self._settings.topics
        channel = topics.channel(PRODUCT, CHANNEL)
        try:
            with PublisherSession(self._settings) as session:
                stream = session.stream([topics.all_events, topics.all_status, channel], None, self._stop)
                self._subscribed.set()
                for message in stream:
                    heard = observe(message, self._clock(), topics, channel)
                    if heard is not None:
                        self._take(heard)
        except Exception as error:  # noqa: BLE001 -- handed over to who waits, on another thread
            with self._news:
                self._fault = error
                self._news.notify_all()
        finally:
            self._subscribed.set()

    def _take(self, heard: Observation) -> None:
        if isinstance(heard, EventHeard):
            if heard.event.id in self._known:
                return
            self._known.add(heard.event.id)
        self._tell(heard)
        with self._news:
            self._seen.append(heard)
            self._news.notify_all()
