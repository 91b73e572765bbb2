"""What goes into the journal and comes out of it: the nouns of the Journal port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tidegate_agent.admission import Memory
from tidegate_agent.model import Failure, Follow
from tidegate_agent.update.states import Idle, State
from tidegate_schemas.events import UpdateEvent

INBOX: Final = 16
"""Requests that are kept on disk until they are decided."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """What the journal knows of one follow.

    `installed_sequence` is the sequence that brought the running image; 0 when unknown.
    """

    state: State = field(default_factory=Idle)
    memory: Memory = field(default_factory=Memory)
    installed_sequence: int = 0


@dataclass(frozen=True, slots=True)
class Life:
    """One run of the agent: the first is number 1. `crashed`: the one before did not end in order."""

    number: int
    crashed: bool = False


@dataclass(frozen=True, slots=True)
class Damage:
    """A journal that could not be used any more, and why; `aside` names the file that it was put into."""

    reason: str
    aside: str | None


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's word for one digest; `at_once` also waives the window. It lapses at `expires`, if set."""

    digest: str
    at_once: bool
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snooze:
    """An update that a person put off, at `first` for the first time: it is not activated before `until`."""

    digest: str
    first: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Whether somebody holds a follow back: nothing is begun for it while `held`.

    `by` and `reason` are who said so last and why. `ordered_at` is when the newest request to hold or resume
    was signed, or when a person on the host said so later: an older one that comes late does not undo it.
    """

    held: bool
    by: str
    reason: str = ""
    ordered_at: datetime | None = None

    @property
    def text(self) -> str:
        """The hold in words for a person."""
        return f"held by {self.by}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Spent:
    """A request's nonce, which counts as used until `expires`.

    Those that have expired at `now` are forgotten on this occasion, and the latest of their ends is
    remembered in their place: see `Ledger`.
    """

    nonce: str
    expires: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Ledger:
    """The nonces that were used, with the end of each request.

    What ends at `closed_until` or before may have been forgotten, so that no such request is accepted any
    more, whatever the clock says.
    """

    spent: Mapping[str, datetime] = field(default_factory=dict)
    closed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A request that was decided. `message` is its name in the inbox, which it leaves.

    `spent` is None where it may not count as used: it was not genuine, or its time was wrong.
    """

    message: str
    spent: Spent | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A request's decision and the event that tells it: written with what the request sets off."""

    decided: Decided
    event: UpdateEvent
    clock_floor: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """Bytes that came in a period, or are about to; with a minus, what did not come after all."""

    period: str
    size: int


RELEASES: Final = 256
"""Digests whose attempts and targets are remembered for each follow: those that were tried last."""

QUARANTINED: Final = 256
"""Digests that are kept from coming back to each follow: those that were given up on last.

An older one comes back only if it is announced anew: what was announced before is a replay.
"""


@dataclass(frozen=True, slots=True)
class Waited:
    """What came while the agent waited for its journal: requests that nobody judged yet."""

    requests: tuple[bytes, ...] = ()


WAITED_NOT: Final = Waited()
"""The journal could be had at once."""

MESSAGES: Final = 3
"""Statements that are kept for each follow: of the update in progress, and newer ones that are set aside."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one step of the machine changes on disk: all of it, or nothing.

    `follow` is None where it is about the host as a whole. `state`, `memory`, `installed_sequence` and
    `clock_floor` are left as they are when None. Events go to the outbox; one whose id is there already is
    not written again. `message` is an admitted statement as it came, and the digest that it announces; the
    newest MESSAGES are kept. `holds` may be those of several follows. `fetched` is added to what came before.
    `damage_told`: the events say what became of the journal before.
    """

    follow: Follow | None
    state: State | None = None
    memory: Memory | None = None
    installed_sequence: int | None = None
    clock_floor: datetime | None = None
    events: tuple[UpdateEvent, ...] = ()
    quarantine: tuple[tuple[str, Failure], ...] = ()
    pardon: tuple[str, ...] = ()
    approval: Approval | None = None
    snooze: Snooze | None = None
    message: tuple[str, bytes] | None = None
    holds: tuple[tuple[Follow, Hold], ...] = ()
    decided: Decided | None = None
    damage_told: bool = False
    fetched: Fetched | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """An event that the broker has not acknowledged yet. `token` is positive and grows with age."""

    token: int
    event: UpdateEvent
