"""What the machine would answer, but the shell around it never asks; each with the reason.

A row that a run reaches all the same is reported as failed: the reason is wrong then.
"""

from __future__ import annotations

from typing import Final

UNREACHABLE_EDGES: Final[dict[tuple[str, str], str]] = {}
"""By kind of state and kind of event."""

UNREACHABLE_CELLS: Final[dict[tuple[str, str], str]] = {}
"""By kind of state and fault."""
