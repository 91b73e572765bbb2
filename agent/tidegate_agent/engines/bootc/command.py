"""The commands of bootc and ostree that the engine uses, and nothing else of them.

`--apply` is never among them: where the reboot is refused, bootc would wait for ever and hold the sysroot's
lock. The reboot is asked for by the agent itself.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.engines.bootc.features import Features, probe
from tidegate_agent.engines.bootc.status import parse_status
from tidegate_agent.engines.complaints import DISK, IMAGES, Complaints
from tidegate_agent.engines.tool import Tool, never
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate_agent.engines.bootc.progress import PullMeter
    from tidegate_agent.engines.bootc.status import HostStatus
    from tidegate_agent.engines.bootc.values import Programs, Times
    from tidegate_agent.engines.tool import Output

COMPLAINTS: Final = Complaints(
    (Code.ENGINE_CONFLICT, "local rpm-ostree modifications"),
    (Code.ENGINE_BUSY, "resource temporarily unavailable|sysroot is locked"),
    *DISK,
    *IMAGES,
)
"""What bootc's `error: …` means; its exit status is 1 whatever is wrong."""

_STATUS: Final = ("status", "--format=json", "--format-version=1")
_STATUS_ATTEMPTS: Final = 2
_USAGE: Final = 2
"""The exit status for an option that this release does not know."""


class Bootc:
    """bootc and ostree as functions.

    Args:
        programs: where they are.
        times: how long they may take.
    """

    def __init__(self, programs: Programs, times: Times) -> None:
        self._bootc = Tool(programs.bootc, programs.environment)
        self._ostree = Tool(programs.ostree)
        self._times = times
        self._tells_progress = True

    @cached_property
    def features(self) -> Features:
        """What this release can do. Raises as `features.probe`."""
        return probe(self._bootc, self._times.status_s)

    def fallback(self, document: Path) -> tuple[str, ...]:
        """The command that queues the rollback which this document describes: no toggle."""
        return (*self._bootc.command, "edit", "--filename", str(document))

    def status(self, cancelled: Callable[[], bool] = never) -> HostStatus:
        """The host's deployments. It can fail in passing, as after a finalizing that failed: tried twice.

        Raises:
            EngineError: ENGINE_BUSY when the sysroot's lock was not had in time; ENGINE_OUTPUT, or a code
                that its words tell of; ENGINE_MISSING.
            tidegate_wire.registry.source.Cancelled: `cancelled()` turned true.
        """
        for _ in range(_STATUS_ATTEMPTS - 1):
            try:
                return self._status(cancelled)
            except EngineError as error:
                if error.code in (Code.ENGINE_BUSY, Code.ENGINE_MISSING):
                    raise
                logger.debug("bootc status is asked again: {}", error.reason)
        return self._status(cancelled)

    def switch(self, reference: str, meter: PullMeter, cancelled: Callable[[], bool]) -> None:
        """Fetch and stage an image, locked where this release can do that.

        Raises:
            EngineError: ENGINE_TIMEOUT, a code that its words tell of, or STAGE_FAILED.
            tidegate_wire.registry.source.Cancelled: `cancelled()` turned true.
        """
        locked = ("--download-only",) if self.features.switch_locks else ()
        words = ("switch", "--transport", "registry", *locked, reference)
        output = self._pull(words, meter, cancelled)
        self._require(self._bootc, output, words, Code.STAGE_FAILED)

    def lock(self, cancelled: Callable[[], bool]) -> None:
        """Lock what is staged, so that a shutdown does not finalize it. Asks the registry for the manifest.

        Raises:
            EngineError: as `switch`.
            tidegate_wire.registry.source.Cancelled: `cancelled()` turned true.
        """
        words = ("upgrade", "--download-only")
        output = self._bootc.run(*words, timeout_s=self._times.change_s, cancelled=cancelled)
        self._require(self._bootc, output, words, Code.STAGE_FAILED)

    def unlock(self, *, soft: bool) -> None:
        """Let the next shutdown finalize what is staged, or prepare a restart of userspace alone.

        Raises:
            EngineError: ENGINE_TIMEOUT, a code that its words tell of, or ACTIVATE_FAILED.
        """
        # Without --from-downloaded it asks the registry for the pinned digest, and finds it staged.
        offline = ("--from-downloaded",) if self.features.unlocks_offline else ()
        soft_reboot = ("--soft-reboot=auto",) if soft and self.features.soft_reboots else ()
        self._change(self._bootc, ("upgrade", *offline, *soft_reboot), Code.ACTIVATE_FAILED)

    def rollback(self) -> None:
        """Toggle whether the next boot brings the rollback deployment. Drops what is staged.

        Raises:
            EngineError: ENGINE_TIMEOUT, a code that its words tell of, or ROLLBACK_FAILED.
        """
        self._change(self._bootc, ("rollback",), Code.ROLLBACK_FAILED)

    def drop_staged(self) -> None:
        """Drop the staged deployment, which has to be there, and what only it needed.

        Raises:
            EngineError: ENGINE_TIMEOUT, a code that its words tell of, or STAGE_FAILED.
        """
        # The staged deployment is always the first one.
        self._change(self._ostree, ("admin", "undeploy", "0"), Code.STAGE_FAILED)
        try:
            prune = ("container", "image", "prune-images", "--sysroot", "/", "--full")
            self._change(self._ostree, prune, Code.STAGE_FAILED)
        except EngineError as error:
            logger.info("layers that are not needed any more stay until bootc removes them: {}", error.reason)

    def _status(self, cancelled: Callable[[], bool]) -> HostStatus:
        try:
            output = self._bootc.run(*_STATUS, timeout_s=self._times.status_s, cancelled=cancelled)
        except EngineError as error:
            if error.code is not Code.ENGINE_TIMEOUT:
                raise
            reason = f"{error.reason}; somebody seems to hold the sysroot's lock"
            raise EngineError(Code.ENGINE_BUSY, reason, retryable=True) from error
        self._require(self._bootc, output, _STATUS, Code.ENGINE_OUTPUT)
        return parse_status(self._bootc.parse_json(output, *_STATUS))

    def _pull(self, words: tuple[str, ...], meter: PullMeter, cancelled: Callable[[], bool]) -> Output:
        if self._tells_progress:
            output = self._bootc.watch(
                *(words[0], "--progress-fd", "{fd}", *words[1:]),
                on_line=meter.line,
                progress_fd=True,
                stall_s=self._times.stall_s,
                timeout_s=self._times.stage_s,
                cancelled=cancelled,
            )
            # The option is in no release's --help, so only trying tells.
            if output.status != _USAGE or "--progress-fd" not in output.stderr:
                return output
            self._tells_progress = False
        return self._bootc.run(*words, timeout_s=self._times.stage_s, cancelled=cancelled)

    def _change(self, tool: Tool, words: tuple[str, ...], code: Code) -> None:
        self._require(tool, tool.run(*words, timeout_s=self._times.change_s), words, code)

    @staticmethod
    def _require(tool: Tool, output: Output, words: tuple[str, ...], code: Code) -> None:
        if output.status == 0:
            return
        otherwise = Code.ENGINE_OUTPUT if output.status == _USAGE else code
        raise COMPLAINTS.error(output.stderr, tool.failure(output, *words), otherwise)
