"""When watching ends by itself, and how it went. PURE."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from tidegate_fleet.standing import Phase
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_fleet.watch.picture import Picture


class Ending(StrEnum):
    """How a release went that was watched to its end."""

    DONE = "done"
    FAILED = "failed"
    REVOKED = "revoked"


def ending(picture: Picture) -> Ending | None:
    """How the release went; None while it goes on, or while it is not known who takes part.

    It is at its end when every host that it is meant for is done with it. A revoked one is when no host is in
    the midst of activating it: nobody begins any more.
    """
    if picture.release is None or picture.loading or not picture.connected:
        return None
    if picture.release.state is RolloutState.REVOKED:
        return None if picture.count(Phase.ACTIVATING) else Ending.REVOKED
    if not picture.counted or picture.done < picture.counted:
        return None
    return Ending.FAILED if picture.count(Phase.FAILED) else Ending.DONE
