"""What the model says of the shell around the machine is what the real agent does."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.extent import everything
from tests.faults.model.twins import METHODS, Twins
from tests.support.updates import NEW, NEWER, OLD
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable

    Act = tuple[str, Callable[[Twins], None]]

pytestmark = pytest.mark.timeout(3_600)

ACTS: Final[tuple[Act, ...]] = (
    ("say A", lambda twins: twins.say(NEW, RolloutState.ACTIVE)),
    ("hold A", lambda twins: twins.say(NEW, RolloutState.HELD)),
    ("revoke A", lambda twins: twins.say(NEW, RolloutState.REVOKED)),
    ("say B", lambda twins: twins.say(NEWER, RolloutState.ACTIVE)),
    ("say O", lambda twins: twins.say(OLD, RolloutState.ACTIVE)),
    ("kill", lambda twins: twins.kill()),
    ("power", lambda twins: twins.cut_power()),
    ("reboot", lambda twins: twins.reboot()),
    ("guard", lambda twins: twins.guard()),
    ("wait", lambda twins: twins.wait()),
    ("sicken", lambda twins: twins.sicken()),
    ("refuse", lambda twins: twins.refuse()),
    *(
        (f"{order}", lambda twins, order=order: twins.order(order))
        for order in ("cancel", "rollback", "hold")
    ),
    *((f"busy {name}", lambda twins, name=name: twins.trouble(name)) for name in METHODS),
)


def live(acts: tuple[Act, ...]) -> None:
    twins = Twins()
    for number, (_, act) in enumerate(acts, start=1):
        act(twins)
        assert twins.real() == twins.modelled(), f"after {[name for name, _ in acts[:number]]}"


@pytest.mark.parametrize("first", ACTS, ids=[name for name, _ in ACTS])
def test_both_do_the_same_after_any_things(first: Act) -> None:
    """Of an update on its way, and of one that has ended."""
    for rest in itertools.product(ACTS, repeat=2 if everything() else 1):
        live((ACTS[0], first, *rest))


@settings(max_examples=2_000 if everything() else 60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(ACTS), min_size=4, max_size=14).map(tuple))
def test_both_do_the_same_in_long_histories(acts: tuple[Act, ...]) -> None:
    live((ACTS[0], *acts))
