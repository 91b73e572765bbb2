"""The ostree engine: the port ImageEngine over libostree.

An image that is staged is a commit, and where the tool can lock it also a staged deployment, which a shutdown
drops. Activating lets the next shutdown finalize it; the reboot is the caller's.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.images.meter import Meter
from tidegate_agent.engines.images.pull import Puller
from tidegate_agent.engines.images.space import disk_errors
from tidegate_agent.engines.ostree.account import STAGED, Account, image_ref
from tidegate_agent.engines.ostree.bootspace import BootSpace
from tidegate_agent.engines.ostree.housekeeping import Housekeeping
from tidegate_agent.engines.ostree.limited import Limited
from tidegate_agent.engines.ostree.repository import Repository
from tidegate_agent.engines.ostree.staging import Staging
from tidegate_agent.engines.ostree.sysroot import Sysroot
from tidegate_agent.engines.ostree.turn import Turn
from tidegate_agent.engines.ostree.workplace import Workplace
from tidegate_agent.errors import EngineError
from tidegate_agent.model import Activation, Capabilities, ImageStatus, StageResult
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tidegate_agent.engines.ostree.deployments import Slots
    from tidegate_agent.engines.ostree.host import OstreeHost
    from tidegate_agent.model import ImageTarget, StageProgress
    from tidegate_wire.registry.source import ImageSource

_NO_LIMITS = Limits()
_FALLBACK = ("/usr/lib/tidegate/ostree-fallback",)
_NO_REBOOT = Activation(reboot_required=False)


class OstreeEngine:
    """Turns OCI images into ostree commits, and those into deployments.

    Args:
        open_source: opens a reference, see `tidegate_wire.registry.opening.open_source`.
        host: where libostree is.
        limits: what an image may cost.
        fallback: the command that makes the previous deployment the next boot's, without the agent.
    """

    def __init__(
        self,
        open_source: Callable[[str], ImageSource],
        host: OstreeHost,
        limits: Limits = _NO_LIMITS,
        fallback: tuple[str, ...] = _FALLBACK,
    ) -> None:
        ostree = Limited(host.command, host.query_s, host.work_s)
        self._open_source = open_source
        self._repository = Repository(ostree, host.sysroot / "ostree" / "repo")
        self._account = Account(self._repository)
        self._sysroot = Sysroot(ostree, host)
        self._workplace = Workplace(host.sysroot)
        self._housekeeping = Housekeeping(self._workplace, self._sysroot, self._account)
        self._boot_space = BootSpace(host.sysroot / "boot")
        self._turn = Turn(self._sysroot, self._account, self._repository, self._boot_space)
        self._limits = limits
        self._fallback = fallback

    def capabilities(self) -> Capabilities:
        """Every activation needs a reboot."""
        return Capabilities(reboots=True, fallback=self._fallback)

    def status(self) -> ImageStatus:
        """See the port. Commits say which announced digest they are; nothing else is remembered."""
        found = self._sysroot.slots()
        staged = self._account.digest(found.staged)
        if staged is None and (waiting := self._account.staged()) is not None:
            staged = waiting[1]
        return ImageStatus(
            current=self._account.digest(found.booted),
            staged=staged,
            previous=self._account.digest(found.previous),
            rollback_queued=found.queued,
            fault=self._boot_space.last_failure(),
        )

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """See the port. An image whose commit is here is not fetched again.

        The image that runs is not staged again; what is staged is dropped then.

        Raises:
            Cancelled: soon after `cancelled()`; fetched blobs and committed layers stay for the next attempt.
            TidegateError: an `image.*`, `reference.*`, `disk.*` or `engine.*` code, or STAGE_FAILED.
        """
        meter = Meter(progress, cancelled, self._limits.deadline)
        with self._held(Code.STAGE_FAILED, "staging"):
            found = self._sysroot.require_place()
            if (reason := self._boot_space.last_failure()) is not None:
                logger.warning("[{}] {}", Code.ACTIVATE_FAILED, reason)
            commit = self._account.find(target.digest)
            if commit is None:
                result = self._lay_out(target, meter, found)
            else:
                meter.expect(0, 0)
                result = StageResult(target.digest, 0, 0, self._account.files(commit))
            runs = self._account.digest(found.booted) == target.digest
            if runs:
                self._turn.take_back(Code.STAGE_FAILED)
                self._turn.stay(self._sysroot.slots())
            else:
                self._turn.wait(target.digest)
            self._housekeeping.tidy()
            staged = self.status().staged
        if staged != (None if runs else target.digest):
            raise EngineError(Code.STAGE_FAILED, f"{target.digest} was to be staged, but {staged} is")
        meter.done()
        return result

    def activate(self, digest: str) -> Activation:
        """See the port.

        Raises:
            EngineError: ACTIVATE_REFUSED when something else or nothing is staged; DISK_FULL when /boot has
                no room for its kernel; ACTIVATE_FAILED, or an ENGINE_* code.
        """
        with self._held(Code.ACTIVATE_FAILED, "activating"):
            status = self.status()
            if status.current == digest != status.staged:
                return _NO_REBOOT
            if status.staged != digest or (commit := self._account.find(digest)) is None:
                raise EngineError(Code.ACTIVATE_REFUSED, f"{digest} is not staged: {status.staged} is")
            return Activation(reboot_required=self._turn.arm(digest, commit))

    def install(
        self,
        target: ImageTarget,
        kernel_arguments: Sequence[str],
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """Make an image the first deployment of a sysroot that no host runs from; see docs/engines/ostree.md.

        Args:
            target: the image.
            kernel_arguments: `root=LABEL=root` and the like; all later deployments take them over.
            progress: see `stage`.
            cancelled: see `stage`.

        Raises: see `stage`; ACTIVATE_REFUSED where a host runs from it, ACTIVATE_FAILED.
        """
        if self._sysroot.live:
            raise EngineError(Code.ACTIVATE_REFUSED, "an image is installed from outside of the host only")
        result = self.stage(target, progress, cancelled)
        with self._held(Code.ACTIVATE_FAILED, "installing"):
            reference = image_ref(target.digest)
            self._sysroot.deploy(reference, Code.ACTIVATE_FAILED, kernel_arguments=kernel_arguments)
            self._repository.drop(STAGED)
        return result

    def rollback(self, digest: str) -> Activation:
        """See the port. What is staged is dropped, unless the digest runs and it was not activated.

        Raises:
            EngineError: ROLLBACK_FAILED, or an ENGINE_* code.
        """
        with self._held(Code.ROLLBACK_FAILED, "rolling back"):
            found = self._sysroot.slots()
            if self._account.digest(found.booted) == digest:
                self._turn.stay(found)
                return _NO_REBOOT
            if self._account.digest(found.previous) != digest:
                raise EngineError(Code.ROLLBACK_FAILED, f"{digest} is not the previous image")
            self._turn.go_back()
            return Activation(reboot_required=self.status().current != digest)

    def discard(self) -> None:
        """See the port."""
        with self._held(Code.STAGE_FAILED, "discarding"):
            self._turn.take_back(Code.STAGE_FAILED)
            self._housekeeping.tidy()

    def _lay_out(self, target: ImageTarget, meter: Meter, found: Slots) -> StageResult:
        puller = Puller(target, self._open_source, self._workplace.blobs, meter)
        try:
            image = puller.image(self._limits)
            self._housekeeping.make_room(found, image.layers)
            staging = Staging(
                self._repository, self._account, self._workplace, self._boot_space, meter, self._limits
            )
            return staging.run(target, image, puller)
        except (Cancelled, TidegateError, OSError) as error:
            self._housekeeping.give_back(error)
            raise

    @contextmanager
    def _held(self, code: Code, doing: str) -> Iterator[None]:
        with disk_errors(code, doing, self._workplace.root), self._workplace.lock():
            yield
