"""How much of the faults is tried: a sample in every run of the tests, all of it when it is asked for."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

VARIABLE: Final = "TIDEGATE_FAULTS"
"""`all` in this environment variable asks for everything."""

SEED: Final = 5
"""Of the sample, which is the same in every run: a failure is there again when it is looked for."""

T = TypeVar("T")


def everything() -> bool:
    """Whether all of it is asked for."""
    return os.environ.get(VARIABLE) == "all"


def sample(cells: Sequence[T], most: int) -> Sequence[T]:
    """At most so many of them, in their order; all of them where everything is asked for."""
    if everything() or len(cells) <= most:
        return cells
    chosen = random.Random(SEED).sample(range(len(cells)), most)  # noqa: S311 - chooses tests, guards nothing
    return [cells[place] for place in sorted(chosen)]
