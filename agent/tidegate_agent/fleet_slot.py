"""This host's slot in the fleet's lock: taken last before an activation, given back until the server has it.

One rule releases it: after each step, a slot that may be held and that no follow needs is given back. So it
is after success, rollback and failure, when an update is dropped or superseded while it waits, when the
window has closed meanwhile, and at every start of a host at rest, which may have died with a slot in hand.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tidegate_agent.ports import RebootLock
    from tidegate_agent.surroundings import Surroundings

RETRY_FIRST: Final = timedelta(seconds=15)
"""The pause before a release that failed is tried again; it doubles from one to the next."""

RETRY_LONGEST: Final = timedelta(minutes=10)
"""The longest such pause."""


class FleetSlot:
    """Runs on the engine's thread, but for `acquire`; the server is asked on the worker, in order."""

    def __init__(self, lock: RebootLock, around: Surroundings) -> None:
        self._lock = lock
        self._around = around
        self._needed = False
        self._may_be_held = True
        self._pending = False
        self._pause = RETRY_FIRST

    def acquire(self) -> str | None:
        """Ask for the slot; None when it is held, else why not. On the worker, after `expect`."""
        return self._lock.acquire()

    def expect(self) -> None:
        """The slot is about to be asked for: from now on it may be held, whatever the server answers."""
        self._needed = self._may_be_held = True

    def settle(self, *, needed: bool) -> None:
        """Give the slot back if it may be held and nobody needs it."""
        self._needed = needed
        if not needed and self._may_be_held and not self._pending:
            self._release()

    def _release(self) -> None:
        self._pending = True
        # An answer to this release says nothing about what is asked for after it.
        self._may_be_held = False

        def work() -> None:
            released = self._lock.release()
            self._around.post(lambda: self._released(released=released))

        self._around.asking(work)

    def _released(self, *, released: bool) -> None:
        if released:
            self._pending, self._pause = False, RETRY_FIRST
            return
        self._may_be_held = True
        pause = self._pause + self._around.splay()
        self._pause = min(self._pause * 2, RETRY_LONGEST)
        self._around.timer.after("fleet lock", pause, lambda: self._around.post(self._again))

    def _again(self) -> None:
        self._pending = False
        self.settle(needed=self._needed)
