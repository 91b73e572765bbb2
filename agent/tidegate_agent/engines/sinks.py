"""What takes the output of a program: all of it, its end, or its lines. Memory is bounded in each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_LINE_BYTES: Final = 64 * 1024

Sink = Callable[[bytes], None]
"""Takes the pieces of an output as they come."""


class TooMuch(Exception):  # noqa: N818 - turned into an EngineError by `tool`
    """More came out of a program than the caller takes. The text goes into a sentence."""


class Whole:
    """Keeps all that comes, and takes no more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self._limit = limit

    def __call__(self, piece: bytes) -> None:
        """Take a piece. Raises TooMuch."""
        if len(self.kept) + len(piece) > self._limit:
            raise TooMuch(f"it printed more than {self._limit} bytes")
        self.kept += piece


class Tail:
    """Keeps the last `limit` bytes of what comes: the reason for a failure stands at the end."""

    def __init__(self, limit: int) -> None:
        self.kept = b""
        self._limit = limit

    def __call__(self, piece: bytes) -> None:
        """Take a piece."""
        self.kept = (self.kept + piece)[-self._limit :]


class Lines:
    """Hands over whole lines, without their ends. A line beyond 64 KiB is cut there, its rest is dropped."""

    def __init__(self, on_line: Sink) -> None:
        self._on_line = on_line
        self._begun = b""

    def __call__(self, piece: bytes) -> None:
        """Take a piece, and hand over the lines that it completes."""
        *whole, last = piece.split(b"\n")
        for line in whole:
            self._take(line)
            self._on_line(self._begun)
            self._begun = b""
        self._take(last)

    def end(self) -> None:
        """Hand over a last line that was not ended."""
        if self._begun:
            self._on_line(self._begun)
            self._begun = b""

    def _take(self, piece: bytes) -> None:
        self._begun += piece[: _LINE_BYTES - len(self._begun)]
