"""What a report says, as values. PURE.

Moments are by the collector's clock. Seconds are since the release was first heard of, unless they are a
span. Text is harmless (`disclosure`); names of waves and codes are of closed forms.

It is longer than other files because it is the report's whole vocabulary, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tidegate_fleet.history import ReleaseKey
from tidegate_fleet.report.spread import Curve, Quantiles
from tidegate_fleet.standing import Phase
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step


@dataclass(frozen=True, slots=True)
class Opening:
    """When a wave opened: seconds since the beginning; and whether a time in the statement opened it."""

    at: float
    by_time: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A statement that changed something.

    Attributes:
        at: seconds since the beginning.
        heard: the same as a moment.
        sequence: of the statement.
        what: in words: `announced`, `canary opened`, `held`.
        verified: whether it was verified against a policy.
        signers: who signed, in words.
    """

    at: float
    heard: datetime
    sequence: int
    what: tuple[str, ...]
    verified: bool
    signers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the publisher did.

    Attributes:
        changes: the oldest first.
        openings: of waves, by name.
        held: spans of seconds in which the release was held; an open end is None.
        waves: the names in the newest statement's order.
        renewals: statements that changed nothing but their own validity, by their sequences.
        statements: how many are kept: of heartbeats in a row two; `verified` of them against a policy.
    """

    changes: tuple[Change, ...] = ()
    openings: Mapping[str, Opening] = field(default_factory=dict)
    held: tuple[tuple[float, float | None], ...] = ()
    waves: tuple[str, ...] = ()
    renewals: int = 0
    statements: int = 0
    verified: int = 0


@dataclass(frozen=True, slots=True)
class WaveFigures:
    """One wave; `progress.NO_WAVE` for hosts that none takes in, and for all where there are no waves.

    Attributes:
        name: of the wave.
        phases: hosts by phase; their sum is the wave's hosts.
        opening: when it opened, if it did.
        began: when the first of its hosts began to activate.
        ended: when the last of its hosts so far came to an end.
        success: seconds from its opening (else from the beginning) to the success of each host.
        curve: successes, in seconds since the beginning.
        early: hosts that succeeded before it opened.
    """

    name: str
    phases: Mapping[Phase, int]
    opening: Opening | None
    began: float | None
    ended: float | None
    success: Quantiles | None
    curve: Curve
    early: int = 0

    @property
    def hosts(self) -> int:
        """All hosts of the wave."""
        return sum(self.phases.values())


@dataclass(frozen=True, slots=True)
class FailedHost:
    """A host that failed: when, and why in its own words."""

    host: str
    wave: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class FailureFigures:
    """Hosts that failed with one code.

    Attributes:
        code: None: they told none.
        hosts: how many.
        newest: when the newest was heard of.
        reason: its reason.
        remedy: what the registry of codes says to do.
        shown: the newest hosts, so many as are shown.
    """

    code: Code | None
    hosts: int
    newest: datetime
    reason: str
    remedy: str
    shown: tuple[FailedHost, ...]


@dataclass(frozen=True, slots=True)
class SlowHost:
    """A host that took long, counted from when it could have begun.

    Attributes:
        host: which.
        wave: in which wave.
        phase: how it ended.
        seconds: from the opening of its wave, or when it was first heard of if that was later, to its end.
        parts: where the time went by the host's own clock: seconds by step, waiting for its wave left out;
            None when its account does not fit into the time that we saw pass.
        waited_for: seconds by what it waited for.
    """

    host: str
    wave: str
    phase: Phase
    seconds: float
    parts: Mapping[Step, float] | None
    waited_for: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Delay:
    """What hosts waited for.

    Attributes:
        reason: the word of the protocol; `other` for what it does not know.
        hosts: how many waited for it.
        seconds: altogether.
        longest: one host, at most.
        waiting: how many of the hosts wait for it now.
    """

    reason: str
    hosts: int
    seconds: float
    longest: float
    waiting: int


@dataclass(frozen=True, slots=True)
class OpenHost:
    """A host that is not through. `silent` seconds ago it was last heard of about this release."""

    host: str
    wave: str
    step: Step
    waiting_for: str
    silent: float


@dataclass(frozen=True, slots=True)
class OpenFigures:
    """Hosts that are not through: how many, and those that were silent longest."""

    hosts: int = 0
    shown: tuple[OpenHost, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the figures rest on.

    Attributes:
        passages: hosts that said anything about the release.
        by_status: of these, known from their status alone: no event of theirs was collected.
        events: that were collected about it.
        verified: of these, signed by a device key of their host.
    """

    passages: int
    by_status: int
    events: int
    verified: int


@dataclass(frozen=True, slots=True)
class ReleaseFigures:
    """How fast and how well a release went: what is compared between releases.

    Attributes:
        key: which release.
        version: for people.
        first: when it was first heard of.
        hosts: all that it was meant for.
        succeeded: of these.
        failed: of these.
        success: seconds from the beginning to the success of each host.
    """

    key: ReleaseKey
    version: str
    first: datetime
    hosts: int
    succeeded: int
    failed: int
    success: Quantiles | None

    @property
    def failure_share(self) -> float | None:
        """Failures among the hosts that came to success or failure; None before any did."""
        done = self.succeeded + self.failed
        return self.failed / done if done else None


@dataclass(frozen=True, slots=True)
class Figures:
    """A report on one release.

    Attributes:
        release: it in a line.
        made: when the report was made.
        state: what the publisher wants of it: `active`, `held`, `revoked`; None when no statement was heard.
        replaced: whether another release was announced since.
        anonymous: whether hosts have made-up names and their words are left out.
        phases: hosts by phase, all waves together.
        successes: hosts that succeeded, over time.
        failures: hosts that failed, over time.
        waves: in the statement's order.
        timeline: what the publisher did.
        failed: by code, the most hosts first.
        slowest: hosts, the slowest first.
        delays: by what was waited for, the most seconds first; the wave last.
        under_way: hosts that have heard of it and are not through.
        silent: of these, hosts that began to activate and said nothing for `silent_after` seconds.
        silent_after: seconds.
        evidence: what all this rests on.
        before: the release before on this channel.
        last: when anything was last heard of it; None when nothing was.
    """

    release: ReleaseFigures
    made: datetime
    state: str | None
    replaced: bool
    anonymous: bool
    phases: Mapping[Phase, int]
    successes: Curve
    failures: Curve
    waves: tuple[WaveFigures, ...]
    timeline: Timeline
    failed: tuple[FailureFigures, ...]
    slowest: tuple[SlowHost, ...]
    delays: tuple[Delay, ...]
    under_way: OpenFigures
    silent: OpenFigures
    silent_after: float
    evidence: Evidence
    before: ReleaseFigures | None
    last: float | None
