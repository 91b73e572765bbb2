"""One pass over the passages of a release. PURE.

Kept of each host are a few numbers of eight bytes; all else is counted or bounded, so that a hundred
thousand passages cost a few megabytes. What hosts claim of durations is held against our own clock.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidegate_fleet.report.claims import bounded, known_wait
from tidegate_fleet.report.figures import Delay, Evidence
from tidegate_fleet.report.rows import Top, failure, open_hosts, slow_host
from tidegate_fleet.standing import Phase
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from tidegate_fleet.history import Passage
    from tidegate_fleet.report.figures import FailureFigures, OpenFigures, SlowHost
    from tidegate_fleet.report.frame import Frame
    from tidegate_schemas.codes import Code


@dataclass(slots=True)
class WaveTally:
    """What is kept of one wave, unordered."""

    successes: array[float] = field(default_factory=lambda: array("d"))
    spans: array[float] = field(default_factory=lambda: array("d"))
    early: int = 0
    began: float | None = None
    ended: float | None = None


@dataclass(slots=True)
class _Wait:
    hosts: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    waiting: int = 0


class Tally:
    """Counts passages. Take each one in, then ask.

    Attributes:
        counts: hosts by wave and phase.
        waves: what is kept of each wave.
        failures: when hosts failed, in seconds since the beginning; unordered.
        last: when anything was last heard.
    """

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._failed: dict[Code | None, Top] = {}
        self._slowest = Top()
        self._under_way, self._silent = Top(), Top()
        self._waits: dict[str, _Wait] = {}
        self._passages = self._by_status = self._events = self._verified = 0
        self.counts: Counter[tuple[str, Phase]] = Counter()
        self.waves: dict[str, WaveTally] = {}
        self.failures = array("d")
        self.last: float | None = None

    def take(self, passage: Passage) -> None:
        """Count one host in."""
        phase = passage.standing.phase
        self.counts[passage.wave, phase] += 1
        self._passages += 1
        self._by_status += not passage.events
        self._events += passage.events
        self._verified += passage.verified
        self.last = max(self.last or 0.0, self._frame.since(passage.standing.heard))
        self._take_waits(passage)
        if phase.final:
            self._take_end(passage, phase)
        elif phase is not Phase.PENDING:
            self._take_open(passage, phase)

    def _take_end(self, passage: Passage, phase: Phase) -> None:
        frame, wave = self._frame, self.waves.setdefault(passage.wave, WaveTally())
        end = frame.since(passage.ended or passage.standing.heard)
        wave.ended = max(wave.ended or 0.0, end)
        self._take_activation(passage, wave)
        if phase is Phase.SUCCEEDED:
            wave.successes.append(end)
            wave.early += frame.is_early(passage.wave, end)
            wave.spans.append(max(0.0, end - frame.open_since(passage.wave)))
        elif phase is Phase.FAILED:
            self.failures.append(end)
            self._failed.setdefault(passage.standing.code, Top()).take(end, passage)
        if phase is not Phase.SKIPPED:
            start = max(frame.since(passage.began), frame.open_since(passage.wave))
            self._slowest.take(max(0.0, end - start), passage)

    def _take_open(self, passage: Passage, phase: Phase) -> None:
        self._take_activation(passage, self.waves.setdefault(passage.wave, WaveTally()))
        silent = max(0.0, (self._frame.now - passage.standing.heard).total_seconds())
        self._under_way.take(silent, passage)
        if phase is Phase.ACTIVATING and silent > self._frame.silent_after.total_seconds():
            self._silent.take(silent, passage)

    def _take_activation(self, passage: Passage, wave: WaveTally) -> None:
        if passage.activated is not None:
            at = self._frame.since(passage.activated)
            wave.began = at if wave.began is None else min(wave.began, at)

    def _take_waits(self, passage: Passage) -> None:
        passed = ((passage.ended or self._frame.now) - passage.began).total_seconds()
        for reason, seconds in bounded(passage.waited_for, passed).items():
            wait = self._waits.setdefault(reason, _Wait())
            wait.hosts += 1
            wait.seconds += seconds
            wait.longest = max(wait.longest, seconds)
        if passage.standing.step is Step.WAITING and passage.standing.waiting_for:
            self._waits.setdefault(known_wait(passage.standing.waiting_for), _Wait()).waiting += 1

    def evidence(self) -> Evidence:
        """What the figures rest on."""
        return Evidence(self._passages, self._by_status, self._events, self._verified)

    def failed(self) -> tuple[FailureFigures, ...]:
        """Failures by code, the most hosts first."""
        groups = [failure(code, top, self._frame.disclosure) for code, top in self._failed.items()]
        return tuple(sorted(groups, key=lambda group: (-group.hosts, group.code or "")))

    def slowest(self) -> tuple[SlowHost, ...]:
        """The hosts that took longest from when they could begin, the slowest first."""
        disclosure = self._frame.disclosure
        return tuple(slow_host(seconds, passage, disclosure) for seconds, passage in self._slowest.highest())

    def delays(self) -> tuple[Delay, ...]:
        """What was waited for, the most seconds first; the wave, which is as planned, last."""
        found = [
            Delay(reason, wait.hosts, wait.seconds, wait.longest, wait.waiting)
            for reason, wait in self._waits.items()
        ]
        return tuple(sorted(found, key=lambda delay: (delay.reason == "wave", -delay.seconds, delay.reason)))

    def under_way(self) -> OpenFigures:
        """Hosts that are not through."""
        return open_hosts(self._under_way, self._frame.disclosure)

    def silent(self) -> OpenFigures:
        """Hosts that began to activate and were not heard of since."""
        return open_hosts(self._silent, self._frame.disclosure)
