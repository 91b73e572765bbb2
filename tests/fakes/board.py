"""Where those who log in would read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class FakeBoard:
    """ports.Board that keeps what it was told.

    Attributes:
        shown: all that was shown, in order.
    """

    def __init__(self) -> None:
        self.shown: list[list[str]] = []

    def show(self, lines: Sequence[str]) -> None:
        """Keep it."""
        self.shown.append(list(lines))
