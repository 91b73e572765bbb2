"""Whether a host is connected, from its status and its last will. PURE.

The two are retained side by side and come in any order. A will ends the connection that it names, and those
before: whatever was told over a later one makes it void.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from tidegate_schemas.status import HostStatus


@dataclass(frozen=True, slots=True)
class End:
    """What a last will tells: that this connection is over.

    Attributes:
        start: which start of the agent made it.
        connection: which connection of that start.
        at: when it began, by the host's clock.
    """

    start: int
    connection: int
    at: datetime

    @classmethod
    def told_by(cls, will: HostStatus) -> End:
        """The end of the connection that a will names."""
        return cls(will.start, will.connection, will.at)

    def is_news(self, known: End | None) -> bool:
        """Whether it is later than the end that is known. What it ends may still be to come."""
        if known is None:
            return True
        # Who was installed anew counts from the beginning: its clock tells.
        return (self.start, self.connection) > (known.start, known.connection) or self.at > known.at

    def ends(self, status: HostStatus) -> bool:
        """Whether the connection over which a status was told is over."""
        if self.start > status.start:
            return self.at >= status.at
        return (self.start, self.connection) >= (status.start, status.connection)


def presence_of(status: HostStatus | None, end: End | None) -> Presence:
    """Whether the host is connected, as far as is known."""
    if status is None or (end is not None and end.ends(status)):
        return Presence.OFFLINE
    return status.presence
