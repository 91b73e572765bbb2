"""A real agent loses its power at any moment, with everything that it started, and comes to the same end."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import SEED, everything
from tests.faults.real.stories import Big, Sick
from tests.faults.real.telling import LONGEST_TEST_S, End, recorded, require_no_faults, require_well, tell_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.faults.real.ground import Ground
    from tests.faults.real.stories import Story

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(LONGEST_TEST_S)]

LIFE_S = 4.0
"""About how long a life takes that an update needs, in seconds."""


@pytest.mark.parametrize(("make", "some", "all_of_them"), [(Big, 2, 40), (Sick, 0, 20)])
def test_a_power_cut_at_any_moment_changes_no_end(
    make: Callable[[Ground], Story],
    some: int,
    all_of_them: int,
    open_ground: Ground,
    record_property: Callable[[str, object], None],
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - chooses moments, guards nothing
    longest = _length_s(make, open_ground) if everything() else LIFE_S
    moments = [chance.uniform(0.1, 1) * longest for _ in range(all_of_them if everything() else some)]
    cells = tell_all(make, open_ground, [(End(lasts_s=moment),) for moment in moments])
    require_no_faults(cells)
    record_property("cells", len(cells))


def _length_s(make: Callable[[Ground], Story], ground: Ground) -> float:
    began = time.monotonic()
    recorded(make, ground)
    # Two lives were lived, and the second had little to do.
    return 0.8 * (time.monotonic() - began)


@pytest.mark.parametrize(
    ("make", "first", "again"),
    [
        (Big, "engine.stage, before", []),
        (Big, "engine.activate, after", ["engine.activate, before"]),
        (Sick, "engine.rollback, before", []),
    ],
)
def test_an_agent_killed_again_in_recovery_comes_to_the_same_end(
    make: Callable[[Ground], Story],
    first: str,
    again: Sequence[str],
    open_ground: Ground,
    record_property: Callable[[str, object], None],
) -> None:
    boundaries = recorded(make, open_ground, End(first)) if everything() else again
    cells = tell_all(make, open_ground, [(End(first), End(at)) for at in boundaries])
    require_well(cells)
    record_property("cells", len(cells))
