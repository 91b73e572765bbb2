"""The world of the model: one host, its broker and its publisher, as one value that can be looked up.

Numbers stand for the larger values (`Names`), so that a world is quick to compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from tests.faults.model.canonical import LOW
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.machine.rules import Rules
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Hashable

EVIL: Final = "sha256:" + "e" * 64
"""What nobody announced."""

LETTERS: Final = {OLD: "O", NEW: "A", NEWER: "B", EVIL: "E", None: "-"}
"""How digests are called in what is told."""

T = TypeVar("T", bound="Hashable")


class Names(Generic[T]):
    """Numbers for values, from 0 in the order in which they come up."""

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}
        self._values: list[T] = []

    def number(self, value: T) -> int:
        """The number of a value; a new one where it has none."""
        number = self._numbers.setdefault(value, len(self._values))
        if number == len(self._values):
            self._values.append(value)
        return number

    def __getitem__(self, number: int) -> T:
        return self._values[number]


class Said(NamedTuple):
    """What a statement says; its sequence is its place. `late`: published after the first ones expired."""

    digest: str
    rollout: RolloutState
    late: bool


class Guard(NamedTuple):
    """The boot guard: what it watches, where it was armed, whether the host booted since, what it left."""

    armed: str | None = None
    place: str | None = None
    away: bool = False
    fired: str | None = None


class World(NamedTuple):
    """Everything that can make a difference later.

    On disk: `memory`, `installed`, `quarantine`, `tries` and `targets` (by digest), `hold`, `disk`, `guard`;
    `state` is on disk, too, but for a message in verification. In memory, lost when the agent is killed:
    `hand` (sequence of the statement in verification), `standing` (the one the channel stands at),
    `set_aside`, `recheck`, `heard` (the newest was judged), `alarm`, `assess`, `undone` (the alarm to try
    to discard again), `seen` (the engine's truth as last heard), `ops` (for the worker), `results` (from it).
    Outside: `published`, `late`, `due` (a reboot was accepted), `down` (no agent runs), `crashed`
    (the last one did not end in order). Kept for the promises
    alone: `admitted`, `proven`, `told`. `budget` is how many faults may still come, where they are counted.
    """

    published: tuple[Said | None, ...]
    late: bool
    memory: int
    state: int
    installed: int
    quarantine: frozenset[str]
    tries: tuple[int, ...]
    targets: tuple[int, ...]
    hold: bool
    disk: int
    guard: Guard
    due: bool
    down: bool
    crashed: bool
    hand: int
    standing: int
    set_aside: bool
    recheck: bool
    heard: bool
    alarm: bool
    assess: bool
    undone: bool
    seen: int
    ops: tuple[int, ...]
    results: tuple[tuple[int, int], ...]
    admitted: frozenset[str]
    proven: frozenset[str]
    told: int
    budget: int


class Kind(Enum):
    """Whose doing a step of the world is.

    FAIR is what happens by itself where nothing is wrong, RESULT that a command ends badly, FAULT all that
    comes from outside: people, the publisher, power, the network.
    """

    FAIR = auto()
    RESULT = auto()
    FAULT = auto()


class Act(NamedTuple):
    """One step of the world. `op` is the number of the command that the worker did, None for all else."""

    kind: Kind
    words: str
    op: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How large the world is.

    Attributes:
        name: of the scope.
        digests: what can be announced.
        statements: how many of them at most.
        rollouts: what they can say.
        reboots: whether the image engine needs reboots.
        faults: of kill, power, fallback, guard, busy, broken, wrong, replay, false, window, slow.
        orders: of cancel, rollback, hold.
        expiry: whether statements can expire.
        results: whether the ids of results are looked at; attempts are counted without end then.
        budget: how many faults of any kind there can be; None where any number.
        rules: the machine's.
    """

    name: str
    digests: tuple[str, ...]
    statements: int
    rollouts: tuple[RolloutState, ...] = (RolloutState.ACTIVE,)
    reboots: bool = True
    faults: frozenset[str] = frozenset()
    orders: frozenset[str] = frozenset()
    expiry: bool = False
    results: bool = False
    budget: int | None = None
    rules: Rules = LOW

    @property
    def cap(self) -> int:
        """Up to which number attempts are told apart."""
        return 1_000 if self.results else self.rules.stage_attempts
