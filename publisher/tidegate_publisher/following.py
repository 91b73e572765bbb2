"""Following hosts: which of their words count, and when enough has been seen. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tidegate_schemas.events import Step, UpdateEvent

if TYPE_CHECKING:
    from tidegate_schemas.status import FollowStatus, HostStatus

_REMEMBERED: Final = 100_000
"""Event ids kept, to know a redelivery by. A cap, because a hostile host can send ids for ever."""

BAD: Final = frozenset({Step.FAILED, Step.REJECTED, Step.ROLLED_BACK})

_STEPS: Final = {step.value: step for step in Step}

_WAY: Final = (
    Step.ACCEPTED,
    Step.WAITING,
    Step.STAGING,
    Step.STAGED,
    Step.ACTIVATING,
    Step.REBOOTING,
    Step.PROVING,
    Step.SUCCEEDED,
)
"""The way of an update that goes well. Who is further has passed what lies before."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which words of which hosts are of interest; None is all.

    Attributes:
        product: only of this product.
        channel: only of this channel.
        hosts: only of these hosts; empty is all.
        sequence: only of this statement or a later one of the channel.
        digest: only of this image.
    """

    product: str | None = None
    channel: str | None = None
    hosts: frozenset[str] = frozenset()
    sequence: int | None = None
    digest: str | None = None

    def takes(self, event: UpdateEvent) -> bool:
        """Whether an event is of interest. One that names no statement may be about ours."""
        said = event.data
        return (
            self._is_here(event.subject, said.product, said.channel)
            and (said.sequence is None or said.sequence >= (self.sequence or 0))
            and self.digest in {None, said.digest or self.digest}
        )

    def counts(self, event: UpdateEvent) -> bool:
        """Whether an event that is of interest is surely about what was asked for."""
        # A host that could not verify a message tells no sequence: whose message it was is not known.
        return self.sequence is None or event.data.sequence is not None

    def takes_follow(self, host: str, follow: FollowStatus) -> bool:
        """Whether a status speaks of the release that was asked for."""
        return (
            self._is_here(host, follow.product, follow.channel)
            # Without a sequence nobody can tell today's success from last year's.
            and self.sequence is not None
            and (follow.sequence or 0) >= self.sequence
            # The sequence is the newest accepted; the state may still be that of the update before it.
            and self.digest in {None, follow.target}
        )

    def _is_here(self, host: str, product: str | None, channel: str | None) -> bool:
        return (
            self.product in {None, product}
            and self.channel in {None, channel}
            and (not self.hosts or host in self.hosts)
        )


@dataclass(slots=True)
class Follower:
    """Counts hosts that came to an end.

    Attributes:
        selection: which words are of interest.
        until: the step to wait for; None waits for ever.
        wanted: how many hosts must reach it, or pass beyond it.
        reached: the hosts that did.
        ended_badly: the hosts whose update failed, was rejected or was rolled back.
    """

    selection: Selection
    until: Step | None = None
    wanted: int = 1
    reached: set[str] = field(default_factory=set)
    ended_badly: set[str] = field(default_factory=set)
    _seen: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def take(self, event: UpdateEvent) -> bool:
        """Count an event. False when it is none of ours, or was delivered before."""
        # With its host: one host must not make another's event look like a redelivery.
        known = event.subject, event.id
        if not self.selection.takes(event) or known in self._seen:
            return False
        self._seen[known] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if self.selection.counts(event):
            self._count(event.subject, event.data.step)
        return True

    def take_status(self, status: HostStatus) -> list[FollowStatus]:
        """Count a host by what it says of itself.

        Events are gone once they are told; a status is retained, so that who comes later learns from it.

        Returns:
            What made a difference; nothing when the host was counted already or is not there yet.
        """
        return [
            follow
            for follow in status.follows
            if self.selection.takes_follow(status.host, follow)
            and (step := _STEPS.get(follow.state)) is not None
            and self._count(status.host, step)
        ]

    def _count(self, host: str, step: Step) -> bool:
        before = len(self.reached) + len(self.ended_badly)
        if _has_come_to(step, self.until):
            self.reached.add(host)
        if step in BAD:
            self.ended_badly.add(host)
        return len(self.reached) + len(self.ended_badly) > before

    @property
    def done(self) -> bool:
        """Whether enough hosts reached the step."""
        return self.until is not None and len(self.reached) >= self.wanted

    @property
    def failed(self) -> bool:
        """Whether a host came to a bad end while a good one is waited for."""
        return self.until is not None and self.until not in BAD and bool(self.ended_badly)


def _has_come_to(step: Step, wanted: Step | None) -> bool:
    if step in _WAY and wanted in _WAY:
        return _WAY.index(step) >= _WAY.index(wanted)
    return step is wanted
