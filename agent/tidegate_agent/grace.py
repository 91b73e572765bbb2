"""The grace of those who are logged in: one for each occasion, told once. Runs on the engine's thread.

It is measured by the time that passes: setting the clock neither takes it from them nor makes it longer, and
they are told the new time of day.

An occasion ends when anything else stands in the way that comes before them in the order of `manners`. The
fleet's lock comes after them: while it is awaited, a grace that is over stays over. What was given is in the
journal, in the state that waits for them, so that a restart of the agent gives no more.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tidegate_agent.time_of_day import SET
from tidegate_agent.update.states import Staged, Wait, WaitFor

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.surroundings import Surroundings
    from tidegate_agent.update.states import State, Target


class Grace:
    """What those who are logged in were given, for one follow.

    Args:
        state: where its machine stands at the start of the agent.
        around: for the host that tells them.
    """

    def __init__(self, state: State, around: Surroundings) -> None:
        self._around = around
        self._given: tuple[str, datetime] | None = None
        self._over = timedelta(0)
        match state:
            case Staged(update, Wait(reason=WaitFor.SESSIONS, until=until)) if until is not None:
                # By a clock that ran ahead it would seem to be longer than it may be.
                longest = around.manners.session_grace or timedelta(0)
                self._over = min(self._over_at(until), around.clock.elapsed() + longest)
                self._given = update.target.digest, until

    def ends(self, digest: str) -> datetime | None:
        """When the grace ends that was given for this image; None when none was."""
        if self._given is None or self._given[0] != digest:
            return None
        at = self._around.latest_known() + (self._over - self._around.clock.elapsed())
        # Two clocks are never read in the same instant.
        return self._given[1] if abs(at - self._given[1]) < SET else at

    def keep(self, target: Target, wait: Wait | None) -> None:
        """Take note of what was found to stand in the way; tell them of a new grace."""
        if wait is None or wait.reason is WaitFor.LOCK:
            return
        if wait.reason is not WaitFor.SESSIONS or wait.until is None:
            self._given = None
        elif self._given != (target.digest, wait.until):
            self._given, self._over = (target.digest, wait.until), self._over_at(wait.until)
            text = self._words(target, wait.until)
            self._around.asking(lambda: self._around.host.tell(text))

    def _over_at(self, until: datetime) -> timedelta:
        return self._around.clock.elapsed() + (until - self._around.latest_known())

    def _words(self, target: Target, until: datetime) -> str:
        at = f"{until.astimezone(self._around.manners.zone):%H:%M %Z}"
        return (
            f"This host restarts at {at} to update to version {target.version}, or as soon as everybody "
            "has logged out. Please save your work. Root: tidegate-agent snooze --for 1h puts it off."
        )
