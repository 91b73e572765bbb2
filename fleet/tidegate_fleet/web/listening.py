"""Addresses to listen on: a port, or the path of a Unix socket."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADDRESS: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+|localhost):(\d{1,5})")
_SOCKET_MODE: Final = 0o660
BACKLOG: Final = 128
_PORTS: Final = 1 << 16
_PORT: Final = re.compile(r".*?:?([0-9]{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen: an address and a port, or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    @classmethod
    def read(cls, text: str) -> Listen:
        """Read `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` or `unix:/run/page.sock`.

        Raises:
            TidegateError: CONFIG_VALUE; the message says what to write.
        """
        kind, _, path = text.partition(":")
        if kind == "unix" and path.startswith("/"):
            return cls(path=Path(path))
        match = _ADDRESS.fullmatch(text)
        if match is not None and int(match[2]) < _PORTS:
            host = match[1].strip("[]").replace("localhost", "127.0.0.1")
            with contextlib.suppress(ValueError):
                return cls(str(ipaddress.ip_address(host)), int(match[2]))
        port = _PORT.fullmatch(text)
        instead = f"127.0.0.1:{port[1]}" if port and int(port[1]) < _PORTS else "127.0.0.1:8080"
        reason = f"{text[:120]!r} is no address to listen on: write {instead}, or unix:/PATH"
        raise TidegateError(Code.CONFIG_VALUE, reason)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.path is not None or ipaddress.ip_address(self.host).is_loopback


@contextlib.contextmanager
def bound_to(listen: Listen) -> Iterator[socket.socket]:
    """A socket that listens there; at the end it is closed, and its path gone.

    Raises:
        TidegateError: PAGE_LISTEN.
    """
    where = f"unix:{listen.path}" if listen.path else f"{listen.host}:{listen.port}"
    try:
        with contextlib.ExitStack() as undo:
            bound = undo.enter_context(_bind_path(listen.path) if listen.path else _bind_port(listen))
            bound.listen(BACKLOG)
            undo.pop_all()
    except OSError as error:
        raise TidegateError(Code.PAGE_LISTEN, f"{where}: {error.strerror or error}") from error
    try:
        yield bound
    finally:
        bound.close()
        if listen.path is not None:
            listen.path.unlink(missing_ok=True)


def _bind_port(listen: Listen) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((listen.host, listen.port))
    except OSError:
        made.close()
        raise
    return made


def _bind_path(path: Path) -> socket.socket:
    """Bind a path; one that a killed server left is taken over. Owner and group may connect."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and made.connect_ex(str(path)) != 0:
            path.unlink()
            made.close()
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o777 & ~_SOCKET_MODE)
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
    except OSError:
        made.close()
        raise
    return made
