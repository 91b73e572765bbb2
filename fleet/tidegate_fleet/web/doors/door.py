"""What a door is, and who came through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

READER: Final = "tidegate.reader"
"""The key of a request's scope that holds its Reader."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A request, as far as a door looks at it.

    Attributes:
        peer: the address that it came from; None over a Unix socket.
        headers: by name in small letters, each with all its values.
    """

    peer: str | None
    headers: Mapping[str, tuple[str, ...]]

    def only(self, name: str) -> str | None:
        """A header's value; None when it is absent or given twice, for then nobody knows which one counts."""
        values = self.headers.get(name.lower(), ())
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may read.

    Attributes:
        name: who it is, as far as the door knows.
        leaves: whether there is a session that can be ended.
        left_s: seconds until that ends by itself; None where nothing ends.
    """

    name: str | None = None
    leaves: bool = False
    left_s: float | None = None


class Door(Protocol):
    """One kind of login."""

    def reader(self, caller: Caller) -> Reader:
        """Who asks.

        Raises:
            PageError: PAGE_LOGIN, it is nobody who may read; PAGE_ATTEMPTS, it was tried too often.
        """
        ...

    @property
    def has_form(self) -> bool:
        """Whether people can log in on a page."""
        ...
