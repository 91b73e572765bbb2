"""A real agent is killed right before and after each call to the outside, and comes to the same end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import sample
from tests.faults.real.stories import Cancelled, Refused, Sick, Success, Superseded
from tests.faults.real.telling import LONGEST_TEST_S, End, recorded, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.real.ground import Ground
    from tests.faults.real.stories import Story

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(LONGEST_TEST_S)]

REACHED = 0.8
"""The least part of the cells in which the signal has to be sent: threads take turns, names may shift."""


def run_cells(
    make: Callable[[Ground], Story], ground: Ground, most: int, number: int = signal.SIGKILL
) -> None:
    """Tell a story once for each boundary, or for a sample of them."""
    boundaries = recorded(make, ground)
    cells = [tell(make(ground), End(at, number)) for at in sample(boundaries, most)]
    faults = {cell.name: cell.faults for cell in cells if cell.faults}
    reached = sum(cell.reached for cell in cells)
    print(f"{len(cells)} cells, {reached} reached")  # noqa: T201 - told with -s, and on failure
    assert not faults
    assert reached >= REACHED * len(cells), [cell.name for cell in cells if not cell.reached]


@pytest.mark.parametrize(("make", "most"), [(Success, 8), (Sick, 4), (Refused, 2), (Superseded, 3)])
def test_an_agent_killed_at_any_call_comes_to_the_same_end(
    make: Callable[[Ground], Story], most: int, open_ground: Ground
) -> None:
    run_cells(make, open_ground, most)


def test_a_staged_image_that_waits_is_cancelled_whenever_the_agent_is_killed(closed_ground: Ground) -> None:
    run_cells(Cancelled, closed_ground, 3)


@pytest.mark.parametrize(("make", "most"), [(Success, 3), (Sick, 1)])
def test_an_agent_stopped_at_any_call_ends_at_once_and_goes_on_later(
    make: Callable[[Ground], Story], most: int, open_ground: Ground
) -> None:
    run_cells(make, open_ground, most, signal.SIGTERM)
