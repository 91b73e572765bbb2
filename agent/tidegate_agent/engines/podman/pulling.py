"""Pulling by digest, with progress and patience that podman's own output could not give.

Without a terminal podman says when it begins with a blob and no more. But it keeps what it fetches in the
folder that TMPDIR names until the image is whole: how that folder grows is the progress, and that it does not
is a stall.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from tidegate_agent.engines.podman.failures import failure_of
from tidegate_agent.engines.tool import Tool
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tidegate_agent.engines.images.meter import Meter

_MAX_DEPTH: Final = 8


class Growth:
    """Asked again and again while podman pulls: reports what came, and loses patience when nothing does.

    Args:
        folders: where blobs lie until the image is whole.
        expected: bytes that have to come.
        meter: told what came.
        stall_s: seconds without a byte after which it is a stall. Once all is there, podman unpacks, which
            only the total time bounds.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        expected: int,
        meter: Meter,
        stall_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders, self._expected, self._meter = folders, expected, meter
        self._stall_s, self._clock = stall_s, clock
        self._reported = self._size = 0
        self._moved = clock()

    def cancelled(self) -> bool:
        """Look at the folders; whether to stop.

        Raises:
            EngineError: ENGINE_TIMEOUT, retryable, for a stall; as `Meter.cancelled` when the time is up.
        """
        size = sum(_bytes_below(folder, _MAX_DEPTH) for folder in self._folders)
        now = self._clock()
        if size != self._size:
            self._size, self._moved = size, now
            self._report(size)
        elif self._reported < self._expected and now - self._moved >= self._stall_s:
            raise EngineError(
                Code.ENGINE_TIMEOUT,
                f"podman fetched nothing for {self._stall_s:g} s, with {self._reported} of "
                f"{self._expected} bytes here; whole layers are kept for the next attempt",
                retryable=True,
            )
        return self._meter.cancelled()

    def complete(self) -> None:
        """Report all that had to come: podman says that it did."""
        self._report(self._expected)

    def _report(self, size: int) -> None:
        # podman begins anew after a broken connection: what came counts once.
        news = min(size, self._expected) - self._reported
        if news > 0:
            self._reported += news
            self._meter.fetched(news)


def pull(
    command: Sequence[str],
    environment: Mapping[str, str],
    words: Sequence[str],
    growth: Growth,
    timeout_s: float,
) -> None:
    """Let podman pull an image. It tries three times itself where the network fails.

    Args:
        command: the command that runs podman.
        environment: its variables, TMPDIR among them.
        words: options and, last, `repository@digest`.
        growth: asked about ten times in a second.
        timeout_s: how long it may take, in seconds.

    Raises:
        EngineError: an `image.*` or `disk.*` code, ENGINE_MISSING, ENGINE_TIMEOUT, or STAGE_FAILED for words
            that are not known.
        tidegate_wire.registry.source.Cancelled: `growth` says so.
    """
    tool = Tool(command, environment)
    output = tool.run("pull", *words, timeout_s=timeout_s, cancelled=growth.cancelled)
    if output.status != 0:
        raise failure_of(output.stderr, f"podman cannot pull {words[-1]}", Code.STAGE_FAILED)
    growth.complete()


def _bytes_below(folder: Path | str, depth: int) -> int:
    """The size of all files below a folder that others may be changing; nothing when it cannot be read."""
    size = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    size += _bytes_below(entry.path, depth - 1) if depth else 0
                else:
                    size += entry.stat(follow_symlinks=False).st_size
    except OSError:
        return size
    return size
