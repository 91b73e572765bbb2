"""How much of a host is written down: the port behind which somebody counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tidegate_schemas.events import UpdateEvent


class Gate(Protocol):
    """How much of a host is heard. Asked about news alone: what comes twice costs nobody anything."""

    def admits(self, event: UpdateEvent) -> bool:
        """Whether an event is heard; then it is counted."""
        ...

    def admits_status(self, host: str) -> bool:
        """Whether a status is heard."""
        ...

    def took_status(self, host: str) -> None:
        """A status told something new: it is counted."""
        ...


class OpenGate:
    """Lets everything in."""

    def admits(self, event: UpdateEvent) -> bool:
        """See Gate.admits."""
        del event
        return True

    def admits_status(self, host: str) -> bool:
        """See Gate.admits_status."""
        del host
        return True

    def took_status(self, host: str) -> None:
        """See Gate.took_status."""
