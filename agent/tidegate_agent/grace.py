"""The grace of those who are logged in: one for each occasion, told once. Runs on the engine's thread.

An occasion ends when anything else stands in the way that comes before them in the order of `manners`. The
fleet's lock comes after them: while it is awaited, a grace that is over stays over. What was given is in the
journal, in the state that waits for them, so that a restart of the agent gives no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        match state:
            case Staged(update, Wait(reason=WaitFor.SESSIONS, until=until)) if until is not None:
                self._given = update.target.digest, until

    def ends(self, digest: str) -> datetime | None:
        """When the grace ends that was given for this image; None when none was."""
        return self._given[1] if self._given is not None and self._given[0] == digest else None

    def keep(self, target: Target, wait: Wait | None) -> None:
        """Take note of what was found to stand in the way; tell them of a new grace."""
        if wait is None or wait.reason is WaitFor.LOCK:
            return
        if wait.reason is not WaitFor.SESSIONS or wait.until is None:
            self._given = None
        elif self._given != (target.digest, wait.until):
            self._given = target.digest, wait.until
            text = self._words(target, wait.until)
            self._around.asking(lambda: self._around.host.tell(text))

    def _words(self, target: Target, until: datetime) -> str:
        at = f"{until.astimezone(self._around.manners.zone):%H:%M %Z}"
        return (
            f"This host restarts at {at} to update to version {target.version}, or as soon as everybody "
            "has logged out. Please save your work. Root: tidegate-agent snooze --for 1h puts it off."
        )
