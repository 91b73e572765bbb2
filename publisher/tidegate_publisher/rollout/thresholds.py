"""A wave's gate with nothing left open: how many hosts may end badly, and how long all may take. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from tidegate_schemas.gates import Absence, Budget, OnFailure, OnTimeout, Tolerance, merged

if TYPE_CHECKING:
    from tidegate_schemas.gates import Gate

T = TypeVar("T")

MILLION: Final = 1_000_000
"""Shares are compared in whole millionths: as floats 0.29 of 100 hosts are 28.999…"""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many hosts may end badly.

    Attributes:
        share: more than this share are too many, in millionths, once `minimum` came so far.
        minimum: see `share`.
        count: so many are too many, however many came so far; None sets no such limit.
        after: for how long they must have been silent or gone; zero for failures.
    """

    share: int
    minimum: int
    count: int | None = None
    after: timedelta = timedelta(0)

    def passed(self, bad: int, of: int) -> bool:
        """Whether `bad` hosts out of `of` that came so far are too many."""
        if self.count is not None and bad >= self.count:
            return True
        return of >= self.minimum and bad * MILLION > self.share * of

    def tolerated(self, of: int) -> int:
        """How many may end badly out of `of` that came so far, be these ever so few."""
        few = self.share * of // MILLION
        return few if self.count is None else min(few, self.count - 1)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A wave's gate with nothing left open (docs/rollouts.md, "Gates"). `success` is in millionths."""

    success: int
    minimum_hosts: int
    ignore_offline: bool
    failures: Limit
    silence: Limit
    dropouts: Limit
    soak: timedelta
    timeout: timedelta
    on_failure: OnFailure
    on_timeout: OnTimeout
    approval: bool
    budget: tuple[Budget, ...]
    widen_every: timedelta


def resolve(default: Gate, over: Gate) -> Thresholds:
    """A wave's gate, with the defaults for what neither the wave nor the release says."""
    said = merged(default, over)
    silence, dropouts = _limit(said.silence), _limit(said.dropouts)
    return Thresholds(
        success=_millionths(_or(said.success, 0.95)),
        minimum_hosts=_or(said.minimum_hosts, 1),
        ignore_offline=_or(said.ignore_offline, otherwise=True),
        failures=_limit(said.failures),
        silence=silence,
        dropouts=dropouts,
        # Who falls silent or drops out right after it has succeeded shall be found out before others follow.
        soak=_or(said.soak, max(silence.after, dropouts.after)),
        timeout=_or(said.timeout, timedelta(days=1)),
        on_failure=said.on_failure or OnFailure.HOLD,
        on_timeout=said.on_timeout or OnTimeout.HOLD,
        approval=said.approval or False,
        budget=said.budget or (),
        widen_every=_or(said.widen_every, timedelta(minutes=1)),
    )


def _or(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value


def _limit(said: Tolerance) -> Limit:
    after = timedelta(0)
    if isinstance(said, Absence):
        after = said.after or timedelta(minutes=30)
    # Who names a count and no share means the count.
    share = said.share if said.share is not None else (0.05 if said.count is None else 1.0)
    return Limit(_millionths(share), said.minimum or 10, said.count, after)


def _millionths(share: float) -> int:
    return round(share * MILLION)
