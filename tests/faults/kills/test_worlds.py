"""The worlds are all there are: every act that the agent offers, every edge of the machine."""

from __future__ import annotations

from typing import get_args

from tests.faults.kills.acts import ORDERED, PUBLISHED, REQUESTED
from tests.faults.kills.campaign import carry_out, every_world, faulty, undisturbed_tally
from tests.faults.kills.machine import edges
from tests.faults.kills.unreachable import UNREACHABLE_EDGES
from tests.faults.kills.worlds import KINDS, undisturbed
from tests.support.rig import Rig
from tidegate_agent.update.states import State
from tidegate_schemas.requests import Action
from tidegate_schemas.rollout import RolloutState


def test_every_command_of_a_person_is_an_act() -> None:
    offered = Rig().ask("?")["reason"].partition("knows only the commands ")[2].split(", ")
    assert set(offered) == {word for act in ORDERED for word in act.name.split(", ") if word != "heartbeat"}


def test_every_request_is_an_act() -> None:
    named = {word for act in REQUESTED for word in act.name.removeprefix("request ").split(", ")}
    assert {action.value for action in Action} == named - {"rubbish"}


def test_every_state_of_a_rollout_is_said() -> None:
    words = " ".join(act.name for act in PUBLISHED)
    assert all(state.value in words for state in RolloutState if state is not RolloutState.ACTIVE)


def test_every_kind_of_state_is_a_row() -> None:
    assert len(KINDS) == len(set(KINDS)) == len(get_args(State))


def test_every_edge_of_the_machine_is_taken_and_every_act_comes() -> None:
    tally = undisturbed_tally(every_world())
    assert tally.failures == {}
    # No world but one in which the host stops takes those that a start takes.
    for run in faulty(undisturbed()[0]):
        if run.fault is not None and run.fault.name == "power cut":
            carry_out(run, tally)
    assert edges() - tally.taken == set(UNREACHABLE_EDGES)
