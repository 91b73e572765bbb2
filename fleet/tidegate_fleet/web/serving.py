"""Serving an application: on an address or a Unix socket, in a thread of its own, and ending at once."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import uvicorn

from tidegate_fleet.web.crowd import Crowd, CrowdedSocket, ImpatientProtocol
from tidegate_fleet.web.doors.header_door import HeaderDoor
from tidegate_fleet.web.doors.open_door import OpenDoor
from tidegate_fleet.web.listening import BACKLOG, bound_to
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tidegate_fleet.web.doors.door import Door
    from tidegate_fleet.web.guard import Guard
    from tidegate_fleet.web.listening import Listen

_START_S: Final = 60.0
_END_S: Final = 5


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate with its chain, and its key, in PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs.

    Attributes:
        address: where it listens, as a URL; of a Unix socket `unix:` and its path.
        port: the port, also where any was asked for; 0 for a Unix socket.
    """

    address: str
    port: int


def check(listen: Listen, door: Door) -> None:
    """Refuse an address that the door cannot guard.

    Raises:
        TidegateError: PAGE_UNSAFE.
    """
    if listen.is_local:
        return
    if isinstance(door, OpenDoor):
        raise TidegateError(Code.PAGE_UNSAFE, f"without login {listen.host} would let everybody in")
    if isinstance(door, HeaderDoor) and not door.proxies:
        reason = f"anybody who reaches {listen.host} could name himself a user: no trusted proxy is given"
        raise TidegateError(Code.PAGE_UNSAFE, reason)


@contextlib.contextmanager
def serve(app: Guard, listen: Listen, tls: Tls | None = None, crowd: Crowd | None = None) -> Iterator[Served]:
    """Serve until the end of the block; those who watch live are let go at once then.

    Args:
        app: the application.
        listen: where.
        tls: to speak TLS.
        crowd: what strangers may do; None: as many may come as the process has room for.

    Raises:
        TidegateError: PAGE_UNSAFE, the door cannot guard this address; PAGE_LISTEN, it cannot be listened on.
    """
    check(listen, app.door)
    crowd = crowd or Crowd.with_room()
    server = _Server(_config(app, tls, crowd))
    with bound_to(listen) as first, CrowdedSocket(first, crowd.most) as bound:
        thread = threading.Thread(target=server.run, args=([bound],), name="page", daemon=True)
        served = _served(listen, bound, tls)
        thread.start()
        try:
            if not server.ready.wait(_START_S) or not server.started:
                raise TidegateError(Code.PAGE_LISTEN, f"the page did not begin to serve on {served.address}")
            yield served
        finally:
            server.end(app)
            thread.join()


class _Server(uvicorn.Server):
    """Says when it is ready, and ends from another thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()

    def end(self, app: Guard) -> None:
        """Ask it to end; live views first, for they would go on for ever."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                asyncio.run_coroutine_threadsafe(app.close(), self._loop)


def _config(app: Guard, tls: Tls | None, crowd: Crowd) -> uvicorn.Config:
    try:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            # The headers of a proxy are the door's to judge: believed here, they would hide who speaks.
            proxy_headers=False,
            server_header=False,
            ws="none",
            lifespan="on",
            # Its own accepting is in Python, so that `CrowdedSocket` can count.
            loop="asyncio",
            http=cast("type[asyncio.Protocol]", partial(ImpatientProtocol, head_s=crowd.head_s)),
            backlog=BACKLOG,
            timeout_graceful_shutdown=_END_S,
            ssl_certfile=None if tls is None else str(tls.certificate),
            ssl_keyfile=None if tls is None else str(tls.key),
        )
        config.load()
    except OSError as error:
        raise TidegateError(
            Code.PAGE_LISTEN, f"the certificate or its key cannot be used: {error}"
        ) from error
    return config


def _served(listen: Listen, bound: socket.socket, tls: Tls | None) -> Served:
    if listen.path is not None:
        return Served(f"unix:{listen.path}", 0)
    port = bound.getsockname()[1]
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    return Served(f"{'https' if tls else 'http'}://{host}:{port}", port)
