"""A real agent is killed right before and after each call to the outside, and comes to the same end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import sample
from tests.faults.real.stories import Cancelled, Refused, Sick, Success, Superseded
from tests.faults.real.telling import LONGEST_TEST_S, End, recorded, require_well, tell_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.real.ground import Ground
    from tests.faults.real.stories import Story

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(LONGEST_TEST_S)]


def run_cells(
    make: Callable[[Ground], Story], ground: Ground, most: int, number: int = signal.SIGKILL
) -> int:
    """Tell a story once for each boundary, or for a sample of them; how often."""
    boundaries = recorded(make, ground)
    cells = tell_all(make, ground, [(End(at, number),) for at in sample(boundaries, most)])
    require_well(cells)
    return len(cells)


@pytest.mark.parametrize(("make", "most"), [(Success, 6), (Sick, 3), (Refused, 1), (Superseded, 2)])
def test_an_agent_killed_at_any_call_comes_to_the_same_end(
    make: Callable[[Ground], Story],
    most: int,
    open_ground: Ground,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("cells", run_cells(make, open_ground, most))


def test_a_staged_image_that_waits_is_cancelled_whenever_the_agent_is_killed(
    closed_ground: Ground, record_property: Callable[[str, object], None]
) -> None:
    record_property("cells", run_cells(Cancelled, closed_ground, 2))


@pytest.mark.parametrize(("make", "most"), [(Success, 2), (Sick, 1)])
def test_an_agent_stopped_at_any_call_ends_at_once_and_goes_on_later(
    make: Callable[[Ground], Story],
    most: int,
    open_ground: Ground,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("cells", run_cells(make, open_ground, most, signal.SIGTERM))
