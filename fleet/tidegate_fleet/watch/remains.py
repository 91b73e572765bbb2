"""Keeps Python's collector of reference cycles away from what stays.

A full collection looks at every object that is alive: with fifty thousand hosts that is a second in which no
key is answered. What is kept of hosts has no cycles and goes by its reference counts.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tidegate_fleet.watch.model import Watched

EVERY: Final = 10_000
"""Hosts and events that are kept: after so many more the collector is told. Both have a bound, so it ends."""


class Remains:
    """Tells the collector what stays, as it grows."""

    def __init__(self) -> None:
        self._told = 0

    def look(self, watched: Watched) -> None:
        """See whether there is much more than before."""
        if watched.kept >= self._told + EVERY:
            self._told = watched.kept
            gc.freeze()
