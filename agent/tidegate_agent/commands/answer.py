"""What a command has to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

OK: Final = 0
FAILED: Final = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What is printed, and the exit status.

    Attributes:
        lines: for standard output.
        notes: for standard error, after the lines.
        status: 0 done, 1 failed or refused.
    """

    lines: Iterable[str] = ()
    notes: Iterable[str] = ()
    status: int = OK
