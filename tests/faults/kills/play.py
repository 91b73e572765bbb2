"""Plays a world to its end, with or without kills, and says what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.faults.kills.acts import PAUSE, By
from tests.faults.kills.host import LONGEST, EndlessError, Host
from tests.faults.kills.tap import Boundary, Plan, never
from tests.faults.kills.worlds import World
from tests.support.rig import FOLLOW
from tests.support.statements import digest_of
from tests.support.updates import NEW
from tidegate_agent.update.states import Settled
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from tests.faults.kills.acts import Act
    from tests.faults.kills.faults import Fault

FIRST: Final = digest_of("f")
"""The image by which a seasoned host was updated before."""

CALM: Final = 3
"""Paces in which nothing is to happen any more."""


def timeless(code: Code) -> Code:
    """A code; but whether checks failed too often or for too long is only a matter of how time passed."""
    return Code.HEALTH_FAILED if code is Code.HEALTH_TIMEOUT else code


@dataclass(frozen=True, slots=True)
class Result:
    """How a world ends: what has to be the same whatever was killed.

    Attributes:
        state: the outcome of the last update, or the kind of state in which it rests.
        target: its image.
        code: why it failed.
        running: what runs.
        quarantined: what was given up on.
        ran: the images that ran, in order: each activation took effect once.
        boots: how often the host booted.
    """

    state: str
    target: str | None
    code: Code | None
    running: str | None
    quarantined: frozenset[str]
    ran: tuple[str | None, ...]
    boots: int


@dataclass(slots=True)
class Played:
    """One run of a world."""

    world: World
    host: Host
    visited: list[str] = field(default_factory=list)
    acted_at: int | None = None
    hit_at: int | None = None
    endless: bool = False
    memories: list[int] = field(default_factory=list)

    @property
    def crossed(self) -> list[Boundary]:
        """The boundaries, in order."""
        return self.host.rig.tap.crossed

    @property
    def killed_at(self) -> list[Boundary]:
        """Where the agent was killed, in order."""
        return self.host.killed_at

    @property
    def result(self) -> Result:
        """How it ended."""
        state, rig = self.host.state, self.host.rig
        return Result(
            state=state.outcome.value if isinstance(state, Settled) else state.kind,
            target=self.host.state_digest,
            code=timeless(state.failure.code) if isinstance(state, Settled) and state.failure else None,
            running=rig.disk.status.current,
            quarantined=frozenset(rig.book.quarantined(FOLLOW)),
            ran=tuple(self.host.ran),
            boots=self.host.boots,
        )


class Player:
    """Plays one world once.

    Args:
        world: which one.
        plan: where to kill.
        fault: what else goes wrong.
        moment: in which kind of state that begins.
    """

    def __init__(
        self, world: World, plan: Plan = never, fault: Fault | None = None, moment: str = ""
    ) -> None:
        self.world, self.host = world, Host(world)
        self.played = Played(world, self.host)
        self._fault, self._moment = fault, moment
        self._later: list[tuple[datetime, Callable[[], object]]] = []
        self._unanswered: Callable[[], object] | None = None
        self._awaited = False
        self.host.rig.tap.plan = plan

    def play(self) -> Played:
        """All of it."""
        host = self.host
        if self.world.seasoned:
            self._season()
        host.rig.watch = self._watch
        host.rig.tap.open = True
        try:
            host.do(host.rig.restart)
            self._watch_outside()
            self._awaited = True
            host.do(lambda: host.announce(NEW, settle=True))
            self._live()
        except EndlessError:
            self.played.endless = True
        return self.played

    def _season(self) -> None:
        self.host.announce(FIRST, settle=True)
        while not self.host.rests:
            self.host.pace()

    def _live(self) -> None:
        calm = 0
        for _ in range(LONGEST):
            self._do_what_is_due()
            self.host.pace()
            self._watch_outside()
            calm = calm + 1 if self.host.rests and not self._later else 0
            if calm == CALM:
                return

    def _watch_outside(self) -> None:
        self.host.do(self._watch)

    def _watch(self) -> None:
        """See in which state the update is, and let come what is to come in it."""
        kind = self.host.rig.kind()
        self.host.note()
        self.played.memories.append(self.host.remembers())
        if not self.played.visited or self.played.visited[-1] != kind:
            self.played.visited.append(kind)
        act, number = self.world.act, len(self.played.crossed)
        if act is not None and self.played.acted_at is None and self._is_moment(kind, self.world.moment):
            self.played.acted_at = number
            self._act(act, 0)
        if self._fault is not None and self.played.hit_at is None and self._is_moment(kind, self._moment):
            self.played.hit_at = number
            self._strike(self._fault)

    def _is_moment(self, kind: str, moment: str) -> bool:
        fits = self._awaited or kind == "idle" or self.world.early
        # What is done to a settled host comes after the update, not before it.
        over = kind != "settled" or self.host.state_digest == NEW or self.world.early
        amid = not self.world.midway or self.host.rig.midway
        return kind == moment and fits and over and amid

    def _act(self, act: Act, number: int) -> None:
        if number + 1 < len(act.deeds):
            self._plan(PAUSE, lambda: self._act(act, number + 1))
        deed = act.deeds[number]
        # A person whose command gets no answer gives it again; messages lie at the broker.
        self._unanswered = (lambda: deed(self.host)) if act.by is By.PERSON else None
        deed(self.host)
        self._unanswered = None

    def _strike(self, fault: Fault) -> None:
        self._plan(fault.lasts, lambda: fault.end(self.host))
        fault.begin(self.host)

    def _plan(self, after: timedelta, call: Callable[[], object]) -> None:
        self._later.append((self.host.now + after, call))

    def _do_what_is_due(self) -> None:
        now = self.host.now
        due = [call for at, call in self._later if at <= now]
        self._later = [each for each in self._later if each[0] > now]
        if self._unanswered is not None:
            due, self._unanswered = [self._unanswered, *due], None
        for call in due:
            self.host.do(call)


def kill_at(*numbers: int) -> Plan:
    """Kill at the boundaries of these numbers."""
    wanted = frozenset(numbers)
    return lambda number, _: number in wanted


def kill_always(boundary: Boundary) -> Plan:
    """Kill each time that this boundary is reached."""
    return lambda _, found: found == boundary


def play(world: World, plan: Plan | None = None, *, fault: Fault | None = None, moment: str = "") -> Played:
    """Play a world once; the arguments are those of `Player`."""
    return Player(world, plan or never, fault, moment).play()
