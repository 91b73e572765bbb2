"""The slow work of one follow, done on a worker thread: stage, activate, prove, roll back.

Each operation ends in exactly one event for the machine (none when staging was cancelled); whatever an
adapter raises becomes a failure with a code, never an end of the daemon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.errors import EngineError
from tidegate_agent.model import Activation, Failure, ImageTarget
from tidegate_agent.plaintext import harmless
from tidegate_agent.update.events import (
    Activated,
    ActivateFailed,
    Event,
    Progressed,
    Proved,
    RollbackFailed,
    RolledBack,
    StageDone,
    StageFailed,
)
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.model import StageProgress
    from tidegate_agent.ports import HealthCheck, Host, ImageEngine, ImageSignatures
    from tidegate_agent.update.states import Target
    from tidegate_agent.warrant import Warrant

RETRYABLE: Final = frozenset(
    {
        Code.DISK_IO,
        Code.IMAGE_UNREACHABLE,
        Code.IMAGE_UNSIGNED,
        Code.STAGE_FAILED,
        Code.TRUST_ROOT_MISSING,
        Code.VERIFY_FAILED,
    }
)
"""Failures to stage that time alone may cure: also a signature that comes later than the announcement."""

TELL_EVERY: Final = 25
"""Percent between two reports of progress."""


class Operations:
    """What one follow's engine and health checks can be asked; each call blocks until it is done."""

    def __init__(
        self,
        engine: ImageEngine,
        signatures: ImageSignatures,
        warrant: Warrant,
        health: HealthCheck,
        host: Host,
        arch: str,
    ) -> None:
        self.engine = engine
        self._signatures = signatures
        self._warrant = warrant
        self._health = health
        self._host = host
        self._arch = arch

    def stage(
        self, target: Target, tell: Callable[[Event], None], cancelled: Callable[[], bool]
    ) -> Event | None:
        """Stage a target that is signed as policy asks (step 8), telling progress at every quarter.

        None when it was cancelled.
        """
        asked = ImageTarget(target.digest, target.references, self._arch)
        try:
            self._signatures.require(asked, cancelled)
            result = self.engine.stage(asked, _quarters(target.digest, tell), cancelled)
        except Cancelled:
            return None
        except Exception as error:  # noqa: BLE001 - an engine's fault must end in an event, whatever it is
            failure = failure_of(error, Code.STAGE_FAILED)
            retryable = failure.code in RETRYABLE or (isinstance(error, EngineError) and error.retryable)
            return StageFailed(target.digest, failure, retryable)
        return StageDone(target.digest, result.digest, result.bytes_fetched)

    def activate(self, digest: str) -> Event:
        """Activate what is staged, if it is what was verified (step 9) and its statement still holds."""
        try:
            status = self.engine.status()
            if digest not in (status.staged, status.current):
                reason = f"{status.staged or 'nothing'} is staged where {digest} was verified"
                return ActivateFailed(Failure(Code.IMAGE_DIGEST_MISMATCH, reason))
            if digest != status.current:
                self._warrant.require(digest)
            return _activated(self.engine.activate(digest))
        except Exception as error:  # noqa: BLE001 - as above
            return ActivateFailed(failure_of(error, Code.ACTIVATE_FAILED))

    def rollback(self, digest: str) -> Event:
        """Return to an earlier image."""
        try:
            return RolledBack(self.engine.rollback(digest).reboot_required)
        except Exception as error:  # noqa: BLE001 - as above
            return RollbackFailed(failure_of(error, Code.ROLLBACK_FAILED))

    def discard(self) -> None:
        """Drop what is staged. A failure costs disk space until the next staging, no more."""
        try:
            self.engine.discard()
        except Exception as error:  # noqa: BLE001 - as above
            logger.warning(
                "what is staged could not be discarded: {}", failure_of(error, Code.DISK_IO).reason
            )

    def prove(self) -> Event:
        """One round of health checks."""
        return Proved(self._health.run())

    def reboot(self, reason: str) -> Event | None:
        """Ask for the reboot. None when it was accepted: the next word is the next start's."""
        try:
            self._host.reboot(reason)
        except Exception as error:  # noqa: BLE001 - as above
            return ActivateFailed(failure_of(error, Code.ACTIVATE_REFUSED))
        return None


def failure_of(error: Exception, otherwise: Code) -> Failure:
    """What to report of an exception: its own code, or `otherwise` with a trace in the log."""
    if isinstance(error, TidegateError):
        return Failure(error.code, harmless(error.reason))
    logger.opt(exception=error).error("[{}] unexpected: {}", Code.INTERNAL_ERROR, error)
    return Failure(otherwise, harmless(f"{type(error).__name__}: {error}"[:1000]))


def _activated(activation: Activation) -> Event:
    return Activated(activation.reboot_required)


def _quarters(digest: str, tell: Callable[[Event], None]) -> Callable[[StageProgress], None]:
    told = 0

    def progress(at: StageProgress) -> None:
        nonlocal told
        step = at.percent - at.percent % TELL_EVERY
        if told < step < 100:  # noqa: PLR2004 - the last quarter is told by StageDone
            told = step
            tell(Progressed(digest, step, at.bytes_fetched))

    return progress
