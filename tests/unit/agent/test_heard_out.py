"""What came before an activation is judged before it, as long as that takes no more than a moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.rig import Rig
from tests.support.updates import NEW, OLD
from tidegate_agent.reception import PATIENCE
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState


def once_staged(rig: Rig, state: RolloutState) -> None:
    """Have the publisher stop the release in the moment in which its staging ends."""

    def stop() -> None:
        rig.announce(NEW, sequence=2, rollout=Rollout(seed="seed", state=state), settle=False)

    def first() -> None:
        rig.image.halfway = stop

    rig.image.halfway = first


@pytest.mark.parametrize(
    ("state", "left"), [(RolloutState.HELD, "staged"), (RolloutState.REVOKED, "cancelled")]
)
def test_what_stops_a_release_as_its_staging_ends_stops_it(state: RolloutState, left: str) -> None:
    rig = Rig()
    once_staged(rig, state)
    rig.announce(NEW)
    assert rig.status().follows[0].state == left
    assert rig.image.status().current == OLD
    assert Step.ACTIVATING not in rig.steps()


def test_what_is_rubbish_puts_an_activation_off_and_does_not_stop_it() -> None:
    rig = Rig()
    rig.image.halfway = lambda: rig.say(b"rubbish", settle=False)
    rig.announce(NEW)
    assert rig.image.status().current == NEW


def test_a_flood_holds_an_activation_up_for_a_moment_only() -> None:
    rig = Rig()

    def flood() -> None:
        if rig.image.status().current == OLD:
            rig.clock.advance(timedelta(seconds=1))
            rig.say(rig.clock.now().isoformat().encode(), settle=False)

    rig.announce(NEW, settle=False)
    rig.verifier.meanwhile = flood
    began = rig.clock.now()
    rig.settle()
    assert rig.image.status().current == NEW
    assert PATIENCE <= rig.clock.now() - began <= PATIENCE + timedelta(seconds=10)
