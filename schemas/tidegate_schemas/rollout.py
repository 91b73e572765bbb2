"""Waves: who of a fleet takes a release when. The same input gives the same answer in every implementation.

Golden vectors: `vectors`.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from tidegate_schemas import limits
from tidegate_schemas.base import Labels, Message, Moment, Name, Short

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class RolloutState(StrEnum):
    """What the publisher wants of the release as a whole."""

    ACTIVE = "active"
    HELD = "held"
    REVOKED = "revoked"


class Urgency(StrEnum):
    """How much of its own comfort a host may give up. The host's policy says what each may override."""

    ROUTINE = "routine"
    URGENT = "urgent"
    EMERGENCY = "emergency"


class Wave(Message):
    """Hosts that may start together: a share of the fleet, or those with certain labels, or both.

    `fraction` is cumulative over the fleet: a wave of 0.1 after one of 0.01 adds 9 %. A wave is open
    when `open` is true or when `opens_at` has come; one that has neither waits for a later statement.
    """

    name: Name
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    labels: Labels = {}
    open: bool = False
    opens_at: Moment | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether hosts of this wave may start at that moment."""
        return self.open or (self.opens_at is not None and self.opens_at <= now)


REMEMBERED_RUNS = 16
"""Runs of earlier releases that a statement names."""


class Runner(Message):
    """Who leads a release from wave to wave, and how far that is (`tidegate rollout run`). Hosts ignore it.

    `id` names the run, and `process` the one process that leads it now. Until `until` no other run may lead;
    without it nobody claims the channel, and the rest says how far the last run came. `wave` is the one that
    is waited for: those before it are done. Its gate was found met at `met_at`; `approved` are waves that
    somebody let through before they were opened. `ended` says how the run came to its end, and `because`
    why it stopped the release, if it did.

    `waits_since` is when the time began that the gate has to be met in, where that was not the opening: it
    was met and lost again, or nobody led the release meanwhile. `whole` is the fraction that `wave` is opened
    to, as long as it is not. `first` is the sequence with which the run announced the release: what hosts say
    of an earlier one is about another attempt. `asks` is the wave that waits for a person's approval, and
    `asked_at` since when.
    """

    id: Short
    process: Short
    until: Moment | None = None
    began_at: Moment
    wave: Name
    opened_at: Moment | None = None
    widened_at: Moment | None = None
    met_at: Moment | None = None
    waits_since: Moment | None = None
    whole: Annotated[float, Field(gt=0, le=1)] | None = None
    first: Annotated[int, Field(ge=1)] | None = None
    asks: Name | None = None
    asked_at: Moment | None = None
    approved: Annotated[tuple[Name, ...], Field(max_length=limits.ITEMS)] = ()
    ended: Short | None = None
    because: Short | None = None

    def claims(self, now: datetime) -> bool:
        """Whether no other run may lead the release at that moment."""
        return self.until is not None and now < self.until


class Rollout(Message):
    """How a release may spread. Without waves all hosts may start at once.

    `led_before` names the runs that led releases before this one, the newest last, `REMEMBERED_RUNS` at most:
    such a run does not put its own in this one's place. Hosts ignore it.
    """

    state: RolloutState = RolloutState.ACTIVE
    seed: Short
    waves: Annotated[tuple[Wave, ...], Field(max_length=limits.ITEMS)] = ()
    runner: Runner | None = None
    led_before: Annotated[tuple[Short, ...], Field(max_length=limits.ITEMS)] = ()

    def leaders(self) -> tuple[str, ...]:
        """The runs that led releases on the channel up to this one: what its successor remembers."""
        mine = () if self.runner is None else (self.runner.id,)
        return (*(one for one in self.led_before if one not in mine), *mine)[-REMEMBERED_RUNS:]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [wave.name for wave in self.waves]
        if len(set(names)) != len(names):
            message = "two waves have one name"
            raise ValueError(message)
        return self


def cohort(seed: str, host: str) -> float:
    """A host's place in a rollout, in [0, 1): the first 8 bytes of SHA-256(seed || host id) as a fraction.

    The quotient is rounded down to 53 bits, so that it is exact in IEEE 754 and never reaches 1.
    """
    head = hashlib.sha256(seed.encode() + host.encode()).digest()[:8]
    return (int.from_bytes(head, "big") >> 11) / 2**53


def wave_of(rollout: Rollout, host: str, labels: Mapping[str, str]) -> Wave | None:
    """The first wave that takes this host in, or None when none of them does."""
    return wave_at(rollout, cohort(rollout.seed, host), labels)


def wave_at(rollout: Rollout, place: float, labels: Mapping[str, str]) -> Wave | None:
    """The same for a host whose place (`cohort`) is known: it stays for as long as the seed does."""
    for wave in rollout.waves:
        selected = all(labels.get(key) == value for key, value in wave.labels.items())
        if selected and place < wave.fraction:
            return wave
    return None


def may_start(rollout: Rollout, host: str, labels: Mapping[str, str], now: datetime) -> bool:
    """Whether the waves let this host start at that moment; a hold is another matter.

    Without waves all may. A host that none takes in waits for a later statement.
    """
    if not rollout.waves:
        return True
    wave = wave_of(rollout, host, labels)
    return wave is not None and wave.is_open(now)
