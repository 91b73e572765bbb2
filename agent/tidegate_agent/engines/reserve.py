"""The space that has to be free for a tool that fetches and deploys by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_agent.engines.images.limits import MIB
from tidegate_agent.engines.images.space import disk_errors, require_free

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_schemas.codes import Code


@dataclass(frozen=True, slots=True)
class Reserve:
    """Bytes, asked for before staging and before activation.

    Attributes:
        boot: for boot entries. They are written at shutdown, when nobody hears of a failure.
        store: on the file system of the ostree repository.
    """

    boot: int = 32 * MIB
    store: int = 512 * MIB

    def require(self, boot: Path, store: Path, code: Code) -> None:
        """Refuse to begin what cannot end well.

        Args:
            boot: a folder on the one file system.
            store: a folder on the other.
            code: the code for a fault of the disk that has none of its own.

        Raises:
            EngineError: DISK_FULL, retryable; DISK_IO or `code`.
        """
        for folder, needed in ((boot, self.boot), (store, self.store)):
            with disk_errors(code, "looking for space", folder):
                require_free(folder, 0, needed, fresh=False)
