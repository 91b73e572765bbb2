"""Ports that are still there when a server that was killed comes back.

A port that the kernel hands out (port 0) is one of those that it also hands out to outgoing connections, and
ten thousand clients take a third of them: that of a killed server is soon somebody's. So a port is taken
from below their range (ip(7), ip_local_port_range).
"""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from tidegate_publisher.devstack.demo.processes import free_port

_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST: Final = 10_240
_USUAL: Final = 32_768
_TRIES: Final = 200


def lasting_port() -> int:
    """A port of loopback that is free, outside of the range of outgoing connections if possible."""
    highest = _first_outgoing() - 1
    if highest > _LOWEST:
        for _ in range(_TRIES):
            port = random.randint(_LOWEST, highest)  # noqa: S311 -- any will do
            if _is_free(port):
                return port
    return free_port()


def _first_outgoing() -> int:
    with suppress(OSError, ValueError, IndexError):
        return int(_RANGE.read_text(encoding="ascii").split()[0])
    return _USUAL


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
