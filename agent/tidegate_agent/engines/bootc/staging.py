"""Staging: fetching by digest, deploying, locking; and dropping what was staged."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent.engines.bootc.credentials import Credentials
from tidegate_agent.engines.bootc.notes import Note
from tidegate_agent.engines.bootc.progress import PullMeter
from tidegate_agent.engines.bootc.readiness import require_changeable, require_lock
from tidegate_agent.engines.complaints import ELSEWHERE
from tidegate_agent.engines.finalizing import last_failure
from tidegate_agent.engines.rivals import refuse_rivals
from tidegate_agent.engines.tool import Tool, never
from tidegate_agent.errors import EngineError
from tidegate_agent.model import StageResult
from tidegate_schemas.codes import Code
from tidegate_wire.registry.reference import Reference, parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate_agent.engines.bootc.command import Bootc
    from tidegate_agent.engines.bootc.notes import Notes
    from tidegate_agent.engines.bootc.status import HostStatus
    from tidegate_agent.engines.bootc.values import Places, Programs, Wishes
    from tidegate_agent.model import ImageTarget, StageProgress

_ELSEWHERE: Final = ELSEWHERE | {Code.ENGINE_TIMEOUT}


class Staging:
    """Stages images, one at a time: its caller holds the turn.

    Args:
        bootc: the commands.
        notes: what was staged before.
        places: directories.
        programs: of which systemctl is needed here.
        wishes: what the host's owner decides.
    """

    def __init__(
        self, bootc: Bootc, notes: Notes, places: Places, programs: Programs, wishes: Wishes
    ) -> None:
        self._bootc = bootc
        self._notes = notes
        self._places = places
        self._wishes = wishes
        self._systemctl = Tool(programs.systemctl)
        self._credentials = Credentials(wishes.auth_file, places.etc, places.run)

    def host(self, cancelled: Callable[[], bool] = never) -> HostStatus:
        """The host's deployments.

        Raises:
            EngineError: ENGINE_MISSING where there is no booted one, or as `Bootc.status`.
        """
        try:
            host = self._bootc.status(cancelled)
        except EngineError as error:
            # A finalizing that failed, or the full disk that made it fail, can break the status too.
            if (why := last_failure(self._places.boot)) is None:
                raise
            raise EngineError(error.code, f"{error.reason}; {why}", retryable=error.retryable) from error
        if host.booted is None:
            raise EngineError(
                Code.ENGINE_MISSING,
                "this host was not booted by bootc: its status shows no booted deployment",
            )
        return host

    def run(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """Stage and lock. Raises as the port's `stage`."""
        refuse_rivals(self._systemctl)
        if (reason := last_failure(self._places.boot)) is not None:
            logger.warning("{}", reason)
        host = self.host(cancelled)
        meter = PullMeter(progress)
        meter.begin()
        if self._notes.announced(host.booted) == target.digest:
            self.drop(host)
        else:
            self._require_ready(host)
            with self._nothing_unlocked_left(target.digest):
                if host.staged is None or host.staged.pin != target.digest:
                    self._fetch(target, meter, cancelled)
                self._settle(target.digest, cancelled)
        meter.done()
        return StageResult(target.digest, meter.bytes_fetched, files_new=0, files_reused=0)

    def drop(self, host: HostStatus) -> None:
        """Drop what is staged. A no-op when nothing is.

        Raises:
            EngineError: STAGE_FAILED, or as `host`.
        """
        if host.staged is None:
            return
        self._bootc.drop_staged()
        if self.host().staged is not None:
            raise EngineError(
                Code.STAGE_FAILED, "what is staged was to be dropped and is still there", retryable=True
            )

    def require_noted(self, host: HostStatus, digest: str) -> None:
        """Refuse what is staged under a digest's name and is not the manifest that was staged for it.

        Raises:
            EngineError: IMAGE_DIGEST_MISMATCH.
        """
        found = host.staged.image.manifest if host.staged and host.staged.image else None
        if (noted := self._notes.manifest(digest)) not in (None, found):
            raise EngineError(
                Code.IMAGE_DIGEST_MISMATCH, f"{found} is staged as {digest}, which was {noted} before"
            )

    def _require_ready(self, host: HostStatus) -> None:
        """Refuse to begin what cannot end well."""
        require_changeable(host)
        require_lock(self._bootc.features, self._wishes)
        self._wishes.reserve.require(self._places.boot, self._places.store, Code.STAGE_FAILED)
        self._credentials.provide()

    def _fetch(self, target: ImageTarget, meter: PullMeter, cancelled: Callable[[], bool]) -> None:
        """Try the image's places in their order."""
        failures: list[EngineError] = []
        for reference in _pinned(target):
            try:
                self._bootc.switch(reference, meter, cancelled)
            except EngineError as error:
                if error.code not in _ELSEWHERE:
                    raise
                logger.info("{} cannot be had: {}", reference, error.reason)
                failures.append(error)
            else:
                return
        raise next((error for error in failures if error.retryable), failures[0])

    def _settle(self, digest: str, cancelled: Callable[[], bool]) -> None:
        """See to it that this is what is staged, that it is locked, and that it is noted."""
        host = self.host(cancelled)
        if host.staged is not None and not host.staged.locked and self._bootc.features.upgrade_locks:
            self._bootc.lock(cancelled)
            host = self.host(cancelled)
        staged = host.staged
        if staged is None or staged.image is None or staged.pin != digest:
            found = self._notes.announced(staged) or "nothing"
            raise EngineError(Code.STAGE_FAILED, f"{digest} was to be staged, but {found} is")
        if not staged.locked and not self._wishes.unlocked:
            reason = f"{digest} is staged, but not locked: any reboot would bring it"
            raise EngineError(Code.STAGE_FAILED, reason, retryable=True)
        self.require_noted(host, digest)
        self._notes.add(Note(digest, staged.image.reference, staged.image.manifest))

    @contextmanager
    def _nothing_unlocked_left(self, digest: str) -> Iterator[None]:
        """Whatever goes wrong, no reboot brings what was not staged to its end."""
        try:
            yield
        except BaseException:
            try:
                host = self.host()
                if host.staged and not host.staged.locked and host.staged.pin == digest:
                    self.drop(host)
            except EngineError as error:
                logger.warning("what a failed staging left could not be looked at: {}", error.reason)
            raise


def _pinned(target: ImageTarget) -> list[str]:
    """The image's places in registries, each pinned to the digest; bootc can pin no other kind.

    Raises:
        TidegateError: REFERENCE_INVALID; IMAGE_UNSUPPORTED when none is in a registry.
    """
    parsed = [parse_reference(reference) for reference in target.references]
    # Without a tag, which older releases do not take beside a digest.
    pinned = [f"{one.name}@{target.digest}" for one in parsed if isinstance(one, Reference)]
    if not pinned:
        raise EngineError(
            Code.IMAGE_UNSUPPORTED,
            f"bootc can pin only images in registries to a digest, and not {', '.join(target.references)}",
        )
    return pinned
