"""Which manifest each announced digest turned out to be, kept on disk.

bootc tells the digest of the manifest for this architecture. What was announced is mostly an index's digest,
which the image's reference carries as long as nobody changes it. The notes tie the two together: they find
the announced digest again when the reference was changed by hand, and they show when what is staged is not
what was staged.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.engines.images.durable import sync_directory
from tidegate_agent.engines.images.space import disk_errors
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_agent.engines.bootc.status import Entry

_KEPT: Final = 16
_MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Note:
    """What was found staged.

    Attributes:
        announced: the digest that was announced.
        reference: the reference that it was staged by.
        manifest: the digest of the manifest for this architecture.
    """

    announced: str
    reference: str
    manifest: str


class Notes:
    """The last notes, the newest at the end.

    Args:
        path: the file; its folder is made when it is first written to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def announced(self, entry: Entry | None) -> str | None:
        """The digest that a deployment was announced by; None where there is no image."""
        if entry is None or entry.image is None:
            return None
        if entry.image.pin is not None:
            return entry.image.pin
        manifest = entry.image.manifest
        return next(
            (note.announced for note in reversed(self._read()) if note.manifest == manifest), manifest
        )

    def manifest(self, announced: str) -> str | None:
        """The manifest that was found when this digest was last staged; None when that is not known."""
        return next((note.manifest for note in reversed(self._read()) if note.announced == announced), None)

    def add(self, note: Note) -> None:
        """Write a note, durably.

        Raises:
            EngineError: DISK_FULL or DISK_IO; STAGE_FAILED for another fault of the disk.
        """
        notes = [one for one in self._read() if one.announced != note.announced]
        raw = json.dumps([asdict(one) for one in [*notes, note][-_KEPT:]], indent=1).encode()
        write_durably(self._path, raw)

    def _read(self) -> list[Note]:
        """All notes. Damaged ones are none: what they say is only ever needed to be sure."""
        try:
            with self._path.open("rb") as file:
                raw = file.read(_MAX_BYTES)
            return [Note(**one) for one in json.loads(raw)]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, RecursionError) as error:
            logger.warning("{} cannot be used and is begun anew: {}", self._path, error)
            return []


def write_durably(path: Path, raw: bytes) -> None:
    """Replace a file as a whole, so that after a power cut it is the old or the new one.

    Raises:
        EngineError: DISK_FULL, DISK_IO or STAGE_FAILED.
    """
    with disk_errors(Code.STAGE_FAILED, "writing", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.new")
        with beside.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync_directory(path.parent)
