"""What goes into the journal and comes out of it: the nouns of the Journal port."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tidegate_agent.admission import Memory
from tidegate_agent.model import Failure, Follow
from tidegate_agent.update.states import Idle, State
from tidegate_schemas.events import UpdateEvent


@dataclass(frozen=True, slots=True)
class Recollection:
    """What the journal knows of one follow.

    `installed_sequence` is the sequence that brought the running image; 0 when unknown.
    """

    state: State = field(default_factory=Idle)
    memory: Memory = field(default_factory=Memory)
    installed_sequence: int = 0


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's word for one digest; `at_once` also waives the window."""

    digest: str
    at_once: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What one step of the machine changes on disk: all of it, or nothing.

    `state`, `memory`, `installed_sequence` and `clock_floor` are left as they are when None. Events go to the
    outbox; one whose id is there already is not written again.
    """

    follow: Follow
    state: State | None = None
    memory: Memory | None = None
    installed_sequence: int | None = None
    clock_floor: datetime | None = None
    events: tuple[UpdateEvent, ...] = ()
    quarantine: tuple[tuple[str, Failure], ...] = ()
    pardon: tuple[str, ...] = ()
    approval: Approval | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """An event that the broker has not acknowledged yet. `token` is positive and grows with age."""

    token: int
    event: UpdateEvent
