"""What the disk does not take, until it does: the fault that the host's status shows meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.model import Failure

if TYPE_CHECKING:
    from tidegate_agent.errors import JournalError


class Trouble:
    """Calls that failed on the journal and will be tried again, by the names of their alarms."""

    def __init__(self) -> None:
        self._failing: dict[str, Failure] = {}

    def begins(self, alarm: str, error: JournalError) -> None:
        """A call failed, once more perhaps."""
        self._failing[alarm] = Failure(error.code, error.reason)

    def over(self, alarm: str) -> None:
        """This call succeeded, or will not be tried again."""
        self._failing.pop(alarm, None)

    @property
    def fault(self) -> Failure | None:
        """The newest failure, while there is one."""
        return next(reversed(self._failing.values()), None)
