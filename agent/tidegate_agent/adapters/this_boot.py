"""Which boot this is and which image runs in it, told without an engine, as the boot guard's script does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.host_linux import BOOT_ID
from tidegate_agent.process import run

if TYPE_CHECKING:
    from collections.abc import Sequence

USERSPACE: Final = ("systemctl", "show", "--property=UserspaceTimestampMonotonic", "--value")
"""When this userspace began: org.freedesktop.systemd1(5). A soft reboot renews it and keeps the boot id."""

_TIMEOUT_S: Final = 15.0
_PLACES: Final = ("", "usr", "etc")


class ThisBoot:
    """What tells this boot and this image from others.

    Args:
        boot_id: the kernel's file.
        root: the root of the running image.
        userspace: what prints a word that changes with each start of userspace.
    """

    def __init__(
        self, boot_id: Path = BOOT_ID, root: Path = Path("/"), userspace: Sequence[str] = USERSPACE
    ) -> None:
        self._boot_id = boot_id
        self._root = root
        self._userspace = tuple(userspace)

    def boot_id(self) -> str:
        """Changes with every hard boot. Raises OSError."""
        return self._boot_id.read_text(encoding="ascii").strip()

    def userspace(self) -> str:
        """Changes with a soft reboot too; empty where systemd does not tell it."""
        try:
            finished = run(self._userspace, _TIMEOUT_S)
        except OSError:
            return ""
        lines = finished.output.splitlines() if finished.status == 0 else []
        return lines[0] if len(lines) == 1 else ""

    def place(self) -> str:
        """The inode numbers of /, /usr and /etc, of which each deployment has its own. Raises OSError.

        They stay the same from boot to boot for as long as the deployment is there, also where the boot
        loader's entry, an index or a device's number change; and in a mount namespace such as the agent's.
        """
        return " ".join(str((self._root / name).stat().st_ino) for name in _PLACES)
