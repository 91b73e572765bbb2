"""Plays worlds over and over, each time with another kill or fault, and counts what came of it by cell."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from tests.faults.extent import everything
from tests.faults.kills.acts import ACTS
from tests.faults.kills.checks import as_it_must, check, ends
from tests.faults.kills.faults import FAULTS, Fault
from tests.faults.kills.machine import Edge, witnessed
from tests.faults.kills.play import Played, kill_always, kill_at, play
from tests.faults.kills.tap import Plan
from tests.faults.kills.worlds import World, disturbed, undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.faults.kills.tap import Boundary

T = TypeVar("T")

Cell = tuple[str, str]
"""A kind of state and a fault: a place in the matrix."""

AGAIN: Final = "killed again"
FOR_EVER: Final = "for ever"

SPARSE: Final = 23
"""Of the kills of a world one in so many is tried, where not everything is asked for."""

RECOVERY: Final = 30
"""Boundaries after a kill at which the agent is killed a second time."""

TWICE: Final = 25
"""One in so many first kills is followed by second ones."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: a world, and what is done to the agent in it.

    `name` can be given to `--only`: it plays this run alone.
    """

    world: World
    what: str
    plan: Plan | None = None
    fault: Fault | None = None
    moment: str = ""

    @property
    def name(self) -> str:
        """World and kill, as reports and `--only` call them."""
        return f"{self.world.name} # {self.what}"


@dataclass(slots=True)
class Tally:
    """What came of many runs.

    Attributes:
        runs: how many hit each cell.
        failures: what was wrong, by the run's name, for each cell.
        taken: the edges of the machine that were taken.
        played: how many runs there were.
    """

    runs: dict[Cell, int] = field(default_factory=dict)
    failures: dict[Cell, dict[str, str]] = field(default_factory=dict)
    taken: set[Edge] = field(default_factory=set)
    played: int = 0

    def count(self, cell: Cell, run: str, problems: Sequence[str]) -> None:
        """Take one run into account."""
        self.runs[cell] = self.runs.get(cell, 0) + 1
        if problems:
            self.failures.setdefault(cell, {})[run] = "; ".join(problems)

    def add(self, other: Tally) -> None:
        """Take all of another tally into account."""
        for cell, runs in other.runs.items():
            self.runs[cell] = self.runs.get(cell, 0) + runs
        for cell, failures in other.failures.items():
            self.failures.setdefault(cell, {}).update(failures)
        self.taken |= other.taken
        self.played += other.played


@lru_cache(maxsize=1)
def every_world() -> tuple[World, ...]:
    """All worlds, those in which nobody acts first."""
    return (*undisturbed(), *disturbed(ACTS))


@lru_cache(maxsize=512)
def plain(world: World) -> Played:
    """A world that nothing disturbs."""
    return play(world)


def models(world: World) -> tuple[Played, ...]:
    """The ways in which a disturbed run of a world may end.

    An act that was interrupted takes effect in the state in which it came, in another, or not at all: a
    person whose command was not answered knows to look.
    """
    if world.act is None:
        return (plain(world),)
    alike = [
        each
        for each in disturbed((world.act,))
        if (each.image, each.engine, each.seasoned) == (world.image, world.engine, world.seasoned)
    ]
    alone = World(world.image, world.engine, None, world.moment, world.seasoned)
    # A message that is being verified is not written down, and an order is: after a kill that comes first.
    early = [replace(world, moment="settled", early=True)] if world.moment == "verifying" else []
    return (plain(world), *(plain(each) for each in (*alike, *early) if each != world), plain(alone))


def kills(world: World) -> list[Run]:
    """A kill at each boundary; in a world where somebody acts, from the act on."""
    base = plain(world)
    first = (base.acted_at or 0) + 1
    return [Run(world, str(number), kill_at(number)) for number in range(first, len(base.crossed) + 1)]


def again(world: World, most: Callable[[Sequence[int]], Sequence[int]]) -> list[Run]:
    """A second kill at each of the boundaries that come after the first; at a selection of first ones."""
    base = plain(world)
    numbers = most(range((base.acted_at or 0) + 1, len(base.crossed) + 1))
    return [
        Run(world, f"{number}+{later}", kill_at(number, number + later))
        for number in numbers
        for later in range(1, RECOVERY + 1)
    ]


def for_ever(world: World) -> list[Run]:
    """A kill each time that a command is carried out, in one kind of state."""
    found = dict.fromkeys(each for each in plain(world).crossed if each.call in ENDLESS)
    return [Run(world, f"{FOR_EVER} {each.name} @ {each.state}", kill_always(each)) for each in found]


ENDLESS: Final = frozenset(
    {
        "engine.stage",
        "signatures.require",
        "engine.activate",
        "guard.arm",
        "host.reboot",
        "health.run",
        "engine.rollback",
    }
)
"""The commands of the machine that can kill an agent by what they do, as often as they are tried."""


def faulty(world: World) -> list[Run]:
    """Each other fault, in each kind of state to which this world comes."""
    kinds = dict.fromkeys(plain(world).visited)
    return [Run(world, f"{fault.name} @ {kind}", None, fault, kind) for kind in kinds for fault in FAULTS]


def carry_out(run: Run, tally: Tally) -> list[str]:
    """Play one run, check it, and count it in all cells that it hit."""
    with witnessed(tally.taken):
        played = play(run.world, run.plan, fault=run.fault, moment=run.moment)
    tally.played += 1
    if run.fault is not None:
        problems = run.fault.check(played, models(run.world))
        if played.hit_at is not None:
            tally.count((run.moment, run.fault.name), run.name, problems)
        return problems
    if run.what.startswith(FOR_EVER):
        problems = ends(played)
        for boundary in dict.fromkeys(played.killed_at):
            tally.count((boundary.state, f"{FOR_EVER} {boundary.name}"), run.name, problems)
        return problems
    problems = check(played, models(run.world))
    _count_kills(run, played.killed_at, problems, tally)
    return problems


def _count_kills(run: Run, at: Sequence[Boundary], problems: Sequence[str], tally: Tally) -> None:
    for place, boundary in enumerate(at):
        tally.count((boundary.state, boundary.name), run.name, problems)
        if place:
            tally.count((boundary.state, AGAIN), run.name, problems)


def runs_of(world: World) -> Iterator[Run]:
    """Everything that is done in a world."""
    few = functools.partial(_every, 1 if everything() else SPARSE)
    yield from few(kills(world))
    if world.act is None or world.moment == "staged":
        yield from again(world, functools.partial(_every, TWICE if everything() else TWICE * SPARSE))
    if world.act is None:
        yield from for_ever(world)
        yield from few(faulty(world))


def _every(step: int, all_: Sequence[T]) -> Sequence[T]:
    return all_[::step]


def named(name: str) -> list[Run]:
    """The run of this name."""
    world_name, _, what = name.partition(" # ")
    worlds = [world for world in every_world() if world.name == world_name]
    found = [run for world in worlds for run in _runs(world) if run.what == what]
    numbers = what.replace("+", "").isdigit()
    return found or [_by_number(world, what) for world in worlds if numbers]


def _runs(world: World) -> list[Run]:
    return [*kills(world), *for_ever(world), *faulty(world)]


def _by_number(world: World, what: str) -> Run:
    first, _, later = what.partition("+")
    return Run(world, what, kill_at(int(first), int(first) + int(later or 0)))


def undisturbed_tally(worlds: Iterable[World]) -> Tally:
    """Play the worlds without any kill, for the edges that they take and for what is wrong already then."""
    tally = Tally()
    for world in worlds:
        with witnessed(tally.taken):
            played = play(world)
        tally.played += 1
        problems = [*check(played, [played]), *as_it_must(played)]
        if world.act is not None and played.acted_at is None:
            problems.append(f"{world.act.name} never came")
        tally.count(("any", "nothing"), world.name, problems)
    return tally


def campaign(world: World) -> Tally:
    """Everything in one world."""
    tally = undisturbed_tally([world])
    for run in runs_of(world):
        carry_out(run, tally)
    return tally
