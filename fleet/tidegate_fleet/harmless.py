"""Text that hosts chose, made fit to be looked at. PURE.

Who may write to the broker can put anything into a reason or a label: escapes that drive a terminal, marks
that turn the direction of reading, towers of accents, a page full of words.
"""

from __future__ import annotations

import unicodedata
from typing import Final

REASON: Final = 400
"""Characters of a reason that are shown: enough for what a tool said last."""

LABEL: Final = 120
"""Characters of a label, a version, a name."""

_MARKS: Final = 2
_LINE_ENDS: Final = frozenset("\n\r\t")


def harmless(text: str, most: int = REASON) -> str:
    """The text on one line, at most so long, with a mark in place of what is no visible character."""
    shown: list[str] = []
    marks = 0
    for letter in text[:most]:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        # Letters carry a mark or two; towers of them paint over the lines above.
        if marks <= _MARKS:
            shown.append(_visible(letter))
    return "".join(shown).rstrip() + "…" if len(text) > most else "".join(shown)


def _visible(letter: str) -> str:
    if letter in _LINE_ENDS:
        return " "
    # str.isprintable is False for controls, format characters (bidi, zero width) and what is not assigned.
    return letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
