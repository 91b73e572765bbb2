"""Progress of one staging, and the question whether to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.model import StageProgress
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

_BEFORE_END = 99


class Meter:
    """Counts bytes and reports whole percents, each once, never backwards.

    Fetching and unpacking count half each; the last percent is reported when all is on disk.

    Attributes:
        bytes_fetched: bytes that came over the wire.
        cancelled: the question whether to stop.
    """

    def __init__(self, progress: Callable[[StageProgress], None], cancelled: Callable[[], bool]) -> None:
        self.bytes_fetched = 0
        self.cancelled = cancelled
        self._progress = progress
        self._to_fetch = 0
        self._to_unpack = 0
        self._blobs_done = 0
        self._layer = 0
        self._percent = -1

    def expect(self, fetch: int, unpack: int) -> None:
        """Say how many bytes are still to be fetched, and how many compressed bytes to be unpacked."""
        self._to_fetch, self._to_unpack = self.bytes_fetched + fetch, unpack
        self._report(0)

    def fetched(self, size: int) -> None:
        """Count bytes off the wire."""
        self.bytes_fetched += size
        self._update()

    def unpacking(self, size: int) -> None:
        """Begin with a layer of this many compressed bytes."""
        self._layer = size

    def layer_done(self) -> None:
        """Count the layer that was begun."""
        self._blobs_done += self._layer
        self._update()

    def check(self) -> None:
        """Between two files.

        Raises:
            Cancelled: when asked to stop.
        """
        if self.cancelled():
            raise Cancelled

    def done(self) -> None:
        """Report the end."""
        self._report(100)

    def _update(self) -> None:
        total = self._to_fetch + self._to_unpack
        if total:
            self._report(min(_BEFORE_END, 100 * (self.bytes_fetched + self._blobs_done) // total))

    def _report(self, percent: int) -> None:
        if percent > self._percent:
            self._percent = percent
            self._progress(StageProgress(percent, self.bytes_fetched, self._to_fetch))
