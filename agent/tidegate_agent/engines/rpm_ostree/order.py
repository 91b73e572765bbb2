"""Which deployment the next boot brings: changed only where it is another one, and looked at afterwards."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_agent.engines.rpm_ostree.client import Client
    from tidegate_agent.engines.rpm_ostree.status import Deployment, HostStatus


class BootOrder:
    """Changes it. Every call takes a status that was just read."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def stay(self, status: HostStatus) -> None:
        """Let the next boot bring what runs, whatever was to come. What is surely locked may stay staged.

        Raises:
            EngineError: ROLLBACK_FAILED, STAGE_FAILED or an `engine.*` code.
        """
        if status.staged is not None and not self._client.is_locked():
            status = self.without_staged(status)
        if status.queued:
            self._put_first(status, status.booted)

    def go_back(self, status: HostStatus, digest: str) -> None:
        """Let the next boot bring the previous image, with nothing staged.

        Raises:
            EngineError: as `stay`; ROLLBACK_FAILED also when the previous image is another one.
        """
        self._previous(status, digest)
        if status.staged is not None:
            status = self.without_staged(status)
        previous = self._previous(status, digest)
        if not status.queued:
            self._put_first(status, previous)

    def without_staged(self, status: HostStatus) -> HostStatus:
        """Drop what is staged and nothing else: `cleanup -p` would take along what a rollback has queued.

        Raises:
            EngineError: STAGE_FAILED or an `engine.*` code.
        """
        if status.staged is not None and status.queued:
            self._client.drop(status.staged.index)
        elif status.staged is not None:
            self._client.drop_pending()
        return self._client.status()

    def _previous(self, status: HostStatus, digest: str) -> Deployment:
        if status.previous is None or status.previous.digest != digest:
            raise EngineError(Code.ROLLBACK_FAILED, f"{digest} is not the previous image")
        return status.previous

    def _put_first(self, status: HostStatus, wanted: Deployment) -> None:
        """`rpm-ostree rollback` is a toggle over places in the list: used only where it has this outcome."""
        if status.staged is None and status.toggled is wanted:
            self._client.rollback()
        else:
            self._client.set_first(wanted.index)
        found = self._client.status().first.digest
        if found != wanted.digest:
            reason = f"{wanted.digest} was to be the next boot's image, but {found} is"
            raise EngineError(Code.ROLLBACK_FAILED, reason, retryable=True)


def fallback_of(rpm_ostree: Sequence[str]) -> tuple[str, ...]:
    """The way back without the agent. `rollback` is a toggle, and who tries again must not undo it.

    `status --pending-exit-77` (since rpm-ostree 2018.7) ends with 77 when the first deployment is not the
    running one. In a new image nothing is staged yet, so that one is the image before.
    """
    command = shlex.join(rpm_ostree)
    script = f"{command} status --pending-exit-77 >/dev/null; [ $? -eq 77 ] || exec {command} rollback"
    return ("/bin/sh", "-c", script)
