"""The agent is killed: a sample of the kills of every world. A failure names the line that plays it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import sample
from tests.faults.kills.acts import ACTS
from tests.faults.kills.campaign import Run, Tally, again, carry_out, faulty, for_ever, kills
from tests.faults.kills.report import again as replay
from tests.faults.kills.worlds import World, disturbed, undisturbed

if TYPE_CHECKING:
    from collections.abc import Sequence

ALONE = pytest.mark.parametrize("world", undisturbed(), ids=lambda world: world.name)
DISTURBED = pytest.mark.parametrize("world", disturbed(ACTS), ids=lambda world: world.name)


def _all_well(runs: Sequence[Run]) -> None:
    wrong = [(run.name, problems) for run in runs if (problems := carry_out(run, Tally()))]
    assert not wrong, "\n".join(f"{replay(name)}\n  {problems}" for name, problems in wrong)


@ALONE
def test_a_killed_agent_ends_where_an_unharmed_one_does(world: World) -> None:
    _all_well(sample(kills(world), 8))


@DISTURBED
def test_what_somebody_does_is_neither_lost_nor_done_twice(world: World) -> None:
    _all_well(sample(kills(world), 1))


@ALONE
def test_an_agent_may_be_killed_again_while_it_recovers(world: World) -> None:
    _all_well(sample(again(world, lambda numbers: numbers), 4))


@ALONE
def test_a_step_that_always_kills_is_given_up(world: World) -> None:
    _all_well(sample(for_ever(world), 1))


@ALONE
def test_any_other_fault_passes(world: World) -> None:
    _all_well(sample(faulty(world), 6))
