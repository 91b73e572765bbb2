"""All simulated hosts of one process."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.simulator.figures import Figures
from tidegate_publisher.devstack.simulator.hostmodel import HostModel
from tidegate_publisher.devstack.simulator.ledger import Ledger
from tidegate_publisher.devstack.simulator.letters import Letters
from tidegate_publisher.devstack.simulator.line import Line, Wires
from tidegate_publisher.devstack.simulator.loop import Loop
from tidegate_publisher.devstack.simulator.profile import Kind, make_profile
from tidegate_publisher.devstack.simulator.simhost import Around, SimHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.devstack.simulator.letters import Verifying

_TELL_S: Final = 1.0
_ASK_S: Final = 0.1
_FAREWELL_S: Final = 20.0
_FAREWELLS_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process simulates.

    Attributes:
        kind: what all hosts have in common.
        numbers: which hosts.
        channel: the product and channel that they follow.
        line: how they reach the broker.
        per_second: how many connect in a second at first.
        ledger: where every event's id is written, if anywhere.
    """

    kind: Kind
    numbers: Sequence[int]
    channel: tuple[str, str]
    line: Line
    per_second: float
    ledger: Path | None = None


def run_fleet(
    plan: Plan, verifier: Verifying, tell: Callable[[Figures], None], stopping: Callable[[], bool]
) -> Figures:
    """Simulate until told to stop, then say goodbye; the last figures.

    Args:
        plan: what to simulate.
        verifier: says whether a message is genuine.
        tell: is given the figures, each second.
        stopping: asked ten times a second.
    """
    loop, figures = Loop(), Figures(hosts=len(plan.numbers))
    letters = Letters(verifier, plan.channel)
    with Ledger(plan.ledger) as ledger:
        dice = random.Random(f"{plan.kind.seed}/{plan.numbers[:1]}")  # noqa: S311 -- a simulation
        around = Around(Wires(loop, plan.line, figures, dice), letters, ledger)
        hosts = [
            SimHost(HostModel(make_profile(plan.kind, each), plan.channel), around) for each in plan.numbers
        ]
        for place, host in enumerate(hosts):
            loop.after(place / plan.per_second, host.begin)

        def report() -> None:
            loop.after(_TELL_S, report)
            figures.verified = letters.verified
            figures.measure()
            ledger.flush()
            tell(figures)

        over = False

        def ask() -> None:
            nonlocal over
            over = stopping()
            loop.after(_ASK_S, ask)

        ask()
        loop.after(_TELL_S, report)
        while not over:
            loop.turn()
        _say_goodbye(hosts, loop)
        figures.verified = letters.verified
        figures.measure()
        loop.close()
    return figures


def _say_goodbye(hosts: Sequence[SimHost], loop: Loop) -> None:
    """A few at a time: a broker closes a connection whose statuses it cannot take fast enough."""
    deadline = loop.monotonic() + _FAREWELL_S
    left = list(hosts)
    leaving: list[SimHost] = []
    while (left or leaving) and loop.monotonic() < deadline:
        while left and len(leaving) < _FAREWELLS_AT_ONCE:
            leaving.append(left.pop())
            leaving[-1].stop()
        loop.turn()
        leaving = [each for each in leaving if not each.over]
    for host in (*left, *leaving):
        host.stop()
        host.cut()
