"""A run listens: what comes, whether its own statements came back, and how long it truly listened.

What nobody listened to did not happen for a run. So time counts only while it listened: after a clock that
was set, a machine that slept, or a connection that was lost it finds out anew who is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_publisher.durations import format_duration
from tidegate_publisher.rollout.hearing import LOOK_S
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tidegate_publisher.rollout.hearing import Hearing
    from tidegate_publisher.rollout.ports import Ear, LongClock

IDLE_S: Final = 10.0
"""The longest time between two looks, in seconds: time alone may bring a wave to its end."""

_ECHO: Final = timedelta(seconds=30)
"""How long our own statement may take until we hear it."""

_STALL: Final = timedelta(minutes=1)
"""Longer than this neither a look takes too long, nor does the clock differ from the time that has passed."""

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Heard:
    """One look: for how long we listened, and what others announced meanwhile, in the broker's order."""

    listened: timedelta
    announced: tuple[bytes, ...]


class Vigil:
    """See the module's docstring.

    Args:
        ear: hears.
        hearing: takes what is heard.
        clock: the time.

    Attributes:
        leapt: whether the clock was set since this was asked for last; whoever reads it may clear it.
    """

    def __init__(self, ear: Ear, hearing: Hearing, clock: LongClock) -> None:
        self._ear = ear
        self._hearing = hearing
        self._clock = clock
        self._offset = self._show()
        self._own: bytes | None = None
        self._unheard_since: timedelta | None = None
        self.leapt = False

    def begin(self) -> tuple[bytes, ...]:
        """Connect (anew), and hear all that is retained. Raises TidegateError(BUS_*).

        Returns:
            What was heard on the channel.
        """
        self._ear.listen()
        self._hearing.settle(self._ear, self._clock)
        self._unheard_since = None
        return tuple(self._hearing.announced())

    def expect(self, own: bytes) -> None:
        """We have announced this, and shall hear it."""
        self._own, self._unheard_since = own, self._clock.elapsed()

    def awaits_echo(self) -> bool:
        """Whether our own statement was not heard yet. Raises TidegateError(BUS_UNREACHABLE) if late."""
        if self._unheard_since is None:
            return False
        if self._clock.elapsed() - self._unheard_since > _ECHO:
            reason = "The broker holds what this run announced, but does not hand it out"
            raise TidegateError(Code.BUS_UNREACHABLE, reason)
        return True

    def look(self, until: datetime | None = None) -> Heard:
        """Hear what comes, and see whether somebody else has announced something.

        Where nothing comes it ends at `until`, and after some seconds at the latest; else it goes on for one
        look, so that what comes together is judged together.

        Raises:
            TidegateError: BUS_*; BUS_UNREACHABLE also where time has passed in which nobody listened.
        """
        now, begun = self._clock.now(), self._clock.elapsed()
        idle = IDLE_S if until is None else min(IDLE_S, max(LOOK_S, (until - now).total_seconds()))
        self._hearing.take(self._ear.hear(idle), self._clock.now())
        end = begun + timedelta(seconds=LOOK_S)
        while (left := (end - self._clock.elapsed()).total_seconds()) > 0:
            self._hearing.take(self._ear.hear(left), self._clock.now())
        listened = self._listened(begun, timedelta(seconds=idle))
        return Heard(listened, self._announced())

    def _announced(self) -> tuple[bytes, ...]:
        heard = self._hearing.announced()
        if self._own in heard:
            self._unheard_since = None
        return tuple(bundle for bundle in heard if bundle and bundle != self._own)

    def _listened(self, begun: timedelta, idle: timedelta) -> timedelta:
        """For how long we listened.

        After a sleep, what waits in the connection is to be heard before anything is decided; it may be lost.
        """
        passed, offset = self._clock.elapsed() - begun, self._show()
        if abs(offset - self._offset) > _STALL:
            self.leapt, self._offset = True, offset
            raise TidegateError(Code.BUS_UNREACHABLE, "The clock was set; who is heard is found out anew")
        if passed > idle + _STALL:
            reason = f"This process stood still for {format_duration(passed)}; who is heard is found out anew"
            raise TidegateError(Code.BUS_UNREACHABLE, reason)
        return passed

    def _show(self) -> timedelta:
        """What the clock shows beside the time that has passed: it changes only when somebody sets it."""
        return self._clock.now() - _LONG_AGO - self._clock.elapsed()
