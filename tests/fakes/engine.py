"""An image engine in memory, for tests of the machine and the shell. It passes the port's contract.

As a rebooting engine it is like the image mode of ostree: what is activated takes its turn at an orderly
shutdown, a power cut loses it, and two images stay: after a rollback the one that was left is previous.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

from tidegate_agent.errors import EngineError
from tidegate_agent.model import Activation, Capabilities, ImageStatus, StageProgress, StageResult
from tidegate_schemas.codes import Code
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.model import ImageTarget
    from tidegate_schemas.codes import TidegateError

IMAGE_BYTES = 1000


@dataclass
class FakeDisk:
    """What outlives an engine's instance.

    Attributes:
        status: the truth.
        armed: whether what is staged was activated, and waits for an orderly shutdown.
        fetched: bytes that are here of images that are not staged, by digest.
        full: whether there is no space left.
        lock: held by the instance that changes anything.
    """

    status: ImageStatus
    armed: bool = False
    fetched: dict[str, int] = field(default_factory=dict)
    full: bool = False
    lock: Lock = field(default_factory=Lock)


class FakeEngine:
    """Follows the port to the letter, and fails where it is told to.

    Attributes:
        calls: every call, as `method digest`.
        missing: digests that no registry has.
        corrupted: digests whose layers are other bytes than they promise.
        halfway: called in the middle of staging.
        disk: shared by all instances of one host.
    """

    def __init__(
        self, current: str | None = None, *, reboots: bool = False, disk: FakeDisk | None = None
    ) -> None:
        self.calls: list[str] = []
        self.missing: set[str] = set()
        self.corrupted: set[str] = set()
        self.halfway: Callable[[], None] = lambda: None
        self.disk = disk or FakeDisk(ImageStatus(current=current, staged=None, previous=None))
        self._reboots = reboots
        self._failures: dict[str, list[TidegateError]] = {}

    def fail(self, method: str, *errors: TidegateError) -> None:
        """Let the next calls of a method fail with these errors, one each."""
        self._failures.setdefault(method, []).extend(errors)

    def recover(self) -> None:
        """Let no further call fail."""
        self._failures.clear()

    def reboot(
        self, status: ImageStatus | None = None, *, power_cut: bool = False, falls_back: bool = False
    ) -> None:
        """The host boots: into the image whose turn it is, or into whatever the test says.

        Args:
            status: what is found after the boot, whatever was found before.
            power_cut: the host does not shut down in order first, so nothing that is staged takes its turn.
            falls_back: the image whose turn it is does not come up, and the boot loader takes the next.
        """
        self.disk.status = status or self._booted(power_cut=power_cut, falls_back=falls_back)
        self.disk.armed = False

    def _booted(self, *, power_cut: bool, falls_back: bool) -> ImageStatus:
        old = self.disk.status
        queued = old.rollback_queued
        order = [old.previous, old.current] if queued else [old.current, old.previous]
        if self.disk.armed and not power_cut:
            order = [old.staged, old.current]
        if falls_back and order[1] is not None:
            return ImageStatus(current=order[1], staged=None, previous=order[0], rollback_queued=True)
        return ImageStatus(current=order[0], staged=None, previous=order[1])

    def capabilities(self) -> Capabilities:
        """As told to the constructor."""
        return Capabilities(reboots=self._reboots)

    def status(self) -> ImageStatus:
        """See the port."""
        self._enter("status")
        return self.disk.status

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """See the port: 1000 bytes in two steps, none when it is staged already."""
        self._enter("stage", target.digest)
        if not self.disk.lock.acquire(blocking=False):
            raise EngineError(Code.ENGINE_BUSY, "another instance works on the images", retryable=True)
        try:
            fetched = 0
            if target.digest not in (self.disk.status.staged, self.disk.status.current):
                fetched = self._fetch(target.digest, progress, cancelled)
        finally:
            self.disk.lock.release()
        progress(StageProgress(100, fetched, fetched))
        if self.disk.status.staged != target.digest:
            # What runs is not staged anew; nothing else is to come instead of it.
            staged = None if self.disk.status.current == target.digest else target.digest
            self.disk.status = replace(self.disk.status, staged=staged)
            self.disk.armed = False
        return StageResult(target.digest, fetched, files_new=1 if fetched else 0, files_reused=0)

    def _fetch(
        self, digest: str, progress: Callable[[StageProgress], None], cancelled: Callable[[], bool]
    ) -> int:
        here = self.disk.fetched.get(digest, 0)
        # What another staging left is of no use to this one, and goes, as with the real engines.
        self.disk.fetched = {digest: here}
        for percent in (0, 50):
            if cancelled():
                raise Cancelled
            fetched = max(0, percent * IMAGE_BYTES // 100 - here)
            progress(StageProgress(percent, fetched, IMAGE_BYTES - here))
            self.disk.fetched[digest] = max(here, percent * IMAGE_BYTES // 100)
            self.halfway()
        if digest in self.missing:
            raise EngineError(Code.IMAGE_NOT_FOUND, f"no registry has {digest}")
        if digest in self.corrupted:
            raise EngineError(Code.IMAGE_DIGEST_MISMATCH, f"a layer of {digest} is not what it promises")
        if self.disk.full:
            raise EngineError(Code.DISK_FULL, f"no space left for {digest}", retryable=True)
        self.disk.fetched.pop(digest)
        return IMAGE_BYTES - here

    def activate(self, digest: str) -> Activation:
        """See the port."""
        self._enter("activate", digest)
        status = self.disk.status
        if status.current == digest and status.staged != digest:
            return Activation(reboot_required=False)
        if status.staged != digest:
            raise EngineError(Code.ACTIVATE_REFUSED, f"{digest} is not staged: {status.staged} is")
        if self._reboots:
            self.disk.armed = True
        else:
            self.disk.status = ImageStatus(digest, None, status.current)
        return Activation(reboot_required=self._reboots)

    def rollback(self, digest: str) -> Activation:
        """See the port."""
        self._enter("rollback", digest)
        status = self.disk.status
        if status.current == digest:
            # The running image's turn it is again, whatever else was to take it.
            staged = None if self.disk.armed else status.staged
            self.disk.armed = False
            self.disk.status = replace(status, staged=staged, rollback_queued=False)
            return Activation(reboot_required=False)
        if status.previous != digest:
            raise EngineError(Code.ROLLBACK_FAILED, f"{digest} is not the previous image")
        if self._reboots:
            self.disk.armed = False
            self.disk.status = replace(status, staged=None, rollback_queued=True)
        else:
            self.disk.status = ImageStatus(digest, status.staged, None)
        return Activation(reboot_required=self._reboots)

    def discard(self) -> None:
        """See the port."""
        self._enter("discard")
        self.disk.fetched.clear()
        self.disk.armed = False
        self.disk.status = replace(self.disk.status, staged=None)

    def _enter(self, method: str, digest: str = "") -> None:
        if method != "status":
            self.calls.append(f"{method} {digest}".strip())
        if self._failures.get(method):
            raise self._failures[method].pop(0)
