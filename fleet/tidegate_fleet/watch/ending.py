"""When watching ends by itself, and how it went. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tidegate_fleet.phrases import short_digest
from tidegate_fleet.standing import Phase
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_fleet.watch.picture import Picture, Release


class Ending(StrEnum):
    """How a release went that was watched to its end."""

    DONE = "done"
    FAILED = "failed"
    REVOKED = "revoked"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Goal:
    """Which release is watched to its end.

    Attributes:
        ends: whether watching ends with it.
        sequence: it was announced with this statement or a later one; None: whatever the channel holds.
        digest: its image; None: any.
    """

    ends: bool = False
    sequence: int | None = None
    digest: str | None = None

    def waits(self, channel: str, release: Release | None) -> str:
        """What is waited for, in words; empty when the release is there."""
        until = "; --until done waits for it" if self.ends else ""
        if release is None:
            return f"nothing is announced on {channel}{until}"
        if self.sequence is not None and release.sequence < self.sequence:
            return f"statement #{self.sequence} has not come: the channel is at #{release.sequence}{until}"
        if self.digest is not None and release.digest != self.digest:
            other = f"the channel holds {short_digest(release.digest)}"
            return f"{short_digest(self.digest)} is not announced: {other}{until}"
        return ""


def ending(picture: Picture, goal: Goal) -> Ending | None:
    """How the release went; None while it goes on, or while it is not known who takes part.

    It is at its end when every host that it is meant for is done with it. A revoked one is when no host is in
    the midst of activating it: nobody begins any more. One of another digest than was asked for has replaced
    it, once the channel has come to the sequence that was asked for.
    """
    release = picture.release
    if not goal.ends or release is None or picture.loading or not picture.connected:
        return None
    if goal.waits(picture.channel, release):
        reached = goal.sequence is not None and release.sequence >= goal.sequence
        return Ending.REPLACED if reached else None
    if release.state is RolloutState.REVOKED:
        return None if picture.count(Phase.ACTIVATING) else Ending.REVOKED
    if not picture.counted or picture.ended < picture.counted:
        return None
    return Ending.FAILED if picture.count(Phase.FAILED) else Ending.DONE
