"""Where a broker listens, read out of a URL."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tidegate_schemas.codes import Code, TidegateError

_FORMS: Final = "mqtt://host:1883, mqtts://host:8883, ws://host/mqtt or wss://host/mqtt"
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A broker's address. `path` is the WebSocket resource, or None for plain MQTT."""

    host: str
    port: int
    tls: bool
    path: str | None

    @property
    def label(self) -> str:
        """`host:port`, as it appears in messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether what is sent there never leaves this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_url(url: str) -> Endpoint:
    """Read a broker's URL.

    Raises:
        TidegateError: CONFIG_VALUE; the text says what was expected and never repeats a password.
    """
    parts, port = _split(url)
    if parts.scheme not in _PORTS:
        raise _refused(f"begins with {parts.scheme[:20]!r}" if parts.scheme else "has no scheme")
    if parts.username is not None or parts.password is not None:
        raise _refused(
            "holds credentials, which would end up in logs and process lists: "
            "put them into username and password_file",
        )
    if not parts.hostname:
        raise _refused("names no host")
    if parts.query or parts.fragment:
        raise _refused("has a query or fragment, which MQTT has no use for")
    websocket = parts.scheme in {"ws", "wss"}
    if not websocket and parts.path not in {"", "/"}:
        raise _refused("has a path, which only ws:// and wss:// can have")
    return Endpoint(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme in {"mqtts", "wss"},
        path=(parts.path or "/mqtt") if websocket else None,
    )


def _split(url: str) -> tuple[SplitResult, int | None]:
    if any(character.isspace() or not character.isprintable() for character in url):
        raise _refused("holds a space or control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused("has a malformed host or port") from error
    if port == 0:
        raise _refused("has port 0")
    return parts, port


def _refused(what: str) -> TidegateError:
    return TidegateError(Code.CONFIG_VALUE, f"The broker's URL {what}; expected {_FORMS}")
