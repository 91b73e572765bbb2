"""A real agent is killed right before and after each call to the outside, and comes to the same end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import everything
from tests.faults.real.stories import Cancelled, Refused, Sick, Success, Superseded
from tests.faults.real.telling import LONGEST_TEST_S, End, recorded, require_well, tell_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.faults.real.ground import Ground
    from tests.faults.real.stories import Story

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(LONGEST_TEST_S)]


KILLED = [
    (
        Success,
        (
            "journal.commit staging +staging, after",
            "engine.stage, after",
            "engine.activate, after",
            "bus.publish succeeded, before",
        ),
    ),
    (Sick, ("journal.commit rollingback +rolling-back, after", "engine.rollback, after")),
    (Refused, ("verifier.verify, after",)),
    (Superseded, ("engine.stage, after",)),
]
"""Stories, and the boundaries at which they are interrupted in every run of the tests; else it is all."""

STOPPED = [(Success, ("engine.stage, before", "engine.activate, before")), (Sick, ())]


def run_cells(
    make: Callable[[Ground], Story], ground: Ground, some: Sequence[str], number: int = signal.SIGKILL
) -> int:
    """Tell a story once for each boundary, or for some of them; how often."""
    boundaries = recorded(make, ground) if everything() else some
    cells = tell_all(make, ground, [(End(at, number),) for at in boundaries])
    require_well(cells)
    return len(cells)


@pytest.mark.parametrize(("make", "some"), KILLED)
def test_an_agent_killed_at_any_call_comes_to_the_same_end(
    make: Callable[[Ground], Story],
    some: Sequence[str],
    open_ground: Ground,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("cells", run_cells(make, open_ground, some))


def test_a_staged_image_that_waits_is_cancelled_whenever_the_agent_is_killed(
    closed_ground: Ground, record_property: Callable[[str, object], None]
) -> None:
    record_property("cells", run_cells(Cancelled, closed_ground, ["engine.discard, before"]))


@pytest.mark.parametrize(("make", "some"), STOPPED)
def test_an_agent_stopped_at_any_call_ends_at_once_and_goes_on_later(
    make: Callable[[Ground], Story],
    some: Sequence[str],
    open_ground: Ground,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("cells", run_cells(make, open_ground, some, signal.SIGTERM))
