"""The rpm-ostree engine: the port ImageEngine over rpm-ostree, for Fedora CoreOS, Silverblue, IoT and kin.

Why not `rpm-ostree finalize-deployment`: it unlocks what is staged and then reboots the host by itself, from
the daemon and without a way to keep it from that. Here the reboot is the agent's, through its Host, after its
own windows, locks and inhibitors. So an image is staged with `rebase --lock-finalization`, and activated by
undoing the lock with `ostree admin lock-finalization --unlock`, which is all that the other command does
before it reboots.

Nothing has to be remembered beside: the origin of a deployment keeps the announced digest that it was pinned
to, an index's too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.engines.rivals import refuse_rivals
from tidegate_agent.engines.rpm_ostree.client import Client, Timeouts
from tidegate_agent.engines.tool import Tool
from tidegate_agent.errors import EngineError
from tidegate_agent.model import Activation, Capabilities, ImageStatus, StageProgress, StageResult
from tidegate_schemas.codes import Code
from tidegate_wire.registry.reference import Reference, parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_agent.engines.rpm_ostree.status import Deployment, HostStatus
    from tidegate_agent.model import ImageTarget

_ELSEWHERE: Final = frozenset(
    {
        Code.IMAGE_DIGEST_MISMATCH,
        Code.IMAGE_NOT_FOUND,
        Code.IMAGE_SIGNATURE,
        Code.IMAGE_UNAUTHORIZED,
        Code.IMAGE_UNREACHABLE,
        Code.REFERENCE_INVALID,
    }
)
"""Faults that another reference may not have."""
_RUN: Final = Path("/run/ostree")
_TIMEOUTS: Final = Timeouts()
_SHOWN: Final = 20


class RpmOstreeEngine:
    """Rebases the host to images pinned by digest, with whatever is layered on top.

    Args:
        command: rpm-ostree.
        ostree: ostree.
        systemctl: systemctl, to see whether another update agent is at work.
        image_policy: whether containers-policy.json(5) has to accept an image too, as `ostree-image-signed:`
            asks; without, what the agent verified is enough.
        run: where ostree keeps what is staged.
        timeouts: how long to wait.
    """

    def __init__(
        self,
        command: Sequence[str] = ("rpm-ostree",),
        ostree: Sequence[str] = ("ostree",),
        systemctl: Sequence[str] = ("systemctl",),
        *,
        image_policy: bool = False,
        run: Path = _RUN,
        timeouts: Timeouts = _TIMEOUTS,
    ) -> None:
        rpm_ostree = Tool(command, {"RPMOSTREE_CLIENT_ID": "tidegate-agent"})
        self._client = Client(rpm_ostree, Tool(ostree), run, timeouts)
        self._systemctl = Tool(systemctl)
        self._scheme = (
            "ostree-image-signed:docker://" if image_policy else "ostree-unverified-image:registry:"
        )
        self._fallback = (*command, "rollback")

    def capabilities(self) -> Capabilities:
        """Every change takes a reboot. In a new image nothing is staged: a rollback goes to the old one."""
        return Capabilities(reboots=True, fallback=self._fallback)

    def status(self) -> ImageStatus:
        """See the port. A deployment of an ostree commit has the digest `sha256:` and the commit's checksum.

        Raises:
            EngineError: ENGINE_MISSING, ENGINE_OUTPUT or ENGINE_TIMEOUT.
        """
        status = self._client.status()
        return ImageStatus(
            current=status.booted.digest,
            staged=status.staged.digest if status.staged else None,
            previous=status.previous.digest if status.previous else None,
            rollback_queued=status.queued,
        )

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """See the port. Layers that are here are not fetched again; how many bytes came is nearly right.

        Raises:
            EngineError: ENGINE_BUSY, ENGINE_CONFLICT, ENGINE_TIMEOUT, STAGE_FAILED, or an `image.*` or
                `disk.*` code, as far as the message of rpm-ostree tells.
            Cancelled: soon after `cancelled()`; the layers that are complete stay for the next attempt.
        """
        refuse_rivals(self._systemctl)
        status = self._client.status()
        tell = _Rising(progress)
        if status.staged is not None and status.staged.digest == target.digest:
            tell(StageProgress(0, 0, 0))
            tell(StageProgress(100, 0, 0))
            return StageResult(target.digest, 0, 0, 0)
        if status.staged is None:
            self._start_from_running(status, target)
        fetched = self._rebase(target, tell, cancelled)
        staged = self._client.status().staged
        if staged is None or staged.digest != target.digest:
            found = "nothing" if staged is None else staged.digest
            raise EngineError(
                Code.STAGE_FAILED, f"{target.digest} was to be staged, but {found} is", retryable=True
            )
        if staged.layered:
            names = ", ".join(staged.layered[:_SHOWN])
            logger.info("rpm-ostree keeps on top of {}: {}", target.digest, names)
        return StageResult(target.digest, fetched, 0, 0)

    def activate(self, digest: str) -> Activation:
        """See the port: the lock on what is staged is undone, and a shutdown finalizes it.

        Raises:
            EngineError: ACTIVATE_REFUSED when something else or nothing is staged; ACTIVATE_FAILED.
        """
        status = self._client.status()
        if status.staged is None and status.booted.digest == digest:
            return Activation(reboot_required=False)
        if status.staged is None or status.staged.digest != digest:
            found = status.staged.digest if status.staged else "nothing"
            raise EngineError(Code.ACTIVATE_REFUSED, f"{digest} is not staged: {found} is")
        refuse_rivals(self._systemctl)
        self._client.unlock()
        staged = self._client.status().staged
        if staged is None or staged.digest != digest:
            raise EngineError(
                Code.ACTIVATE_FAILED, f"somebody else replaced {digest} meanwhile", retryable=True
            )
        return Activation(reboot_required=True)

    def rollback(self, digest: str) -> Activation:
        """See the port. What is staged is dropped: rpm-ostree goes back with nothing staged only.

        Raises:
            EngineError: ROLLBACK_FAILED.
        """
        status = self._client.status()
        if status.booted.digest == digest:
            if status.staged is not None and not self._client.is_locked():
                status = self._without_staged(status)
            if status.queued:
                self._put_first(status, status.booted)
            return Activation(reboot_required=False)
        if status.previous is None or status.previous.digest != digest:
            raise EngineError(Code.ROLLBACK_FAILED, f"{digest} is not the previous image")
        if status.staged is not None:
            status = self._without_staged(status)
        if status.previous is None or status.previous.digest != digest:
            raise EngineError(Code.ROLLBACK_FAILED, f"{digest} is not there any more")
        if not status.queued:
            self._put_first(status, status.previous)
        return Activation(reboot_required=True)

    def discard(self) -> None:
        """See the port. Layers of a staging that was interrupted go too.

        Raises:
            EngineError: ENGINE_BUSY, ENGINE_TIMEOUT or STAGE_FAILED.
        """
        self._client.stop_rebase()
        status = self._client.status()
        if status.staged is not None:
            self._without_staged(status)
        else:
            self._client.drop_leftovers()

    def _rebase(self, target: ImageTarget, tell: _Rising, cancelled: Callable[[], bool]) -> int:
        """Rebase to the first reference that has the image."""
        failures: list[EngineError] = []
        for text in target.references:
            try:
                return self._client.rebase(self._pinned(text, target.digest), tell, cancelled)
            except EngineError as error:
                if error.code not in _ELSEWHERE:
                    raise
                failures.append(error)
        if not failures:
            raise EngineError(Code.REFERENCE_INVALID, f"no reference says where {target.digest} is")
        first, reasons = failures[0], "; ".join(failure.reason for failure in failures)
        raise EngineError(first.code, reasons, retryable=first.retryable)

    def _pinned(self, text: str, digest: str) -> str:
        """A reference in ostree's spelling. A tag beside a digest is refused by the library that reads it."""
        reference = parse_reference(text)
        if not isinstance(reference, Reference):
            raise EngineError(Code.REFERENCE_INVALID, f"rpm-ostree fetches from registries, not from {text}")
        return f"{self._scheme}{reference.name}@{digest}"

    def _start_from_running(self, status: HostStatus, target: ImageTarget) -> None:
        """See to it that a rebase starts from the running image.

        It starts from the first entry, running or not: after a fallback of the boot loader that is the image
        that failed, with its layered packages, and a rebase to the same again is refused.
        """
        if status.booted.digest == target.digest:
            raise EngineError(Code.STAGE_FAILED, f"{target.digest} is the image that runs")
        if status.queued:
            self._put_first(status, status.booted)

    def _without_staged(self, status: HostStatus) -> HostStatus:
        """Drop what is staged and nothing else: `cleanup -p` would take along what a rollback has queued."""
        if status.queued and status.staged is not None:
            self._client.drop(status.staged.index)
        else:
            self._client.drop_pending()
        return self._client.status()

    def _put_first(self, status: HostStatus, wanted: Deployment) -> None:
        """Make a deployment the next boot's. `rpm-ostree rollback` only where it has this outcome."""
        if status.toggled is wanted:
            self._client.rollback()
        else:
            self._client.set_first(wanted.index)
        found = self._client.status().first.digest
        if found != wanted.digest:
            reason = f"{wanted.digest} was to be the next boot's image, but {found} is"
            raise EngineError(Code.ROLLBACK_FAILED, reason, retryable=True)


class _Rising:
    """Passes on progress that is progress: with a second reference it would start anew."""

    def __init__(self, progress: Callable[[StageProgress], None]) -> None:
        self._progress = progress
        self._percent = -1

    def __call__(self, step: StageProgress) -> None:
        if step.percent > self._percent:
            self._percent = step.percent
            self._progress(step)
