"""The commands of rpm-ostree and ostree that the engine runs, each with its time, and what their errors mean.

The client only asks rpm-ostree's daemon over D-Bus and shows what it says. To end the client does not end
the daemon's work: for that there is `rpm-ostree cancel`. A client that asks for the same thing joins what is
under way; anything else is refused with "Transaction in progress".
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tidegate_agent.engines.complaints import DISK, IMAGES, Complaints
from tidegate_agent.engines.rpm_ostree.importing import Importing
from tidegate_agent.engines.rpm_ostree.status import HostStatus, parse_status
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate_agent.engines.rpm_ostree.values import Timeouts
    from tidegate_agent.engines.tool import Output, Tool
    from tidegate_agent.model import StageProgress

COMPLAINTS: Final = Complaints(
    (Code.ENGINE_BUSY, "transaction in progress|reboot initiated"),
    (Code.ENGINE_CONFLICT, "updates and deployments are driven by"),
    (Code.ENGINE_TIMEOUT, "failed to activate service|could not activate remote peer|startservicebyname"),
    (Code.ENGINE_TIMEOUT, "namehasnoowner|timeout was reached|bus owner changed|noreply"),
    *DISK,
    (Code.IMAGE_SIGNATURE, "insecureacceptanything"),
    *IMAGES,
)
"""What rpm-ostree's `error: …` means; its exit status is 1 whatever is wrong."""

_ATTEMPTS: Final = 3
_STATUS_BYTES: Final = 16 * 2**20
"""Every deployment of a container image carries its manifest and configuration."""
_UNKNOWN: Final = 'Unknown "admin" subcommand'


class Client:
    """Runs them. Nothing is kept between two calls.

    Args:
        rpm_ostree: the program.
        ostree: the program `ostree`, for what rpm-ostree has no command for.
        run: the folder in which ostree keeps what is staged, `/run/ostree`.
        timeouts: how long to wait.
    """

    def __init__(self, rpm_ostree: Tool, ostree: Tool, run: Path, timeouts: Timeouts) -> None:
        self._rpm_ostree = rpm_ostree
        self._ostree = ostree
        self._lock_file = run / "staged-deployment-locked"
        self._timeouts = timeouts

    def status(self) -> HostStatus:
        """All deployments. It neither waits for a transaction nor disturbs one.

        Raises:
            EngineError: ENGINE_MISSING, ENGINE_OUTPUT, or ENGINE_TIMEOUT.
        """
        answer = self._timeouts.answer_s
        output = self._patiently(
            lambda: self._rpm_ostree.run("status", "--json", timeout_s=answer, output_bytes=_STATUS_BYTES)
        )
        if output.status != 0:
            raise self._error(self._rpm_ostree, output, Code.ENGINE_OUTPUT, "status", "--json")
        try:
            document: object = json.loads(output.stdout)
        except (ValueError, RecursionError) as error:
            reason = f"`{self._rpm_ostree.words('status', '--json')}` printed something that is not JSON"
            raise EngineError(Code.ENGINE_OUTPUT, reason, retryable=True) from error
        return parse_status(document)

    def rebase(
        self, reference: str, progress: Callable[[StageProgress], None], cancelled: Callable[[], bool]
    ) -> int:
        """Fetch an image and stage it with its finalization locked; about how many bytes came for it.

        When it is not wanted any more, or stands still, the daemon is told to stop.

        Raises:
            EngineError: what became of it; see `COMPLAINTS`.
            Cancelled: soon after `cancelled()` turned true.
        """
        arguments = ("rebase", "--lock-finalization", reference)
        importing = Importing(progress, cancelled, self._timeouts.answer_s)
        try:
            output = self._rpm_ostree.watch(
                *arguments,
                on_line=importing.on_line,
                progress_fd=False,
                stall_s=self._timeouts.stall_s,
                timeout_s=self._timeouts.stage_s,
                cancelled=importing.unwanted,
            )
        except (Cancelled, EngineError):
            self.stop_rebase()
            raise
        if output.status != 0:
            raise self._error(self._rpm_ostree, output, Code.STAGE_FAILED, *arguments)
        importing.done()
        return importing.fetched

    def stop_rebase(self) -> None:
        """Tell the daemon to stop a rebase, where one is under way. Nothing comes of it when that fails."""
        with suppress(EngineError):
            if self.status().transaction == "Rebase":
                self._rpm_ostree.run("cancel", timeout_s=self._timeouts.answer_s)

    def rollback(self) -> None:
        """Change the first entry: see `HostStatus.toggled` for what it will be. Raises EngineError."""
        self._change(self._rpm_ostree, "rollback", code=Code.ROLLBACK_FAILED)

    def set_first(self, index: int) -> None:
        """Put the deployment with this index first. Needs ostree 2023.7. Raises EngineError."""
        self._change(self._ostree, "admin", "set-default", f"{index}", code=Code.ROLLBACK_FAILED)

    def drop_pending(self) -> None:
        """Remove everything before the running one, and what only that needed. Raises EngineError."""
        self._change(self._rpm_ostree, "cleanup", "-p", code=Code.STAGE_FAILED)

    def drop(self, index: int) -> None:
        """Remove the deployment with this index. Raises EngineError."""
        self._change(self._ostree, "admin", "undeploy", f"{index}", code=Code.STAGE_FAILED)

    def drop_leftovers(self) -> None:
        """Remove what interrupted transactions left. Raises EngineError."""
        self._change(self._rpm_ostree, "cleanup", "-b", code=Code.STAGE_FAILED)

    def unlock(self) -> None:
        """Let what is staged take its turn at the next shutdown. A no-op when it is not locked.

        Releases of ostree before 2023.8 have no command for it: there the lock is a file and nothing else.

        Raises:
            EngineError: ACTIVATE_FAILED, or that ostree is missing or slow.
        """
        arguments = ("admin", "lock-finalization", "--unlock")
        output = self._ostree.run(*arguments, timeout_s=self._timeouts.answer_s)
        if output.status != 0 and _UNKNOWN not in output.stderr:
            raise self._error(self._ostree, output, Code.ACTIVATE_FAILED, *arguments)
        try:
            self._lock_file.unlink(missing_ok=True)
        except OSError as error:
            reason = f"{self._lock_file} cannot be removed: {error.strerror}"
            raise EngineError(Code.ACTIVATE_FAILED, reason, retryable=True) from error

    def is_locked(self) -> bool:
        """Whether it is known that what is staged stays so at shutdown. Newer releases do not tell.

        `finalization-locked` in the status is no help: it is what the daemon read before somebody unlocked.
        """
        return self._lock_file.exists()

    def _change(self, tool: Tool, *arguments: str, code: Code) -> None:
        output = self._patiently(lambda: tool.run(*arguments, timeout_s=self._timeouts.stall_s))
        if output.status != 0:
            raise self._error(tool, output, code, *arguments)

    def _patiently(self, run: Callable[[], Output]) -> Output:
        """Run it again where the daemon did not start in time: D-Bus waits 25 s, a slow host needs more."""
        output = run()
        for _ in range(1, _ATTEMPTS):
            slow = (
                output.status != 0
                and COMPLAINTS.code(output.stderr, Code.STAGE_FAILED) is Code.ENGINE_TIMEOUT
            )
            if not slow:
                break
            threading.Event().wait(self._timeouts.pause_s)
            output = run()
        return output

    def _error(self, tool: Tool, output: Output, otherwise: Code, *arguments: str) -> EngineError:
        return COMPLAINTS.error(output.stderr, tool.failure(output, *arguments), otherwise)
