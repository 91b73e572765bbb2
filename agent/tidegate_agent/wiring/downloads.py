"""What fetching images may cost: the rate of the agent's own transfers, their account, the network's word."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tidegate_agent.adapters.clock_system import SystemClock
from tidegate_agent.adapters.network import LinuxNetwork
from tidegate_agent.config import host_zone
from tidegate_agent.downloads import Account, Budget
from tidegate_agent.periods import Per, period_at
from tidegate_wire.registry.pacing import Pacing
from tidegate_wire.registry.pauses import Pauses
from tidegate_wire.registry.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tidegate_agent.config import Settings
    from tidegate_agent.ports import Clock, Journal, Network
    from tidegate_agent.windows import Schedule


class Counter:
    """Hands the length of what comes on to an account, which is made later than the transfers are."""

    def __init__(self) -> None:
        self._tell: Callable[[int], None] | None = None

    def tell(self, account: Account) -> None:
        """Put what comes on this account from now on."""
        self._tell = account.count

    def __call__(self, size: int) -> None:
        """So many bytes came."""
        if self._tell is not None:
            self._tell(size)


@dataclass(frozen=True, slots=True)
class Transfers:
    """What all transfers of the agent itself share: their rate, their pauses, and who counts them."""

    throttle: Throttle | None = None
    pauses: Pauses = field(default_factory=Pauses)
    counter: Counter = field(default_factory=Counter)

    @property
    def pacing(self) -> Pacing:
        """How they are paced."""
        return Pacing(sleep=self.pauses.sleep, throttle=self.throttle, count=self.counter)


class WindowRate:
    """The rate of the moment: windows open and close with the minute.

    Args:
        outside: bytes per second while no window is open.
        inside: while one is.
        schedule: the windows.
        clock: the time.
    """

    def __init__(self, outside: float, inside: float, schedule: Schedule, clock: Clock) -> None:
        self._outside = outside
        self._inside = inside
        self._schedule = schedule
        self._clock = clock
        # Of the last answer: the minute, and the rate.
        self._known: tuple[datetime | None, float] = None, outside

    def __call__(self) -> float:
        """Bytes per second."""
        minute = self._clock.now().replace(second=0, microsecond=0)
        known, rate = self._known
        if minute != known:
            rate = self._inside if self._schedule.is_open(minute) else self._outside
            self._known = minute, rate
        return rate


def transfers_of(settings: Settings) -> Transfers:
    """How the agent's own transfers behave."""
    outside, inside = settings.download.rate, settings.download.rate_in_window
    if outside is None:
        return Transfers()
    if inside is None:
        return Transfers(Throttle(lambda: outside))
    rate = WindowRate(outside, inside, settings.schedule(host_zone()), SystemClock())
    return Transfers(Throttle(rate, fastest=max(outside, inside)))


def network_of(settings: Settings) -> Network | None:
    """Who says whether the network is metered, where that matters."""
    download = settings.download
    return None if download.metered == "allow" else LinuxNetwork(download.metered_file)


def account_of(settings: Settings, journal: Journal, now: Callable[[], datetime]) -> Account | None:
    """The account of what is fetched, where there is a budget."""
    size, per = settings.download.budget, Per(settings.download.budget_per)
    if size is None:
        return None
    zone, windows = host_zone(), settings.schedule(host_zone()).windows
    period = partial(period_at, per=per, zone=zone, windows=windows)
    return Account(journal, now, Budget(size, per, period))
