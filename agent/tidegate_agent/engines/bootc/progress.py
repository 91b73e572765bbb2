"""The stream that `bootc --progress-fd` writes: JSON lines, in bootc's version 0 of that format.

It is for showing how far things are, no more: a line that cannot be understood is passed over, and the stream
ends without saying whether all went well. Lines grow with the number of layers, since each repeats those that
are done. Source: docs/src/experimental-progress-fd.md of bootc 1.16.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tidegate_agent.model import StageProgress

if TYPE_CHECKING:
    from collections.abc import Callable

_PULLED: Final = 70
_IMPORTED: Final = 80
_BEFORE_END: Final = 99
_MAX_BYTES: Final = 2**53


class PullMeter:
    """Makes whole percents of the stream: each reported once, never backwards.

    Fetching counts 70, importing 10, deploying the rest. The hundredth is reported by `done`.

    Args:
        progress: told the percents.

    Attributes:
        bytes_fetched: bytes that came over the wire.
    """

    def __init__(self, progress: Callable[[StageProgress], None]) -> None:
        self.bytes_fetched = 0
        self._total = 0
        self._percent = -1
        self._progress = progress

    def begin(self) -> None:
        """Report that nothing is done yet."""
        self._report(0)

    def line(self, line: bytes) -> None:
        """Take a line of the stream."""
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        if event.get("type") == "ProgressBytes":
            self._bytes(event)
        elif event.get("type") == "ProgressSteps":
            self._steps(event)

    def done(self) -> None:
        """Report the end: what was fetched is all there was to fetch."""
        self._total = self.bytes_fetched
        self._report(100)

    def _bytes(self, event: dict[str, object]) -> None:
        fetched, total = _count(event, "bytes"), _count(event, "bytesTotal")
        # The blob may turn out larger than its descriptor said: then more is fetched than was to be.
        self._total = max(self._total, total, fetched)
        self.bytes_fetched = max(self.bytes_fetched, fetched)
        self._report(_share(fetched, total, _PULLED))

    def _steps(self, event: dict[str, object]) -> None:
        if event.get("task") == "importing":
            self._report(_IMPORTED)
        elif event.get("task") == "staging":
            done = _share(_count(event, "steps"), _count(event, "stepsTotal"), _BEFORE_END - _IMPORTED)
            self._report(_IMPORTED + done)

    def _report(self, percent: int) -> None:
        if percent > self._percent:
            self._percent = percent
            self._progress(StageProgress(percent, self.bytes_fetched, self._total))


def _share(part: int, whole: int, of: int) -> int:
    return min(of, of * part // whole) if whole else 0


def _count(event: dict[str, object], key: str) -> int:
    """A count of the event; 0 for anything that is none."""
    found = event.get(key)
    return found if isinstance(found, int) and 0 <= found <= _MAX_BYTES else 0
