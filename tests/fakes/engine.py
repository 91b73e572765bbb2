"""An image engine in memory, for tests of the machine and the shell. It passes the port's contract."""

from __future__ import annotations

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


class FakeEngine:
    """Follows the port to the letter, and fails where it is told to.

    Attributes:
        calls: every call, as `method digest`.
        missing: digests that no registry has.
        halfway: called in the middle of staging.
    """

    def __init__(self, current: str | None = None, *, reboots: bool = False) -> None:
        self.calls: list[str] = []
        self.missing: set[str] = set()
        self.halfway: Callable[[], None] = lambda: None
        self._status = ImageStatus(current=current, staged=None, previous=None)
        self._reboots = reboots
        self._after_boot: ImageStatus | None = None
        self._failures: dict[str, list[TidegateError]] = {}

    def fail(self, method: str, *errors: TidegateError) -> None:
        """Let the next calls of a method fail with these errors, one each."""
        self._failures.setdefault(method, []).extend(errors)

    def reboot(self, status: ImageStatus | None = None) -> None:
        """The host boots: into what was activated, or into whatever the test says."""
        self._status = status or self._after_boot or self._status
        self._after_boot = None

    def capabilities(self) -> Capabilities:
        """As told to the constructor."""
        return Capabilities(reboots=self._reboots)

    def status(self) -> ImageStatus:
        """See the port."""
        self._enter("status")
        return self._status

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """See the port: 1000 bytes in two steps, none when it is staged already."""
        self._enter("stage", target.digest)
        fetched = 0 if self._status.staged == target.digest else IMAGE_BYTES
        if fetched:
            for percent in (0, 50):
                if cancelled():
                    raise Cancelled
                progress(StageProgress(percent, percent * IMAGE_BYTES // 100, IMAGE_BYTES))
                self.halfway()
            if target.digest in self.missing:
                raise EngineError(Code.IMAGE_NOT_FOUND, f"no registry has {target.digest}")
        progress(StageProgress(100, fetched, fetched))
        self._status = ImageStatus(self._status.current, target.digest, self._status.previous)
        return StageResult(target.digest, fetched, files_new=1 if fetched else 0, files_reused=0)

    def activate(self, digest: str) -> Activation:
        """See the port."""
        self._enter("activate", digest)
        status = self._after_boot or self._status
        if status.current == digest and status.staged != digest:
            return Activation(reboot_required=self._after_boot is not None)
        if self._status.staged != digest:
            raise EngineError(Code.ACTIVATE_REFUSED, f"{digest} is not staged: {self._status.staged} is")
        return self._become(ImageStatus(digest, None, self._status.current))

    def rollback(self, digest: str) -> Activation:
        """See the port."""
        self._enter("rollback", digest)
        if (self._after_boot or self._status).current == digest:
            return Activation(reboot_required=self._after_boot is not None)
        if self._status.previous != digest:
            raise EngineError(Code.ROLLBACK_FAILED, f"{digest} is not the previous image")
        return self._become(ImageStatus(digest, self._status.staged, None))

    def discard(self) -> None:
        """See the port."""
        self._enter("discard")
        self._status = ImageStatus(self._status.current, None, self._status.previous)

    def _become(self, status: ImageStatus) -> Activation:
        if self._reboots:
            self._after_boot = status
        else:
            self._status = status
        return Activation(reboot_required=self._reboots)

    def _enter(self, method: str, digest: str = "") -> None:
        if method != "status":
            self.calls.append(f"{method} {digest}".strip())
        if self._failures.get(method):
            raise self._failures[method].pop(0)
