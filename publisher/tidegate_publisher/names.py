"""Hints for names that were misspelt."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LISTED = 12


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean x?`, or what is known when nothing is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known are {', '.join(names[:_LISTED])}{', …' if len(names) > _LISTED else ''}"
