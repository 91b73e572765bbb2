"""How patient the machine is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """How often the machine tries, and how soon again.

    `retry_after` doubles with each attempt up to `retry_cap`; `look_again` is for hindrances whose end
    nothing tells.
    """

    stage_attempts: int = 6
    reboots: int = 2
    health_rounds: int = 3
    health_interval: timedelta = timedelta(seconds=10)
    health_timeout: timedelta = timedelta(minutes=10)
    retry_after: timedelta = timedelta(minutes=1)
    retry_cap: timedelta = timedelta(hours=1)
    look_again: timedelta = timedelta(minutes=1)
