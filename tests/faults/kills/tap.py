"""Where an agent can be killed: before and after each call that it makes to the outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar, cast


class PowerCut(BaseException):
    """The process ends here. Nothing in the agent may catch it."""


class When(StrEnum):
    """On which side of a call, or in the midst of it."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Boundary:
    """One side of one call, in the kind of state in which the update stood."""

    when: When
    call: str
    state: str

    @property
    def name(self) -> str:
        """Without the state: what a column of the matrix is about."""
        return f"{self.when} {self.call}"


Plan = Callable[[int, Boundary], bool]
"""Whether to kill at a boundary; it is told how many were crossed, this one included."""


def never(_: int, __: Boundary) -> bool:
    """Nobody is killed."""
    return False


class Tap:
    """Counts boundaries as they are crossed, and kills where the plan says.

    Attributes:
        crossed: every boundary so far, in order; boundary number n is `crossed[n - 1]`.
        plan: where to kill.
        open: nothing is counted or killed while this is False.
    """

    def __init__(self, state: Callable[[], str]) -> None:
        self.crossed: list[Boundary] = []
        self.plan: Plan = never
        self.open = False
        self._state = state

    def cross(self, when: When, call: str) -> None:
        """A boundary is reached."""
        if not self.open:
            return
        boundary = Boundary(when, call, self._state())
        self.crossed.append(boundary)
        if self.plan(len(self.crossed), boundary):
            raise PowerCut


TAPPED: Final[dict[str, tuple[str, ...]]] = {
    "journal": ("begin", "commit", "sent", "keep"),
    "engine": ("status", "stage", "activate", "rollback", "discard"),
    "guard": ("arm", "disarm", "fired"),
    "host": ("reboot", "inhibitors"),
    "lock": ("acquire", "release"),
    "health": ("run",),
    "verifier": ("verify", "verify_request"),
    "signatures": ("require",),
    "broker": ("accept",),
}
"""The calls to the outside, by port. `broker.accept` is a publish of the agent's."""

P = TypeVar("P")


def tapped(port: P, name: str, tap: Tap) -> P:
    """The port, with a boundary before and after each of its calls."""
    return cast("P", _Tapped(port, name, tap))


class _Tapped:
    _OWN = frozenset({"_port", "_name", "_tap"})

    def __init__(self, port: object, name: str, tap: Tap) -> None:
        self._port, self._name, self._tap = port, name, tap

    def __setattr__(self, name: str, value: object) -> None:
        if name in self._OWN:
            super().__setattr__(name, value)
        else:
            setattr(self._port, name, value)

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if method not in TAPPED[self._name]:
            return found
        return self._around(f"{self._name}.{method}", found)

    def _around(self, call: str, found: Callable[..., Any]) -> Callable[..., Any]:
        def crossing(*arguments: Any, **named: Any) -> Any:
            self._tap.cross(When.BEFORE, call)
            try:
                answer = found(*arguments, **named)
            except Exception:
                self._tap.cross(When.AFTER, call)
                raise
            self._tap.cross(When.AFTER, call)
            return answer

        return crossing
