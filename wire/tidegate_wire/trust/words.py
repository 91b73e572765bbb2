"""Text from outside, made fit for a sentence."""

from __future__ import annotations

from typing import Final

_SHOWN: Final = 200


def shown(text: str) -> str:
    """Text from outside for a sentence: quoted, escaped and capped."""
    return repr(text[:_SHOWN]) if text else "none"
