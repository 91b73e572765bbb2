"""How many may do something at once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tidegate_fleet.web.problems import PageError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator


class Slots:
    """Places that are taken and given back, all on one thread: the server's loop.

    Args:
        most: how many there are.
        what: what they are for, in words.
        retry_after: seconds after which one may be free again.
    """

    def __init__(self, most: int, what: str, retry_after: int) -> None:
        self._free = most
        self._most = most
        self._what = what
        self._retry_after = retry_after

    @property
    def taken(self) -> int:
        """How many are in use."""
        return self._most - self._free

    def take(self) -> None:
        """Take one. Raises PageError(PAGE_BUSY): none is left."""
        if not self._free:
            reason = f"as many {self._what} run as may, {self._most}"
            raise PageError(Code.PAGE_BUSY, reason, retry_after=self._retry_after)
        self._free -= 1

    @contextlib.contextmanager
    def freed(self) -> Iterator[None]:
        """Gives one back at the end of the block."""
        try:
            yield
        finally:
            self._free += 1
