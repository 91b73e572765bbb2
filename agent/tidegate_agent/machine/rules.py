"""How patient the machine is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """How often the machine tries, and how soon again.

    `reboots` is how many may be in vain before an image, or the way back from one, is given up, and `lives`
    how many of the agent's may end in one step.
    `retry_after` doubles with each attempt up to `retry_cap`; `look_again` is for hindrances whose end
    nothing tells, and `ask_again` for a reboot that was accepted and did not come. With `watch_downloads`
    what may stop a download that is under way is looked at again and again, too.
    """

    stage_attempts: int = 6
    reboots: int = 2
    lives: int = 3
    health_rounds: int = 3
    health_interval: timedelta = timedelta(seconds=10)
    health_timeout: timedelta = timedelta(minutes=10)
    retry_after: timedelta = timedelta(minutes=1)
    retry_cap: timedelta = timedelta(hours=1)
    look_again: timedelta = timedelta(minutes=1)
    ask_again: timedelta = timedelta(minutes=15)
    watch_downloads: bool = False

    def growing(self, first: timedelta, times: int) -> timedelta:
        """A pause that was `first` and has doubled this many times, up to the cap."""
        return min(first * (1 << min(times, 16)), self.retry_cap)
