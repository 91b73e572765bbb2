"""What time it is, as far as a host can know.

Two questions, two answers:

- Has this moment passed? By the later of the clock and the clock floor. The floor is a moment that was proven
  to have passed; time goes on from there, whatever the clock shows.
- Which hour is it? By the clock alone: a floor says nothing about that. The clock is believed once something
  keeps it in step with the world's, and then until it is set; a host where nothing does is waited with for a
  while, and then believed, for it has no better clock.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_agent.admission import SKEW
from tidegate_agent.manners import Doubt
from tidegate_schemas.base import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tidegate_agent.ports import Clock

SET: Final = timedelta(seconds=5)
"""A clock that moves by less was not set: it may be slow to be read, or a leap second may have come."""


class TimeOfDay:
    """The time of day on this host. `latest_known` is for any thread, `doubt` for the engine's.

    Args:
        clock: the host's.
        floors: moments that are known to have passed; None where there is none.
        patience: how long a clock is waited for that nothing keeps in step.
    """

    def __init__(
        self, clock: Clock, floors: Callable[[], Iterable[datetime | None]], patience: timedelta
    ) -> None:
        self._clock = clock
        self._floors = floors
        self._patience = patience
        self._floor: tuple[datetime, timedelta] | None = None
        self._since = clock.elapsed()
        self._apart = clock.now() - self._since
        self._sure = False

    def latest_known(self) -> datetime:
        """It is no earlier than this."""
        elapsed, floor = self._clock.elapsed(), self._floor
        for moment in self._floors():
            if moment is not None and (floor is None or moment > floor[0] + (elapsed - floor[1])):
                floor = moment, elapsed
        self._floor = floor
        now = self._clock.now()
        return now if floor is None else max(now, floor[0] + (elapsed - floor[1]))

    def doubt(self) -> Doubt | None:
        """Why the hour that the clock shows is not believed; None when it is."""
        elapsed, shows, known = self._clock.elapsed(), self._clock.now(), self.latest_known()
        apart, behind = shows - elapsed, known - shows > SKEW
        if abs(apart - self._apart) >= SET or (behind and self._sure):
            self._apart, self._since, self._sure = apart, elapsed, False
        self._sure = not behind and (self._sure or self._clock.synchronised())
        left = self._patience - (elapsed - self._since)
        if self._sure or left <= timedelta(0):
            return None
        if behind:
            return Doubt(f"the clock shows {rfc3339(shows)}, and it is {rfc3339(known)} or later", left)
        return Doubt("the clock is not synchronised yet, so that nobody knows whether a window is open", left)
