"""Whose turn comes with the next boot, and what waits for its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.engines.ostree.account import ACTIVATED, STAGED, Account, image_ref
from tidegate_agent.engines.ostree.deployments import first
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.engines.ostree.bootspace import BootSpace
    from tidegate_agent.engines.ostree.deployments import Deployment, Slots
    from tidegate_agent.engines.ostree.repository import Repository
    from tidegate_agent.engines.ostree.sysroot import Sysroot


class Turn:
    """Stages, arms and takes back deployments. The workplace is locked by the caller."""

    def __init__(
        self, sysroot: Sysroot, account: Account, repository: Repository, boot_space: BootSpace
    ) -> None:
        self._sysroot = sysroot
        self._account = account
        self._repository = repository
        self._boot_space = boot_space

    def wait(self, digest: str) -> None:
        """Let an image whose commit is here wait for its activation, in the place of whatever waits.

        Where the tool can lock it, the deployment is made now, and a shutdown drops it. An image that was
        activated already stays so.

        Raises:
            EngineError: DISK_FULL when /boot has no room for its kernel; STAGE_FAILED, or an ENGINE_* code.
        """
        commit = self._account.find(digest)
        if commit is None:
            raise EngineError(Code.STAGE_FAILED, f"the commit of {digest} is not there")
        staged = self._sysroot.slots().staged
        here = staged is not None and staged.commit == commit
        if staged is not None and here and not staged.locked:
            return
        self._boot_space.require(self._account.boot(commit))
        if self._sysroot.can_lock and not here:
            self._sysroot.deploy(image_ref(digest), Code.STAGE_FAILED, locked=True)
        elif staged is not None and not here:
            self._sysroot.undeploy(staged, Code.STAGE_FAILED)
        self._repository.point(STAGED, commit)
        self._repository.drop(ACTIVATED)

    def arm(self, digest: str, commit: str) -> bool:
        """Let the next shutdown finalize it. Whether a reboot brings it; False where it is there at once.

        Raises:
            EngineError: DISK_FULL, ACTIVATE_FAILED, or an ENGINE_* code.
        """
        self._boot_space.require(self._account.boot(commit))
        staged = self._sysroot.slots().staged
        if staged is None or staged.commit != commit:
            self._sysroot.deploy(image_ref(digest), Code.ACTIVATE_FAILED)
            # A lock can be left from a staging that failed.
            staged = self._sysroot.slots().staged
        if staged is not None and staged.locked:
            self._sysroot.unlock(Code.ACTIVATE_FAILED)
        self._repository.point(ACTIVATED, commit)
        self._repository.drop(STAGED)
        return self._is_coming(digest)

    def take_back(self, code: Code) -> None:
        """Drop what is staged, activated or not."""
        self._drop_staged(code)
        self._repository.drop(STAGED)
        self._repository.drop(ACTIVATED)

    def stay(self, found: Slots) -> None:
        """Keep the running deployment for the next boot too; what only waits may go on waiting.

        Raises:
            EngineError: ROLLBACK_FAILED, or an ENGINE_* code.
        """
        if found.staged is not None and not found.staged.locked:
            self.take_back(Code.ROLLBACK_FAILED)
        elif found.queued:
            self._drop_staged(Code.ROLLBACK_FAILED)
        found = self._sysroot.slots()
        if found.booted is not None and found.queued:
            self._give(found.booted)

    def go_back(self) -> None:
        """Make the previous deployment the next boot's; what is staged is dropped. Raises as `stay`."""
        self.take_back(Code.ROLLBACK_FAILED)
        found = self._sysroot.slots()
        if found.previous is not None and not found.queued:
            self._give(found.previous)

    def _drop_staged(self, code: Code) -> None:
        """Drop the staged deployment; its commit goes on waiting, if it does."""
        staged = self._sysroot.slots().staged
        if staged is not None:
            self._sysroot.undeploy(staged, code)

    def _give(self, wanted: Deployment) -> None:
        """Make a deployment that is there the next boot's. Nothing may be staged."""
        self._sysroot.make_default(wanted, Code.ROLLBACK_FAILED)
        if self._account.digest(first(self._sysroot.deployments())) != self._account.digest(wanted):
            raise EngineError(
                Code.ROLLBACK_FAILED, "ostree made another deployment the next boot's", retryable=True
            )

    def _is_coming(self, digest: str) -> bool:
        """What an activation came to, by ostree's own word."""
        found = self._sysroot.slots()
        if self._account.digest(found.booted) == digest:
            return False
        coming = found.staged or (found.previous if found.queued else None)
        if self._account.digest(coming) != digest or (coming is not None and coming.locked):
            raise EngineError(
                Code.ACTIVATE_FAILED,
                f"{digest} was activated, but ostree does not mean to boot it",
                retryable=True,
            )
        return True
