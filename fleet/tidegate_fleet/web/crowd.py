"""How many may be connected, and for how long without saying anything: strangers come before any login.

Each connection takes one of the process's file descriptors, of which a collector needs some for itself.
"""

from __future__ import annotations

import resource
import socket
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

_CONNECTIONS: Final = 500
_OTHERS: Final = 256
"""File descriptors for everything else that the process does."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """What strangers may do.

    Attributes:
        most: connections at once; whoever comes beyond that is hung up on.
        head_s: seconds within which a request's head has to come.
    """

    most: int = _CONNECTIONS
    head_s: float = 10.0

    @classmethod
    def with_room(cls) -> Crowd:
        """As many as there is room for, once the process has all the file descriptors that it needs."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _CONNECTIONS + _OTHERS
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return cls()
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return cls(max(soft - _OTHERS, soft // 4))


class CrowdedSocket(socket.socket):
    """A socket that listens for as many connections as there may be, and hangs up on others.

    Args:
        listening: what listens; it is taken over.
        most: connections at once.
    """

    def __init__(self, listening: socket.socket, most: int) -> None:
        super().__init__(listening.family, listening.type, listening.proto, listening.detach())
        self._most = most
        self._accepted = weakref.WeakSet[socket.socket]()

    def accept(self) -> tuple[socket.socket, Any]:
        """See socket.accept. Raises BlockingIOError for one too many: nobody is there to be served."""
        accepted, address = super().accept()
        # A handshake that does not begin is a connection as well, before any protocol knows of it.
        if sum(one.fileno() >= 0 for one in self._accepted) >= self._most:
            accepted.close()
            raise BlockingIOError
        self._accepted.add(accepted)
        return accepted, address


class ImpatientProtocol(H11Protocol):
    """Hangs up on those who do not come to the end of a request's head in time."""

    def __init__(self, *args: Any, head_s: float, **more: Any) -> None:  # noqa: ANN401 -- uvicorn's
        super().__init__(*args, **more)
        self._head_s = head_s
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        if self._answers():
            self._wait_no_more()
        elif self._deadline is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _answers(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(self._head_s, self._give_up)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self._answers() and not self.transport.is_closing():
            self.transport.abort()
