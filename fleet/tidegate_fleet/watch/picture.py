"""What is shown of one channel at one moment. PURE: plain data, made by `model.Watched`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate_fleet.leading import Asked
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.pace import Speed
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState, Runner

Counts = Mapping[Phase, int]

NO_CODE: Final = "no code"
"""Stands for the code of hosts that told none."""


class Trust(StrEnum):
    """How a statement was checked."""

    VERIFIED = "verified"
    GENUINE = "genuine, signer not compared"
    UNVERIFIED = "NOT VERIFIED"


@dataclass(frozen=True, slots=True)
class Release:
    """What the channel holds.

    Attributes:
        version: for people.
        digest: of the image.
        sequence: of the statement.
        state: active, held or revoked.
        trust: how the statement was checked.
        signers: who signed, or claims to have.
        expires: until when hosts act upon it.
        runner: what the statement says of the run that leads it, or led it.
        leads: whether that run leads it now.
        led: the same in words; empty when there is none, or the release is stopped.
        asked: what a person is asked for, in words; empty when nothing is.
        asks: the same: which wave, and since when.
        command: what the person types.
    """

    version: str
    digest: str
    sequence: int
    state: RolloutState
    trust: Trust
    signers: tuple[str, ...]
    expires: datetime
    runner: Runner | None = None
    leads: bool = False
    led: str = ""
    asked: str = ""
    asks: Asked | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class WaveLine:
    """A wave, or the hosts that none takes in (`membership.NO_WAVE`).

    Attributes:
        name: which.
        share: who is in it, in words.
        open: whether its hosts may start.
        how: the same in words; it may be open for a part of its hosts (`leading.how_far`).
        opens_at: when it opens by itself, if it is not open.
        fraction: of all hosts, as the statement has it now; None for who is in no wave.
        whole: the same, as wide as the wave will be: a budget may widen it step by step.
        counts: hosts by phase.
        silent: how many are silent.
    """

    name: str
    share: str
    open: bool
    how: str
    opens_at: datetime | None
    fraction: float | None
    whole: float | None
    counts: Counts
    silent: int = 0

    @property
    def hosts(self) -> int:
        """How many hosts it has, of those that are known."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class FailureLine:
    """Hosts that failed with one code, and the newest reason, which a host wrote."""

    code: Code | None
    hosts: int
    newest: datetime | None
    reason: str

    @property
    def name(self) -> str:
        """The code, or that there was none."""
        return NO_CODE if self.code is None else self.code.value


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event. `at` is when the host says that it was, `heard` is by our clock."""

    host: str
    heard: datetime
    at: datetime
    step: Step
    sequence: int | None = None
    percent: int | None = None
    code: Code | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SilentHost:
    """A host that began to activate and comes no further: where it is, and since when."""

    name: str
    step: Step
    since: datetime
    heard: datetime


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything on the first page.

    Attributes:
        channel: `os/stable`.
        now: when it was painted.
        connected: whether there is a connection to the broker.
        loading: whether what the broker had in store still comes in.
        hosts: hosts that were heard of, whatever they follow.
        online: of these, connected to the broker.
        release: what the channel holds, once it is known.
        notices: what a person has to know, the most important first.
        waves: in the order of the statement; one alone when it has none.
        totals: counted hosts by phase.
        speed: how fast it goes, once that is known.
        failures: the most frequent first.
        silent: some of the silent hosts, the longest silent first.
        silent_hosts: how many there are.
        events: the newest of each host, the newest first.
    """

    channel: str
    now: datetime
    connected: bool
    loading: bool
    hosts: int = 0
    online: int = 0
    release: Release | None = None
    notices: tuple[str, ...] = ()
    waves: tuple[WaveLine, ...] = ()
    totals: Counts = field(default_factory=dict)
    speed: Speed | None = None
    failures: tuple[FailureLine, ...] = ()
    silent: tuple[SilentHost, ...] = ()
    silent_hosts: int = 0
    events: tuple[EventLine, ...] = ()

    @property
    def counted(self) -> int:
        """Hosts that the release is meant for."""
        return sum(self.totals.values())

    @property
    def ended(self) -> int:
        """Hosts that have ended it, well or not."""
        return sum(number for phase, number in self.totals.items() if phase.final)

    def count(self, phase: Phase) -> int:
        """Hosts in a phase."""
        return self.totals.get(phase, 0)
