"""Hosts that began to activate and came no further. PURE."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_fleet.standing import Phase

if TYPE_CHECKING:
    from tidegate_fleet.hosts import Channel, Host
    from tidegate_fleet.progress import Progress

_EVERY: Final = timedelta(seconds=1)


class Silence:
    """Looks for silent hosts once in a second at most: of fifty thousand many may be activating.

    Args:
        channel: in which they activate.
        after: how long a host that activates may come no further.
    """

    def __init__(self, channel: Channel, after: timedelta) -> None:
        self._channel = channel
        self._after = after
        self._found: tuple[Host, ...] = ()
        self._at: datetime | None = None

    def forget(self) -> None:
        """Another release: look anew."""
        self._found, self._at = (), None

    def hosts(self, progress: Progress, now: datetime) -> tuple[Host, ...]:
        """The silent hosts, the longest silent first; who has come further since is left out at once."""
        if self._at is None or now - self._at >= _EVERY:
            self._found = tuple(sorted(progress.silent(now, self._after), key=self._stuck_since))
            self._at = now
        return tuple(host for host in self._found if _activates(progress, host))

    def _stuck_since(self, host: Host) -> tuple[datetime, str]:
        return host.standings[self._channel].since, host.name


def _activates(progress: Progress, host: Host) -> bool:
    place = progress.place(host.name)
    return place is not None and place[1] is Phase.ACTIVATING
