"""ports.Network on Linux: a file that somebody puts there, and what NetworkManager says.

NetworkManager guesses by the kind of connection (a telephone's hotspot, a modem) unless its profile says,
connection.metered in nm-settings(5). Its D-Bus property Metered is one of NMMetered: 0 unknown, 1 yes, 2 no,
3 guess-yes, 4 guess-no. What cannot be told, as without NetworkManager, counts as not metered.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.process import printable, run

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME: Final = "org.freedesktop.NetworkManager"

ASK_NETWORK_MANAGER: Final = (
    "busctl",
    "--json=short",
    # Asking must not start it on a host that has it installed and does not use it.
    "--auto-start=no",
    "get-property",
    _NAME,
    "/org/freedesktop/NetworkManager",
    _NAME,
    "Metered",
)
SYSTEM_BUS: Final = Path("/run/dbus/system_bus_socket")
TIMEOUT_S: Final = 5.0

_METERED: Final = {
    1: "NetworkManager says that the network is metered",
    3: "NetworkManager takes the network to be metered; nmcli can say otherwise: connection.metered no",
}
_REASON_BYTES: Final = 256


class LinuxNetwork:
    """The way to the registries, as the host knows it.

    Args:
        file: the network counts as metered while it is there; its first line says why.
        command: prints NetworkManager's property Metered, as busctl does.
        bus: a path that exists where a system bus runs; otherwise nobody is asked.
        timeout_s: for the command, in seconds.
    """

    def __init__(
        self,
        file: Path,
        command: Sequence[str] = ASK_NETWORK_MANAGER,
        bus: Path = SYSTEM_BUS,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._file = file
        self._command = command
        self._bus = bus
        self._timeout_s = timeout_s

    def metered(self) -> str | None:
        """See ports.Network."""
        return self._by_file() or (self._by_network_manager() if self._bus.exists() else None)

    def _by_file(self) -> str | None:
        try:
            with self._file.open("rb") as file:
                reason = printable(file.readline(_REASON_BYTES))
        except FileNotFoundError:
            return None
        except OSError as error:
            # Somebody put something there, which can only have meant one thing.
            reason = f"it cannot be read: {error.strerror}"
        said = f"{self._file} says that the network is metered"
        return f"{said}: {reason}" if reason else said

    def _by_network_manager(self) -> str | None:
        try:
            finished = run(self._command, self._timeout_s)
        except OSError as error:
            logger.debug("NetworkManager was not asked whether the network is metered: {}", error.strerror)
            return None
        return None if finished.status != 0 else _METERED.get(_value(finished.output))


def _value(text: str) -> int:
    """The value in what busctl prints, `{"type":"u","data":4}`; 0, which is unknown, for anything else."""
    try:
        value = json.loads(text)["data"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return value if isinstance(value, int) else 0
