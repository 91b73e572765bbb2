"""Hints for names that were misspelt."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LISTED = 12


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one; None when none is near."""
    return next(iter(difflib.get_close_matches(name.lower(), sorted(known), n=1)), None)


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean x?`, or what is known when nothing is near."""
    names = sorted(known)
    near = closest(name, names)
    if near is not None:
        return f"did you mean {near}?"
    return f"known are {', '.join(names[:_LISTED])}{', …' if len(names) > _LISTED else ''}"
