"""Where the agent waits for its disk: without a journal it acts upon nothing, and says so.

It is connected, its status carries the fault, commands are answered with it; the journal is tried again and
again. Requests that come meanwhile are kept in memory for the agent; statements are retained by the broker.
"""

from __future__ import annotations

import threading
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from loguru import logger

from tidegate_agent import reporting
from tidegate_agent.census import Census
from tidegate_agent.engine import DISK_PAUSE, STATUS_TOKEN
from tidegate_agent.errors import JournalError
from tidegate_agent.model import Failure, Outgoing
from tidegate_agent.records import INBOX, Waited
from tidegate_agent.reporting import Birth, Profile
from tidegate_schemas.codes import Code
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tidegate_agent.model import Protocol
    from tidegate_agent.ports import Bus, Clock, Journal
    from tidegate_schemas.topics import Topics


FIRST_PAUSE: Final = timedelta(seconds=1)
"""Half of the first pause between two attempts; each is twice as long as the one before, up to DISK_PAUSE."""


class WaitingRoom:
    """The BusListener methods and `answer` may be called from any thread.

    Args:
        bus: a connection of its own.
        topics: where the status goes, and where requests come from.
        profile: who this host is.
        clock: for the status.
        life: the number of the life that ended last, as far as it is known.
    """

    def __init__(self, bus: Bus, topics: Topics, profile: Profile, clock: Clock, life: int) -> None:
        self._bus = bus
        host = profile.facts.host
        self._status_topic, self._will_topic = topics.status(host), topics.will(host)
        self._requests_topic = topics.requests(host)
        self._profile = profile
        self._clock = clock
        # A process that waits may be killed, and the next cannot know what it told. Numbered by the clock,
        # its connections come after all of the life that ended, and before those of the next one.
        self._life, self._connections = life, int(clock.now().timestamp())
        self._revision = 0
        self._lock = threading.Lock()
        self._connected = False
        self._failure: Failure | None = None
        self._broker_failure: Failure | None = None
        self._kept: deque[bytes] = deque(maxlen=INBOX)

    def waited(self) -> Waited:
        """What came meanwhile."""
        return Waited(tuple(self._kept))

    def wait(self, attempt: Callable[[], Journal], pause: Callable[[timedelta], bool]) -> Journal | None:
        """Try until the journal can be opened.

        Args:
            attempt: opens it; raises JournalError.
            pause: waits that long; whether to go on.

        Returns:
            The journal; None when there is to be no further attempt.
        """
        journal = self._tried(attempt)
        if journal is not None:
            return journal
        self._bus.start(self, self.will)
        length = FIRST_PAUSE
        try:
            while journal is None:
                length = min(2 * length, DISK_PAUSE)
                if not pause(length):
                    self._bus.stop(self._message(Presence.OFFLINE))
                    return None
                journal = self._tried(attempt)
        finally:
            self._bus.stop(None)
        logger.info("the journal can be used; the agent goes on")
        return journal

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer a command on the host: the status, or why there is nothing else."""
        failure, broker = self._failure, self._broker_failure
        if request.get("command") == "status":
            presence = Presence.ONLINE if self._connected else Presence.OFFLINE
            status = self._status(presence).model_dump(mode="json", exclude_none=True)
            return {
                "ok": True,
                "status": status,
                "broker": None if broker is None else f"[{broker.code}] {broker.reason}",
            }
        code, why = (Code.DISK_IO, "it begins") if failure is None else (failure.code, failure.reason)
        return {"ok": False, "code": code.value, "reason": f"nothing is done on this host for now: {why}"}

    def census(self) -> Census:
        """The agent in numbers, of which there are few: that it waits, and why."""
        failure = self._failure
        return Census(
            at=self._clock.now(),
            start=self._life,
            connected=self._connected,
            synchronised=self._clock.synchronised(),
            fault=None if failure is None else failure.code,
        )

    # BusListener: called on the bus's thread

    def connected(self, _: Protocol) -> None:
        """A connection is up."""
        with self._lock:
            self._connected, self._broker_failure = True, None
            self._tell()

    def disconnected(self, failure: Failure) -> None:
        """A connection is down or could not be made."""
        with self._lock:
            self._connected, self._broker_failure = False, failure

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """A message came. A statement comes again when it is asked for; a request comes once."""
        if topic == self._requests_topic and payload and not retained:
            self._kept.append(payload)

    def acknowledged(self, token: int) -> None:
        """The broker took the status over."""

    def refused(self, token: int) -> None:
        """The broker did not take the status over; the agent's own comes later."""

    def will(self) -> Outgoing:
        """The last will of the connection that is about to be made."""
        self._connections += 1
        birth = Birth(self._life, self._connections)
        will = reporting.last_will(self._profile, birth, self._clock.now())
        return Outgoing(STATUS_TOKEN, self._will_topic, will.to_json(), retain=True)

    def _tried(self, attempt: Callable[[], Journal]) -> Journal | None:
        try:
            return attempt()
        except JournalError as error:
            failure = Failure(error.code, error.reason)
        with self._lock:
            if failure != self._failure:
                logger.error("[{}] {}; trying again", failure.code, failure.reason)
                self._failure = failure
                self._tell()
        return None

    def _tell(self) -> None:
        if self._connected:
            self._bus.publish(self._message(Presence.ONLINE))

    def _message(self, presence: Presence) -> Outgoing:
        self._revision += 1
        status = self._status(presence).model_copy(update={"revision": self._revision})
        return Outgoing(STATUS_TOKEN, self._status_topic, status.to_json(), retain=True)

    def _status(self, presence: Presence) -> HostStatus:
        birth = Birth(self._life, self._connections)
        status = reporting.host_status(self._profile, birth, presence, self._clock.now())
        return status.model_copy(update={"fault": reporting.fault_of(self._failure)})
