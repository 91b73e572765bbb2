"""The update protocol, explored to the last world: docs/model.md.

Every world that a scope allows is looked at, and every promise is kept in all of them. That the promises can
be broken at all is shown on shells that forget something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.extent import everything
from tests.faults.model.endings import every_end_is_right, every_update_ends
from tests.faults.model.environment import Environment
from tests.faults.model.exploring import BrokenPromiseError, Explored, explore
from tests.faults.model.scopes import ALWAYS, LARGE
from tests.support.updates import EVERY_STATE
from tidegate_agent.update.states import Settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.model.environment import Next
    from tests.faults.model.world import Scope, World

    Forget = Callable[[World], World]

pytestmark = pytest.mark.timeout(3_600)

SCOPES: Final = ALWAYS + LARGE if everything() else ALWAYS


@pytest.fixture(scope="module")
def explored() -> Callable[[Scope], Explored]:
    """A scope, explored once."""
    known: dict[str, Explored] = {}

    def found(scope: Scope) -> Explored:
        if scope.name not in known:
            known[scope.name] = explore(Environment(scope))
        return known[scope.name]

    return found


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name)
def test_every_world_keeps_the_promises(
    scope: Scope, explored: Callable[[Scope], Explored], record_property: Callable[[str, object], None]
) -> None:
    found = explored(scope)
    record_property("worlds", len(found.worlds))
    record_property("steps", found.transitions)
    assert every_update_ends(found) is None
    assert every_end_is_right(found) is None


def test_every_state_and_every_outcome_comes_about(explored: Callable[[Scope], Explored]) -> None:
    """Else a promise would be kept by worlds that never are."""
    kinds, outcomes = set(), set()
    for scope in ALWAYS:
        found = explored(scope)
        states = found.environment.shell.states
        for number in {world.state for world in found.worlds}:
            kinds.add(states[number].kind)
            state = states[number]
            outcomes |= {state.outcome.value} if isinstance(state, Settled) else set()
    assert kinds == {state.kind for state in EVERY_STATE}
    assert outcomes == {"succeeded", "failed", "cancelled", "rolled-back"}


class Forgetful(Environment):
    """An environment in which the agent forgets something at each start."""

    def __init__(self, scope: Scope, forget: Forget) -> None:
        super().__init__(scope)
        self._forget = forget

    def follows(self, world: World) -> Iterator[Next]:
        """As it is, but for what is forgotten."""
        for act, after in super().follows(world):
            yield act, self._forget(after) if act.words == "the agent starts" else after


@pytest.mark.parametrize(
    ("forget", "broken"),
    [
        (lambda world: world._replace(quarantine=frozenset()), "a quarantine was lifted by nobody"),
        (lambda world: world._replace(memory=0), "the accepted sequence went from 1 back to 0"),
        (lambda world: world._replace(ops=()), "the host rests, and the boot guard is armed for A"),
        (lambda world: world._replace(assess=False, heard=True), "and nothing happens any more"),
    ],
    ids=["quarantine", "sequence", "commands", "question"],
)
def test_what_is_forgotten_breaks_a_promise(forget: Forget, broken: str) -> None:
    with pytest.raises(BrokenPromiseError, match=broken):
        _all_of(explore(Forgetful(ALWAYS[0], forget)))


def _all_of(found: Explored) -> None:
    for broken in (every_update_ends(found), every_end_is_right(found)):
        if broken is not None:
            raise BrokenPromiseError(broken)


def test_a_broken_promise_is_told_as_the_shortest_way_there() -> None:
    with pytest.raises(BrokenPromiseError) as raised:
        explore(Forgetful(ALWAYS[0], lambda world: world._replace(memory=0)))
    lines = str(raised.value).splitlines()
    assert lines[0] == "the accepted sequence went from 1 back to 0"
    assert [line.split("|")[0].strip() for line in lines[1:]] == [
        "at first",
        "A is published as 1, active",
        "statement 1 comes",
        "statement 1 is admitted",
        "the agent is killed",
        "the agent starts",
    ]
    assert lines[-1].split("|")[1].strip().startswith("waiting A#1; accepted 0; runs/staged/previous O/-/-")
