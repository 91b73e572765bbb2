"""Which of the boot loader's counters was started: noted on disk, for the next image may have to stop it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent.adapters.boot_counting import GrubCounting
from tidegate_agent.adapters.whole_file import replace_file, sync_names
from tidegate_agent.errors import EngineError

if TYPE_CHECKING:
    from tidegate_agent.adapters.boot_guard_directory import GuardDirectory


class NotedCounter:
    """The counter that is running, perhaps started by another image with another configuration."""

    def __init__(self, directory: GuardDirectory) -> None:
        self._directory = directory
        self._note = directory.path / "counting"

    def start(self, counting: GrubCounting) -> None:
        """Let the boots of the new image count. Raises EngineError(ACTIVATE_FAILED) and OSError."""
        # Noted first, so that there is never a counter that nobody knows to stop.
        replace_file(self._note, f"{counting.block}\n".encode())
        counting.start()

    def stop(self) -> None:
        """Stop what was started; a no-op when nothing was. Raises as `start`."""
        if (counting := self._started()) is not None:
            counting.stop()
            self._note.unlink()
            sync_names(self._note.parent)

    def hear(self) -> None:
        """Turn the boot loader's word into the guard's own, and give the first entry one boot again.

        The boot loader would take the second entry at every later boot. Once the engine has made the running
        image the first one, that is the bad one: a power cut then must not leave the host to it.
        """
        counting = self._started()
        if counting is None or not counting.fell_back():
            return
        if self._directory.has("armed"):
            digest = self._directory.value("armed/digest")
            reason = f"the boot loader gave {digest} up: nobody called it good in the boots that it was given"
            self._directory.decide({"reason": (reason,), "noted": ()}, without="pending")
        try:
            counting.start(boots=1)
        except EngineError as error:
            logger.warning(
                "the boot loader stays with the second entry until its counter is reset: {}", error
            )

    def _started(self) -> GrubCounting | None:
        block = self._directory.value(self._note.name)
        return GrubCounting(Path(block)) if block else None
