"""The slow work of one follow, done on a worker thread: stage, activate, prove, roll back.

Each operation ends in exactly one event for the machine (none when staging was cancelled); whatever an
adapter raises becomes a failure with a code, never an end of the daemon.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.downloads import Account, Tally
from tidegate_agent.errors import EngineError
from tidegate_agent.model import CheckResult, Failure, Health, ImageTarget
from tidegate_agent.plaintext import harmless
from tidegate_agent.ports import BootGuard, HealthCheck, Host, ImageEngine, ImageSignatures
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
from tidegate_agent.warrant import Warrant
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.pauses import Pauses
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from tidegate_agent.model import ImageStatus, StageProgress, StageResult
    from tidegate_agent.update.states import Target

RETRYABLE: Final = frozenset(
    {
        Code.DISK_IO,
        Code.ENGINE_BUSY,
        Code.ENGINE_CONFLICT,
        Code.ENGINE_OUTPUT,
        Code.ENGINE_TIMEOUT,
        Code.IMAGE_UNREACHABLE,
        Code.IMAGE_UNSIGNED,
        Code.STAGE_FAILED,
        Code.TRUST_ROOT_MISSING,
        Code.VERIFY_FAILED,
    }
)
"""Failures that time, or a person, may cure: also a signature that comes later than the announcement."""

TELL_EVERY: Final = 25
"""Percent between two reports of progress."""


def _nowhere(_: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Operations:
    """What one follow's engine and health checks can be asked; each call blocks until it is done.

    `at_hand` tells where on this host an image can be had, by its digest: there it is looked for first. What
    comes over the network is put on the `account`, if there is one; `by_tool` is whether the engine's own
    tool fetches it. `pauses` are those of whatever fetches.
    """

    engine: ImageEngine
    signatures: ImageSignatures
    warrant: Warrant
    health: HealthCheck
    host: Host
    guard: BootGuard
    arch: str
    at_hand: Callable[[str], tuple[str, ...]] = _nowhere
    account: Account | None = None
    by_tool: bool = False
    pauses: Pauses = field(default_factory=Pauses)

    def look(self) -> ImageStatus | Failure:
        """The engine's truth, or why it cannot be had."""
        try:
            return self.engine.status()
        except Exception as error:  # noqa: BLE001 - an engine's fault must end in words, whatever it is
            return failure_of(error, Code.ENGINE_OUTPUT)

    def stage(
        self, target: Target, tell: Callable[[Event], None], cancelled: Callable[[], bool]
    ) -> Event | None:
        """Stage a target that is signed as policy asks (step 8), telling progress at every quarter.

        None when it was cancelled.
        """
        try:
            references = (*self.at_hand(target.digest), *target.references)
            asked = ImageTarget(target.digest, references, self.arch)
            with self.pauses.unless(cancelled):
                self.signatures.require(asked, cancelled)
                result = self._fetch(asked, _quarters(target.digest, tell), cancelled)
        except Cancelled:
            return None
        except Exception as error:  # noqa: BLE001 - as above, in an event
            failure = failure_of(error, Code.STAGE_FAILED)
            return StageFailed(target.digest, failure, _may_pass(failure, error))
        return StageDone(target.digest, result.digest, result.bytes_fetched)

    def _fetch(
        self,
        asked: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """Stage, with what comes put on the account."""
        if self.account is None:
            return self.engine.stage(asked, progress, cancelled)
        tally = Tally(self.account, asked.digest, by_tool=self.by_tool, tell=progress)
        try:
            result = self.engine.stage(asked, tally, cancelled)
            tally.fetched(result.bytes_fetched)
            return result
        finally:
            self.account.settle()

    def activate(self, digest: str) -> Event:
        """Activate what is staged, if it is what was verified (step 9) and its statement still holds."""
        try:
            status = self.engine.status()
            if digest not in (status.staged, status.current):
                reason = f"{status.staged or 'nothing'} is staged where {digest} was verified"
                return ActivateFailed(Failure(Code.IMAGE_DIGEST_MISMATCH, reason))
            if digest != status.current:
                self.warrant.require(digest)
            activation = self.engine.activate(digest)
            if activation.reboot_required:
                # Armed last: in the old image the guard would have nothing to go back from.
                self.guard.arm(digest, self.engine.capabilities().fallback)
        except Exception as error:  # noqa: BLE001 - as above
            failure = failure_of(error, Code.ACTIVATE_FAILED)
            # An image whose switch fails is at fault until shown otherwise; a busy tool is not the image.
            return ActivateFailed(failure, failure.code in RETRYABLE, self._runs(digest))
        return Activated(activation.reboot_required, activation.soft)

    def _runs(self, digest: str) -> bool:
        """Whether that image runs, as far as can be told."""
        image = self.look()
        return not isinstance(image, Failure) and image.current == digest

    def rollback(self, digest: str) -> Event:
        """Return to an earlier image."""
        try:
            activation = self.engine.rollback(digest)
        except Exception as error:  # noqa: BLE001 - as above
            failure = failure_of(error, Code.ROLLBACK_FAILED)
            return RollbackFailed(failure, _may_pass(failure, error))
        return RolledBack(activation.reboot_required, activation.soft)

    def discard(self) -> bool:
        """Drop what is staged; whether that worked. What was activated would come up at some later boot."""
        try:
            self.engine.discard()
        except Exception as error:  # noqa: BLE001 - as above
            _logged("what is staged could not be discarded", error)
            return False
        return True

    def disarm(self) -> None:
        """Stand the boot guard down. One that cannot be is tried again at the next start."""
        try:
            self.guard.disarm()
        except Exception as error:  # noqa: BLE001 - as above
            _logged("the boot guard could not be stood down", error)

    def guard_fired(self) -> Failure | None:
        """Why the boot guard went back since it was armed; None when it did not, or does not say."""
        try:
            return self.guard.fired()
        except Exception as error:  # noqa: BLE001 - as above
            _logged("the boot guard does not say whether it went off", error)
            return None

    def prove(self) -> Proved:
        """One round of health checks. Nothing is well that the boot guard has decided to leave."""
        health = self.health.run()
        if health.ok and (left := self._left()) is not None:
            late = CheckResult("boot guard", passed=False, required=True, output=left.reason)
            health = Health((*health.checks, late))
        return Proved(health)

    def _left(self) -> Failure | None:
        """Why the guard leaves the running image, or may yet, as one does that cannot be stood down."""
        try:
            # Stood down first: after that it decides nothing more.
            self.guard.disarm()
            return self.guard.fired()
        except Exception as error:  # noqa: BLE001 - as above
            return failure_of(error, Code.ACTIVATE_FAILED)

    def reboot(self, reason: str, *, soft: bool = False) -> Event | None:
        """Ask for the reboot. None when it was accepted: the next word is the next start's."""
        try:
            self.host.reboot(reason, soft=soft)
        except Exception as error:  # noqa: BLE001 - as above
            failure = failure_of(error, Code.ACTIVATE_REFUSED)
            return ActivateFailed(failure, _may_pass(failure, error))
        return None


def _may_pass(failure: Failure, error: Exception) -> bool:
    return failure.code in RETRYABLE or (isinstance(error, EngineError) and error.retryable)


def _logged(what: str, error: Exception) -> None:
    logger.warning("{}: {}", what, failure_of(error, Code.DISK_IO).reason)


def failure_of(error: Exception, otherwise: Code) -> Failure:
    """What to report of an exception: its own code, or `otherwise` with a trace in the log."""
    if isinstance(error, TidegateError):
        return Failure(error.code, harmless(error.reason))
    logger.opt(exception=error).error("[{}] unexpected: {}", Code.INTERNAL_ERROR, error)
    return Failure(otherwise, harmless(f"{type(error).__name__}: {error}"[:1000]))


def _quarters(digest: str, tell: Callable[[Event], None]) -> Callable[[StageProgress], None]:
    told = 0

    def progress(at: StageProgress) -> None:
        nonlocal told
        step = at.percent - at.percent % TELL_EVERY
        if told < step < 100:  # noqa: PLR2004 - the last quarter is told by StageDone
            told = step
            tell(Progressed(digest, step, at.bytes_fetched))

    return progress
