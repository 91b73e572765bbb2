"""--device-keys: whose signatures stand behind events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate_publisher.options.declare import group

if TYPE_CHECKING:
    from tidegate_fleet.words import EventCheck


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The folder of device keys, if one was given."""

    folder: Path | None

    def check(self) -> EventCheck | None:
        """Read the keys. Raises TidegateError(CONFIG_MISSING, HOST_ID, TRUST_KEY_UNUSABLE)."""
        if self.folder is None:
            return None
        from tidegate_publisher.adapters.device_keys import DeviceKeyFolder  # noqa: PLC0415 -- only when given

        return DeviceKeyFolder(self.folder)

    def hosts(self) -> frozenset[str] | None:
        """The hosts that have a key; None when no folder was given. Raises as `check`."""
        if self.folder is None:
            return None
        from tidegate_publisher.adapters.device_keys import DeviceKeyFolder  # noqa: PLC0415 -- only when given

        return DeviceKeyFolder(self.folder).hosts


device_key_options = group(
    "device_keys",
    DeviceKeys,
    (
        click.option(
            "--device-keys",
            "folder",
            type=click.Path(file_okay=False, path_type=Path),
            envvar="TIDEGATE_DEVICE_KEYS",
            show_envvar=True,
            metavar="DIR",
            help="Count only events that are signed by their host's key, DIR/HOST.pem.",
        ),
    ),
    ("folder",),
)
