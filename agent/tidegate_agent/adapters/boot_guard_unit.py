"""The boot guard's unit and script, taken along into the next image.

An image that lacks tidegate is one that never proves itself, and it would have no guard either. So who arms
brings his own: the unit goes to /etc, which every image-mode system merges into the next deployment at
shutdown, and the script to /var. That way the script also fits the directory that it reads, whatever version
the next image has.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate_agent.adapters.whole_file import replace_file, sync_names

NAME: Final = "tidegate-boot-guard.service"
UNIT: Final = Path("/usr/lib/systemd/system") / NAME
SCRIPT: Final = Path("/usr/lib/tidegate/boot-guard")
ETC: Final = Path("/etc/systemd/system")
WANTED_BY: Final = "sysinit.target.wants"

_FILE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class GuardUnit:
    """What is taken along, and where to.

    Attributes:
        unit: the unit of the running image.
        script: the script that it runs.
        etc: the host's own units.
        kept: where the script is kept; it is on /var.
    """

    kept: Path
    unit: Path = UNIT
    script: Path = SCRIPT
    etc: Path = ETC

    def take_along(self) -> None:
        """Put unit and script where the next image finds them. Durable when it returns. Raises OSError."""
        text = self._read(self.unit).replace(os.fsencode(SCRIPT), os.fsencode(self.kept))
        replace_file(self.kept, self._read(self.script))
        wants = self.etc / WANTED_BY
        wants.mkdir(mode=0o755, parents=True, exist_ok=True)
        replace_file(self.etc / NAME, text)
        (self.etc / NAME).chmod(0o644)
        if not (wants / NAME).is_symlink():
            (wants / NAME).symlink_to(self.etc / NAME)
        sync_names(wants)

    def leave(self) -> None:
        """Take away what was taken along. Raises OSError."""
        for path in (self.etc / WANTED_BY / NAME, self.etc / NAME, self.kept):
            # A person may have enabled the image's own unit: that link points elsewhere, and stays.
            if path.is_symlink() and path.readlink() != self.etc / NAME:
                continue
            with suppress(FileNotFoundError):
                path.unlink()

    def _read(self, path: Path) -> bytes:
        with path.open("rb") as file:
            return file.read(_FILE_BYTES)
