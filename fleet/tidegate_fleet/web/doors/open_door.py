"""No login: for a page that only this machine can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_fleet.web.doors.door import Reader

if TYPE_CHECKING:
    from tidegate_fleet.web.doors.door import Caller


class OpenDoor:
    """Everybody may read who can reach the address; `listening.check` lets it stand only on this machine."""

    has_form = False

    def reader(self, caller: Caller) -> Reader:
        """See Door.reader."""
        del caller
        return Reader()
