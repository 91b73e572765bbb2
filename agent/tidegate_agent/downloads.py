"""What fetching costs this host: the account of bytes against the budget, and the network's word.

Bytes are put on the account before they are used up there: in the journal stands at every moment what came,
or up to STEP more. A kill so leaves at most the piece uncounted that was just read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.budget import Spending
from tidegate_agent.errors import JournalError
from tidegate_agent.periods import Per, Period
from tidegate_agent.ports import Journal, Network
from tidegate_agent.records import Change, Fetched

if TYPE_CHECKING:
    from tidegate_agent.model import StageProgress

STEP: Final = 4 * 2**20
"""Bytes that are written to the journal at once, ahead of what comes."""


@dataclass(frozen=True, slots=True)
class Budget:
    """So many bytes in each period of a kind; `period` tells which one a moment lies in."""

    size: int
    per: Per
    period: Callable[[datetime], Period]

    @property
    def step(self) -> int:
        """Bytes that are put on the account at once."""
        return max(1, min(STEP, self.size // 16))


class Account:
    """The bytes of the period that runs. For any thread.

    Args:
        journal: where they are kept.
        now: the latest moment that is known to have passed.
        budget: what they are held against.
    """

    def __init__(self, journal: Journal, now: Callable[[], datetime], budget: Budget) -> None:
        self._journal = journal
        self._now = now
        self._budget = budget
        self._lock = threading.Lock()
        self._period: Period | None = None
        self._used = self._written = 0
        self._needs: tuple[str, int] = "", 0
        self._exhausted: Callable[[], None] = lambda: None

    def watch(self, exhausted: Callable[[], None]) -> None:
        """Have it told, on any thread, when what is left may not be enough any more."""
        self._exhausted = exhausted

    def count(self, size: int) -> None:
        """Bytes came."""
        with self._lock:
            self._turn_over()
            before, self._used = self._used, self._used + size
            self._write_ahead()
            over = before < self._budget.size <= self._used
        if over:
            self._exhausted()

    def expect(self, digest: str, size: int, *, whole: bool) -> None:
        """An image takes so many bytes more; `whole` as in `Spending`."""
        with self._lock:
            self._turn_over()
            known, self._needs = self._needs, (digest, size)
            short = whole and size > self._budget.size - self._used and known != self._needs
        if short:
            self._exhausted()

    def settle(self) -> None:
        """Nothing is fetched for now: what was put on the account for nothing is taken back."""
        with self._lock:
            self._take_back()

    def spending(self, digest: str, *, whole: bool) -> Spending:
        """Where the budget stands for an image.

        Raises:
            JournalError: that cannot be read.
        """
        with self._lock:
            self._turn_over()
            period, needs = self._period, self._needs[1] if self._needs[0] == digest else 0
            ends = None if period is None else period.ends
            return Spending(self._used, self._budget.size, self._budget.per, ends, needs, whole)

    def _turn_over(self) -> None:
        """Begin the period that runs now, if it is another one: also where the clock was set back to it."""
        now = self._now()
        if self._period is not None and self._period.holds(now):
            return
        self._take_back()
        period = self._budget.period(now)
        self._used = self._written = self._journal.fetched(period.name)
        self._period = period

    def _write_ahead(self) -> None:
        if self._used > self._written:
            self._write(max(self._used - self._written, self._budget.step))

    def _take_back(self) -> None:
        if self._used != self._written:
            self._write(self._used - self._written)

    def _write(self, size: int) -> None:
        if self._period is None:
            return
        try:
            self._journal.commit(Change(None, fetched=Fetched(self._period.name, size)))
        except JournalError as error:
            # It is counted on in memory, and written with the next bytes.
            logger.error("[{}] what was fetched cannot be written down: {}", error.code, error.reason)
            return
        self._written += size


class Tally:
    """The share of one staging: what its progress says about the account.

    Args:
        account: the account.
        digest: of the image.
        by_tool: whether a tool fetches it, whose bytes only its progress tells, and which keeps no parts.
        tell: told the progress, too.
    """

    def __init__(
        self, account: Account, digest: str, *, by_tool: bool, tell: Callable[[StageProgress], None]
    ) -> None:
        self._account = account
        self._digest = digest
        self._by_tool = by_tool
        self._tell = tell
        self._counted = 0

    def __call__(self, at: StageProgress) -> None:
        """The staging got on."""
        self.fetched(at.bytes_fetched)
        needs = at.bytes_total if self._by_tool else at.bytes_total - at.bytes_fetched
        self._account.expect(self._digest, needs, whole=self._by_tool)
        self._tell(at)

    def fetched(self, size: int) -> None:
        """So much came in all."""
        if self._by_tool and size > self._counted:
            self._account.count(size - self._counted)
            self._counted = size


@dataclass(frozen=True, slots=True)
class Downloads:
    """What may keep this host from fetching; each is None where nothing is set."""

    network: Network | None = None
    account: Account | None = None
