"""Progress of one staging, and the question whether to go on."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from tidegate_agent.errors import EngineError
from tidegate_agent.model import StageProgress
from tidegate_schemas.codes import Code
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

_BEFORE_END = 99


class Meter:
    """Counts bytes and reports whole percents, each once, never backwards.

    Fetching and unpacking count half each; the last percent is reported when all is on disk.

    Args:
        progress: told the percents.
        cancelled: the question whether to stop.
        deadline: seconds from now that the whole staging may take.
        clock: seconds that never go back.

    Attributes:
        bytes_fetched: bytes that came over the wire.
    """

    def __init__(
        self,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
        deadline: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bytes_fetched = 0
        self._progress = progress
        self._cancelled = cancelled
        self._deadline = deadline
        self._clock = clock
        self._began = clock()
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

    def cancelled(self) -> bool:
        """Whether to stop; asked between two pieces of a blob.

        Raises:
            EngineError: IMAGE_UNREACHABLE, retryable, when the time is up.
        """
        if self._cancelled():
            return True
        if self._clock() - self._began >= self._deadline:
            reason = f"staging was not done in {self._deadline:g} s; what was fetched is kept for the next"
            raise EngineError(Code.IMAGE_UNREACHABLE, reason, retryable=True)
        return False

    def check(self) -> None:
        """Between two files.

        Raises:
            Cancelled: when asked to stop.
            EngineError: IMAGE_UNREACHABLE, retryable, when the time is up.
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
