"""The pin: a drop-in for the container's unit that says which image it runs, by digest.

    /etc/systemd/system/app.service.d/50-tidegate.conf
    [Service]
    Environment="TIDEGATE_IMAGE=registry.example/app@sha256:…"

The unit names its image `${TIDEGATE_IMAGE}`, which systemd replaces when it starts the command
(systemd.service(5), "Command lines"). That is the same for a quadlet of podman 4.4 or later, whose generator
passes `Image=` on as it is, and for a plain unit around an older podman. `systemctl cat` shows the pin.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tidegate_agent.engines.podman.files import make_durable_folder, remove_file, replace_file

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE: Final = "TIDEGATE_IMAGE"
_FILE: Final = "50-tidegate.conf"
_MAX_BYTES: Final = 4096
_LINE: Final = re.compile(rf'^Environment="{VARIABLE}=([^"\s]+@(sha256:[0-9a-f]{{64}}))"$', re.MULTILINE)


class Pin:
    """One unit's pin.

    Args:
        dropins: the folder with the service manager's unit files.
        unit: the unit's name, `app.service`.
    """

    def __init__(self, dropins: Path, unit: str) -> None:
        self.path = dropins / f"{unit}.d" / _FILE

    def digest(self) -> str | None:
        """The digest that the unit is pinned to, or None when it is not. Raises OSError."""
        try:
            with self.path.open("rb") as file:
                text = file.read(_MAX_BYTES).decode(errors="replace")
        except FileNotFoundError:
            return None
        found = _LINE.search(text)
        return None if found is None else found[2]

    def point(self, name: str | None) -> None:
        """Pin the unit to an image, `repository@digest`; or to none at all. Durable. Raises OSError."""
        if name is None:
            remove_file(self.path)
            return
        text = (
            "# Written by tidegate-agent, and replaced with each update: do not edit.\n"
            f'[Service]\nEnvironment="{VARIABLE}={name}"\n'
        )
        make_durable_folder(self.path.parent, 0o755)
        replace_file(self.path, text.encode(), 0o644)
