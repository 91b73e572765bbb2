"""What of the host's status the broker has, and how much of it is news. PURE."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate_schemas.status import HostStatus


class News(Enum):
    """What a status says that was not told.

    `SEQUENCE`: a later statement was accepted, and nothing came of it. One heartbeat makes a whole fleet say
    that, so it can wait for a moment of each host's own.
    """

    NONE = auto()
    SEQUENCE = auto()
    MORE = auto()


class Telling:
    """The statuses of one start of the agent.

    Attributes:
        put_off: whether somebody has an alarm set to tell what can wait.
    """

    def __init__(self) -> None:
        self._told = b""
        self._but_sequences = b""
        self._revision = 0
        self.put_off = False

    def anew(self) -> None:
        """Whatever is retained may be something else: all is news."""
        self._told = self._but_sequences = b""
        self.put_off = False

    def news(self, status: HostStatus) -> News:
        """How much of a status was not told yet, whatever its moment."""
        if _content(status) == self._told:
            return News.NONE
        return News.SEQUENCE if _but_sequences(status) == self._but_sequences else News.MORE

    def numbered(self, status: HostStatus) -> HostStatus:
        """The status with the number that it is told with."""
        return status.model_copy(update={"revision": self._revision + 1})

    def told(self, status: HostStatus) -> None:
        """The broker has it, or will."""
        self._told, self._but_sequences = _content(status), _but_sequences(status)
        self._revision += 1


def _content(status: HostStatus) -> bytes:
    return status.model_dump_json(exclude={"at"}).encode()


def _but_sequences(status: HostStatus) -> bytes:
    return status.model_dump_json(exclude={"at": True, "follows": {"__all__": {"sequence"}}}).encode()
