"""Where one host stands in one channel, from what it says of itself. PURE.

Which of two words is the newer one is decided in `order`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from tidegate_schemas.events import UpdateEvent
    from tidegate_schemas.status import FollowStatus, HostStatus

_STEPS: Final = {step.value: step for step in Step}
_RESETS: Final = re.compile(r"/\d{1,16}~(\d{1,6})/")
_NOT_FOR_IT: Final = frozenset({Code.REQUIRES_ARCH, Code.REQUIRES_LABELS, Code.REQUIRES_MINIMUM})
_NO_UPDATE: Final = frozenset({Step.ANSWERED, Step.DAMAGED, Step.STALE, Step.UNKNOWN})


class Phase(StrEnum):
    """How far a host is with a release, in the words of those who watch thousands.

    `PENDING` has not said a word of it; `SKIPPED` let it go: superseded, cancelled, or not for this host.
    While `ACTIVATING` a host does not do its work: that is what a disruption budget counts.
    """

    PENDING = "pending"
    WAITING = "waiting"
    STAGING = "staging"
    ACTIVATING = "activating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"

    @property
    def final(self) -> bool:
        """Whether the host is done with the release."""
        return self in {Phase.SUCCEEDED, Phase.FAILED, Phase.SKIPPED}


_PHASES: Final = {
    Step.ACCEPTED: Phase.WAITING,
    Step.WAITING: Phase.WAITING,
    Step.STAGING: Phase.STAGING,
    Step.STAGED: Phase.STAGING,
    Step.ACTIVATING: Phase.ACTIVATING,
    Step.REBOOTING: Phase.ACTIVATING,
    Step.PROVING: Phase.ACTIVATING,
    Step.ROLLING_BACK: Phase.ACTIVATING,
    Step.SUCCEEDED: Phase.SUCCEEDED,
    Step.FAILED: Phase.FAILED,
    Step.REJECTED: Phase.FAILED,
    Step.ROLLED_BACK: Phase.FAILED,
    Step.SUPERSEDED: Phase.SKIPPED,
    Step.CANCELLED: Phase.SKIPPED,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a host stands in a channel.

    Attributes:
        digest: of the image that it speaks of.
        sequence: of the statement that it speaks of.
        resets: how often the channel had been reset on the host before.
        attempt: which attempt at this image, as far as events told; 0 when only a status did.
        step: how far it is.
        at: when that was, by the host's clock: a claim.
        heard: when we heard it last, by ours.
        version: of the release, for people.
        waiting_for: what it waits for, while it waits.
        until: until when, if it knows.
        percent: how much is staged, while it stages.
        code: why it failed.
        reason: the same in words.
        by_status: whether a status told it last, which knows no attempts.
        first_heard: when we heard first that it is at this step; None: at `heard`. See `since`.
    """

    digest: str
    sequence: int
    resets: int
    attempt: int
    step: Step
    at: datetime
    heard: datetime
    version: str | None = None
    waiting_for: str | None = None
    until: datetime | None = None
    percent: int | None = None
    code: Code | None = None
    reason: str = ""
    by_status: bool = False
    first_heard: datetime | None = None

    @property
    def phase(self) -> Phase:
        """The step, in the coarser words of those who watch."""
        if self.step is Step.REJECTED and self.code in _NOT_FOR_IT:
            return Phase.SKIPPED
        return _PHASES[self.step]

    @property
    def since(self) -> datetime:
        """When we heard first that it is at this step. Said again and again, it is no progress."""
        return self.first_heard or self.heard


def is_about_update(event: UpdateEvent) -> bool:
    """Whether an event tells how far its host is with a certain statement."""
    return event.data.step not in _NO_UPDATE and event.data.sequence is not None


def told_by_event(event: UpdateEvent, heard: datetime) -> Standing | None:
    """Where an event says that its host stands; None when it is about no certain release.

    A host that could not verify a message tells no sequence: whose message it was is not known.
    """
    said = event.data
    if not is_about_update(event) or said.digest is None or said.sequence is None:
        return None
    reset = _RESETS.search(event.id)
    return Standing(
        digest=said.digest,
        sequence=said.sequence,
        resets=int(reset[1]) if reset else 0,
        attempt=said.attempt or 0,
        step=said.step,
        at=event.time,
        heard=heard,
        version=said.version,
        waiting_for=said.waiting_for,
        until=said.until,
        percent=said.percent,
        code=said.code,
        reason=said.reason,
    )


def told_by_status(status: HostStatus, follow: FollowStatus, heard: datetime) -> Standing | None:
    """Where a status says that its host stands in a channel; None when that is nowhere yet."""
    step = _STEPS.get(follow.state)
    if step is None or step in _NO_UPDATE or follow.target is None or follow.sequence is None:
        return None
    if follow.waiting_for is not None and not step.final:
        # Where an event says `waiting`, a status says for which step.
        step = Step.WAITING
    return Standing(
        digest=follow.target,
        sequence=follow.sequence,
        resets=0,
        attempt=0,
        step=step,
        at=status.at,
        heard=heard,
        version=follow.target_version,
        waiting_for=follow.waiting_for,
        until=follow.until,
        code=follow.code,
        reason=follow.reason,
        by_status=True,
    )
