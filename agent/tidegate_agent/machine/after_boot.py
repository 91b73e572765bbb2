"""What became of an activation: the decision table 'after the boot' of hosts.md. PURE.

| boot    | runs     | beside it                 | verdict                                             |
|---------|----------|---------------------------|-----------------------------------------------------|
| any     | any      | the guard fired           | FELL_BACK: it came up, and nobody proved it; where  |
|         |          |                           | it still runs, it is about to be left               |
| any     | target   |                           | CAME_UP: prove it                                   |
| any     | other    | target staged             | STILL_TO_COME: the agent was restarted, or the boot |
|         |          |                           | did not take what was staged                        |
| any     | other    | target in the way back's  | FELL_BACK: the boot loader, or somebody, went back  |
|         |          | slot, and queued or new   |                                                     |
|         |          | there                     |                                                     |
| any     | previous | target nowhere, or where  | LOST: never finalized; try again, up to a limit     |
|         |          | it was before             |                                                     |
| any     | a third  | target nowhere            | ELSEWHERE: somebody else changed the host           |

'Previous' is the image that ran when the update began. A target can lie in the slot for the way back from
the beginning, when the channel returns to an older release: then only the queue tells a fallback from a
finalization that was lost. A boot's id decides nothing here, since a soft reboot may keep it.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate_agent.update.events import Restarted
    from tidegate_agent.update.states import Update


class AfterBoot(Enum):
    """What became of an activation."""

    CAME_UP = auto()
    STILL_TO_COME = auto()
    FELL_BACK = auto()
    LOST = auto()
    ELSEWHERE = auto()


def after_boot(update: Update, event: Restarted) -> AfterBoot:
    """The verdict, by the table above from top to bottom."""
    image, target = event.image, update.target.digest
    if event.guard is not None:
        return AfterBoot.FELL_BACK
    if image.current == target:
        return AfterBoot.CAME_UP
    if image.staged == target:
        return AfterBoot.STILL_TO_COME
    if image.previous == target and (image.rollback_queued or update.beside != target):
        return AfterBoot.FELL_BACK
    return AfterBoot.LOST if image.current == update.previous else AfterBoot.ELSEWHERE
