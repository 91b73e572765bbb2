"""Numbers about the agent for Prometheus, if anybody wants them."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, model_validator

from tidegate_agent.config.scalars import Duration, File, refused
from tidegate_agent.config.tables import Table
from tidegate_schemas.codes import Code

UNIX: Final = "unix:"
"""Begins an address that is a socket's path."""

_LONGEST_PATH: Final = 107
"""unix(7), sun_path, without the final NUL."""

_LAST_PORT: Final = 65535


def _address(value: str) -> str:
    if value.startswith(UNIX):
        path = value.removeprefix(UNIX)
        if not Path(path).is_absolute() or len(path.encode()) > _LONGEST_PATH or "\0" in path:
            text = f"expected {UNIX} and an absolute path of at most {_LONGEST_PATH} bytes"
            raise refused(Code.CONFIG_VALUE, text)
        return value
    try:
        host, port = split_address(value)
        if host != "localhost":
            # A name could come to mean another address than the one that was looked at here.
            ipaddress.ip_address(host)
        known = 0 < port <= _LAST_PORT
    except ValueError:
        known = False
    if not known:
        text = 'expected an address and a port such as "127.0.0.1:9837", or "unix:" and a path'
        raise refused(Code.CONFIG_VALUE, text)
    return value


Listen = Annotated[str, AfterValidator(_address)]
"""Where callers are awaited: a numeric address and a port, or `unix:` and a path."""


class MetricsSettings(Table):
    """Numbers about the agent for Prometheus: docs/monitoring.md. Needs `tidegate[metrics]`; off by default.

    Attributes:
        textfile: a file in the directory that node_exporter's textfile collector reads; its name ends in
            .prom, and everybody may read it.
        every: how often that file is written.
        listen: where Prometheus may ask instead: an address of this host, or "unix:" and a socket's path.
        expose: whether listen may be an address that other machines reach. Anybody there can read it then:
            there is no password and no encryption.
    """

    textfile: File | None = None
    every: Duration = timedelta(seconds=30)
    listen: Listen | None = None
    expose: bool = False

    @property
    def wanted(self) -> bool:
        """Whether there is anybody to tell."""
        return self.textfile is not None or self.listen is not None

    @model_validator(mode="after")
    def _stays_at_home(self) -> Self:
        if self.listen is not None and not self.expose and not _is_local(self.listen):
            text = f"expected a loopback address or {UNIX} for listen, or expose = true beside it"
            raise refused(Code.CONFIG_VALUE, text)
        return self

    @model_validator(mode="after")
    def _is_read(self) -> Self:
        if self.textfile is not None and self.textfile.suffix != ".prom":
            raise refused(Code.CONFIG_VALUE, "expected a textfile with a name that ends in .prom")
        return self


def split_address(listen: str) -> tuple[str, int]:
    """Host and port of an address that is no socket's path. Raises ValueError."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def _is_local(listen: str) -> bool:
    if listen.startswith(UNIX):
        return True
    host, _ = split_address(listen)
    return host == "localhost" or ipaddress.ip_address(host).is_loopback
