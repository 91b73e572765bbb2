"""A wave in numbers, and what its gate makes of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_publisher.rollout.thresholds import MILLION

if TYPE_CHECKING:
    from tidegate_publisher.rollout.thresholds import Limit, Thresholds


@dataclass(frozen=True, slots=True)
class Figures:
    """The known hosts of one wave, counted.

    Attributes:
        known: all of them.
        absent: offline ones that have said nothing of this release.
        waiting: hosts that know of it and have not begun to activate, or have not spoken of it yet.
        activating: hosts that are between activation and its proof.
        succeeded: hosts that run it, proven.
        failed: hosts that failed, rejected it or went back.
        skipped: hosts that let it go for another.
        silent: activating hosts that have said nothing for longer than the gate allows.
        gone: hosts that went offline after activation and stayed so for longer than the gate allows.
        away: hosts that succeeded and are offline now, for however long.
        queued: hosts of an open wave that wait for its budget; they are `waiting` or `absent`, too.
    """

    known: int = 0
    absent: int = 0
    waiting: int = 0
    activating: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    silent: int = 0
    gone: int = 0
    away: int = 0
    queued: int = 0

    @property
    def ended(self) -> int:
        """Hosts that came to an end, good or bad."""
        return self.succeeded + self.failed

    @property
    def begun(self) -> int:
        """Hosts that began to activate, or ended without."""
        return self.ended + self.activating

    def counted(self, gate: Thresholds) -> int:
        """The hosts whose success is asked for."""
        return self.known - (self.absent if gate.ignore_offline else 0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a gate is met, and in words how far it is.

    Attributes:
        met: whether enough hosts have succeeded, and not too many of them have gone since.
        words: how far it is.
        enough: whether enough have succeeded, wherever they are now.
        reachable: whether it would be met if all that are under way succeeded.
    """

    met: bool
    words: str
    enough: bool
    reachable: bool


def passed_threshold(gate: Thresholds, seen: Figures) -> str | None:
    """The first threshold that a wave passed, in words; None when it passed none."""
    told = (
        (gate.failures, seen.failed, seen.ended, "hosts that ended have failed"),
        (gate.silence, seen.silent, seen.begun, "hosts that began to activate have fallen silent"),
        (gate.dropouts, seen.gone, seen.begun, "hosts that began to activate have gone offline"),
    )
    for limit, bad, of, what in told:
        if limit.passed(bad, of):
            return f"{bad} of {of} {what}; {_allowed(limit)}"
    return None


def judge(gate: Thresholds, seen: Figures) -> Verdict:
    """Whether a wave's gate is met."""
    counted = seen.counted(gate)
    needed = max(gate.minimum_hosts, -(-counted * gate.success // MILLION))
    words = f"{seen.succeeded} of {counted} hosts have succeeded, {needed} are needed"
    if seen.absent and gate.ignore_offline:
        words += f"; {seen.absent} offline ones do not count"
    if seen.failed:
        words += f"; {seen.failed} failed"
    missing = max(0, seen.away - gate.dropouts.tolerated(seen.begun))
    if seen.away:
        words += f"; {seen.away} of those that succeeded are offline now"
    best = seen.succeeded + seen.waiting + seen.activating
    return Verdict(seen.succeeded - missing >= needed, words, seen.succeeded >= needed, best >= needed)


def percent(millionths: int) -> str:
    """A share in words: `2.5 %`."""
    return f"{millionths / 10_000:.6g} %"


def _allowed(limit: Limit) -> str:
    share = f"{percent(limit.share)} of {limit.minimum} or more"
    if limit.count is None:
        return f"allowed are {share}"
    if limit.count <= 1:
        return "none is allowed"
    fewer = "one is allowed" if limit.count == 2 else f"at most {limit.count - 1} are allowed"  # noqa: PLR2004
    return fewer if limit.share >= MILLION else f"{fewer}, and {share}"
