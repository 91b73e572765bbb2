"""The bootc engine: the port ImageEngine over `bootc`, on hosts that were booted from a container image.

What is fetched is pinned by the digest that was verified, and is staged for download only: no shutdown brings
it before it was activated. Every step looks at the host's truth first and asks for it again afterwards, so
each call can be repeated, also by an agent that knows nothing of the first.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tidegate_agent.engines.bootc.command import Bootc
from tidegate_agent.engines.bootc.fallback import write_fallback
from tidegate_agent.engines.bootc.notes import Notes
from tidegate_agent.engines.bootc.staging import Staging
from tidegate_agent.engines.bootc.turns import turn
from tidegate_agent.engines.bootc.values import Places, Programs, Times, Wishes
from tidegate_agent.engines.finalizing import last_failure
from tidegate_agent.errors import EngineError
from tidegate_agent.model import Activation, Capabilities, ImageStatus
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate_agent.engines.bootc.status import HostStatus
    from tidegate_agent.model import ImageTarget, StageProgress, StageResult

_NO_REBOOT: Final = Activation(reboot_required=False)
_PROGRAMS: Final = Programs()
_TIMES: Final = Times()
_WISHES: Final = Wishes()


class BootcEngine:
    """Drives bootc. Needs root, as bootc does.

    Args:
        places: directories.
        programs: the programs it runs.
        times: how long they may take.
        wishes: what the host's owner decides.
    """

    def __init__(
        self,
        places: Places,
        programs: Programs = _PROGRAMS,
        times: Times = _TIMES,
        wishes: Wishes = _WISHES,
    ) -> None:
        self._places = places
        self._wishes = wishes
        self._bootc = Bootc(programs, times)
        self._notes = Notes(places.state / "bootc-images.json")
        self._fallback = places.state / "bootc-fallback.json"
        self._staging = Staging(self._bootc, self._notes, places, programs, wishes)

    def capabilities(self) -> Capabilities:
        """See the port. The fallback is declared, not toggled: running it twice is running it once."""
        return Capabilities(
            reboots=True,
            soft_reboot=self._wishes.soft_reboot,
            fallback=self._bootc.fallback(self._fallback),
        )

    def status(self) -> ImageStatus:
        """See the port.

        Raises:
            EngineError: ENGINE_BUSY when somebody holds the sysroot's lock, ENGINE_MISSING where the host was
                not booted by bootc, ENGINE_OUTPUT.
        """
        host = self._host()
        return ImageStatus(
            current=self._notes.announced(host.booted),
            staged=self._notes.announced(host.staged),
            previous=self._notes.announced(host.rollback),
            rollback_queued=host.rollback_queued,
            fault=last_failure(self._places.boot),
        )

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """See the port. The image that runs is not staged again; what is staged is dropped then.

        Raises:
            Cancelled: soon after `cancelled()`; layers that were fetched stay for the next attempt.
            EngineError: ENGINE_CONFLICT beside another update agent; an `image.*`, `disk.*` or `engine.*`
                code, or STAGE_FAILED.
        """
        with self._turn(Code.STAGE_FAILED):
            return self._staging.run(target, progress, cancelled)

    def activate(self, digest: str) -> Activation:
        """See the port: what is staged is unlocked, so that the reboot to come brings it.

        Raises:
            EngineError: ACTIVATE_REFUSED when something else or nothing is staged; IMAGE_DIGEST_MISMATCH when
                it is not what was staged; DISK_FULL; ACTIVATE_FAILED.
        """
        with self._turn(Code.ACTIVATE_FAILED):
            host = self._host()
            # What was staged by a tag is not ours, even if it is the same image today.
            if host.staged is None or host.staged.pin != digest:
                if self._notes.announced(host.booted) == digest:
                    return self._stay(host)
                found = self._notes.announced(host.staged) or "nothing"
                raise EngineError(Code.ACTIVATE_REFUSED, f"{digest} is not staged: {found} is")
            self._staging.require_noted(host, digest)
            self._wishes.reserve.require(self._places.boot, self._places.store, Code.ACTIVATE_FAILED)
            write_fallback(self._fallback, host)
            return self._unlock(digest, host)

    def rollback(self, digest: str) -> Activation:
        """See the port. bootc's own command is a toggle and drops what is staged: it is used where it helps.

        Raises:
            EngineError: ROLLBACK_FAILED when that is not the previous image, or bootc fails.
        """
        with self._turn(Code.ROLLBACK_FAILED):
            host = self._host()
            if self._notes.announced(host.booted) == digest:
                return self._stay(host)
            if self._notes.announced(host.rollback) != digest:
                raise EngineError(Code.ROLLBACK_FAILED, f"{digest} is not the previous image")
            self._drop_unlocked(host)
            self._queue(wanted=True)
            return Activation(reboot_required=True)

    def discard(self) -> None:
        """See the port.

        Raises:
            EngineError: STAGE_FAILED, or as `status`.
        """
        with self._turn(Code.STAGE_FAILED):
            self._staging.drop(self._host())

    def _host(self) -> HostStatus:
        return self._staging.host()

    def _stay(self, host: HostStatus) -> Activation:
        """What runs is what the next boot brings, whatever was to come before."""
        self._drop_unlocked(host)
        self._queue(wanted=False)
        return _NO_REBOOT

    def _drop_unlocked(self, host: HostStatus) -> None:
        """Drop what the next boot would bring. What is locked comes by no boot, and costs nothing."""
        if host.staged is not None and not host.staged.locked:
            self._staging.drop(host)

    def _queue(self, *, wanted: bool) -> None:
        """Have the rollback queued or not. Looked at anew each time: the command only toggles."""
        if self._host().rollback_queued == wanted:
            return
        self._bootc.rollback()
        if self._host().rollback_queued != wanted:
            what = "queue the previous image" if wanted else "keep the running image"
            raise EngineError(Code.ROLLBACK_FAILED, f"bootc rollback did not {what} for the next boot")

    def _unlock(self, digest: str, host: HostStatus) -> Activation:
        staged = host.staged
        if staged is not None and (staged.locked or self._wishes.soft_reboot):
            self._bootc.unlock(soft=self._wishes.soft_reboot)
            staged = (after := self._host()).staged
            if staged is None or staged.locked or staged.pin != digest:
                self._drop_unlocked(after)
                raise EngineError(
                    Code.ACTIVATE_FAILED,
                    f"bootc was to let the next boot bring {digest}, but its status says otherwise",
                    retryable=True,
                )
        soft = self._wishes.soft_reboot and staged is not None and staged.soft_rebootable
        return Activation(reboot_required=True, soft=soft)

    @contextmanager
    def _turn(self, code: Code) -> Iterator[None]:
        with turn(self._places.state / "bootc.lock", code):
            yield
