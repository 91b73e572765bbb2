"""A real agent loses its power at any moment, with everything that it started, and comes to the same end."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import SEED, everything
from tests.faults.real.stories import Big, Sick
from tests.faults.real.telling import LONGEST_TEST_S, End, recorded, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.real.ground import Ground
    from tests.faults.real.stories import Story

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(LONGEST_TEST_S)]


@pytest.mark.parametrize(("make", "some", "all_of_them"), [(Big, 2, 40), (Sick, 1, 20)])
def test_a_power_cut_at_any_moment_changes_no_end(
    make: Callable[[Ground], Story], some: int, all_of_them: int, open_ground: Ground
) -> None:
    began = time.monotonic()
    recorded(make, open_ground)
    # Two lives were lived, and the second had little to do.
    longest = 0.8 * (time.monotonic() - began)
    chance = random.Random(SEED)  # noqa: S311 - chooses moments, guards nothing
    moments = [chance.uniform(0.1, 1) * longest for _ in range(all_of_them if everything() else some)]
    cells = [tell(make(open_ground), End(lasts_s=moment)) for moment in moments]
    assert not {cell.name: cell.faults for cell in cells if cell.faults}


@pytest.mark.parametrize(
    ("make", "first", "some"),
    [
        (Big, "engine.stage, before", 1),
        (Big, "engine.activate, after", 1),
        (Sick, "engine.rollback, before", 1),
    ],
)
def test_an_agent_killed_again_in_recovery_comes_to_the_same_end(
    make: Callable[[Ground], Story], first: str, some: int, open_ground: Ground
) -> None:
    boundaries = recorded(make, open_ground, End(first))
    chance = random.Random(SEED)  # noqa: S311 - as above
    again = boundaries if everything() else chance.sample(boundaries, some)
    cells = [tell(make(open_ground), End(first), End(at)) for at in again]
    assert not {cell.name: cell.faults for cell in cells if cell.faults}
