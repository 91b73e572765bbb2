"""Every world that can come about, breadth first: the first path to any of them is a shortest one."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.faults.model.environment import Environment
from tests.faults.model.promises import OF_STEPS, OF_WORLDS
from tests.faults.model.telling import told
from tests.faults.model.world import Act, Kind, World


class BrokenPromiseError(AssertionError):
    """A promise is broken; the message tells the shortest way there."""


@dataclass(slots=True)
class Explored:
    """All worlds of a scope, and the steps between them.

    Attributes:
        environment: that was explored.
        worlds: in the order in which they were found.
        steps: from each world: whose doing it is, and the place of the world that it leads to.
        parents: the place of the world from which each was found first, and by what.
    """

    environment: Environment
    worlds: list[World] = field(default_factory=list)
    steps: list[list[tuple[Kind, int]]] = field(default_factory=list)
    parents: list[tuple[int, Act] | None] = field(default_factory=list)

    @property
    def transitions(self) -> int:
        """How many steps there are."""
        return sum(len(each) for each in self.steps)

    def way(self, place: int) -> str:
        """The shortest way to a world, in words."""
        path: list[tuple[Act | None, World]] = []
        at = place
        while (parent := self.parents[at]) is not None:
            path.append((parent[1], self.worlds[at]))
            at = parent[0]
        path.append((None, self.worlds[at]))
        return told(self.environment.shell, path[::-1])


def explore(environment: Environment) -> Explored:
    """Find every world that can come about, and keep each promise to the test in all of them.

    Raises:
        BrokenPromiseError: one is broken.
    """
    shell, first = environment.shell, environment.beginning()
    found = Explored(environment, [first], [], [None])
    places = {first: 0}
    at = 0
    while at < len(found.worlds):
        before, steps = found.worlds[at], []
        for act, after in environment.follows(before):
            place = places.setdefault(after, len(found.worlds))
            if place == len(found.worlds):
                found.worlds.append(after)
                found.parents.append((at, act))
                _keep(found, place, [promise(shell, after) for promise in OF_WORLDS])
            steps.append((act.kind, place))
            for promise in OF_STEPS:
                if (broken := promise(shell, before, act, after)) is not None:
                    way = told(shell, [(act, after)])
                    raise BrokenPromiseError(f"{broken}\n{found.way(at)}\n{way}")
        found.steps.append(steps)
        at += 1
    return found


def _keep(found: Explored, place: int, said: list[str | None]) -> None:
    for broken in said:
        if broken is not None:
            raise BrokenPromiseError(f"{broken}\n{found.way(place)}")
