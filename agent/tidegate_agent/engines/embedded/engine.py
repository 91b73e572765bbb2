"""The embedded engine: the port ImageEngine over a store of generations.

Activation is a rename, so no reboot is needed; a hook command makes the running application the new one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent.engines.embedded.integrity import Damage, find_damage, mismatch
from tidegate_agent.engines.embedded.staging import Staging
from tidegate_agent.engines.embedded.store import Store
from tidegate_agent.engines.embedded.switch import Switch
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.images.meter import Meter
from tidegate_agent.engines.images.pull import Puller
from tidegate_agent.engines.images.space import disk_errors
from tidegate_agent.errors import EngineError
from tidegate_agent.model import Activation, Capabilities, ImageStatus, StageResult
from tidegate_schemas.codes import Code
from tidegate_wire.registry.digest import hex_of
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tidegate_agent.model import ImageTarget, StageProgress
    from tidegate_wire.registry.source import ImageSource

_HOOK_SECONDS = 90.0
_IN_PLACE = Activation(reboot_required=False)
_NO_LIMITS = Limits()


class EmbeddedEngine:
    """Stages images as trees of hard links below `root`, and switches between them by one rename.

    Args:
        root: the store; made when it is first written to. One file system, with hard links.
        open_source: opens a reference, see `tidegate_wire.registry.opening.open_source`.
        on_switch: command run after each switch, with TIDEGATE_DIGEST and TIDEGATE_ROOTFS in its environment.
        limits: what an image may cost.
        hook_timeout: seconds for `on_switch`.
    """

    def __init__(
        self,
        root: Path,
        open_source: Callable[[str], ImageSource],
        on_switch: tuple[str, ...] = (),
        limits: Limits = _NO_LIMITS,
        hook_timeout: float = _HOOK_SECONDS,
    ) -> None:
        self._store = Store(root)
        self._open_source = open_source
        self._switch = Switch(self._store, on_switch, hook_timeout, limits)
        self._limits = limits

    def capabilities(self) -> Capabilities:
        """Nothing here needs a reboot."""
        return Capabilities(reboots=False)

    def status(self) -> ImageStatus:
        """The announced digests of the three generations."""
        pointers = self._store.generations.read()
        return ImageStatus(
            current=self._announced(pointers.current),
            staged=self._announced(pointers.staged),
            previous=self._announced(pointers.previous),
        )

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """See the port. A generation that is there and was not altered is only pointed to.

        Raises:
            Cancelled: soon after `cancelled()`; fetched blobs stay for the next attempt.
            TidegateError: an `image.*`, `reference.*` or `disk.*` code, or STAGE_FAILED; IMAGE_UNREACHABLE
                also after the limits' deadline, IMAGE_DIGEST_MISMATCH when the current image was altered.
        """
        meter = Meter(progress, cancelled, self._limits.deadline)
        with self._held(Code.STAGE_FAILED, "staging"):
            name = hex_of(target.digest)
            known = self._store.info(name)
            if known is None or not self._is_intact(target.digest, meter):
                self._store.collect()
                result = self._lay_out(target, meter)
            else:
                result = StageResult(target.digest, 0, 0, known.files)
            pointers = self._store.generations.read()
            if pointers.staged != name:
                self._store.generations.switch(pointers._replace(staged=name))
                self._store.collect()
            self._store.clear_work()
            self._store.clear_blobs()
            found = self.status().staged
        if found != target.digest:
            raise EngineError(Code.STAGE_FAILED, f"{target.digest} was to be staged, but {found} is")
        meter.done()
        return result

    def activate(self, digest: str) -> Activation:
        """See the port. Repeated after a crash, it runs the hook that was not known to succeed.

        Raises:
            EngineError: ACTIVATE_REFUSED when something else or nothing is staged; IMAGE_DIGEST_MISMATCH when
                it was altered since; ACTIVATE_FAILED when the hook failed, and the pointers are back where
                they were.
        """
        with self._held(Code.ACTIVATE_FAILED, "activating"):
            self._switch.forward(digest)
            self._store.collect()
        return _IN_PLACE

    def rollback(self, digest: str) -> Activation:
        """See the port. What is left behind is dropped: it is not previous, and its space is given back.

        Raises:
            EngineError: ROLLBACK_FAILED, also when the hook failed; the pointers are back where they were.
        """
        with self._held(Code.ROLLBACK_FAILED, "rolling back"):
            self._switch.back(digest)
            self._store.collect()
        return _IN_PLACE

    def discard(self) -> None:
        """See the port."""
        with self._held(Code.STAGE_FAILED, "discarding"):
            pointers = self._store.generations.read()
            if pointers.staged is not None:
                self._store.generations.switch(pointers._replace(staged=None))
            self._store.clear_work()
            self._store.clear_blobs()
            self._store.collect()

    def verify(self, digest: str) -> list[Damage]:
        """Read a generation back from disk and compare every file with what was staged. Slow.

        Raises:
            EngineError: IMAGE_NOT_FOUND when there is no such generation.
        """
        with self._held(Code.STAGE_FAILED, "verifying"):
            return find_damage(self._store, digest, self._limits, lambda: None)

    def _announced(self, name: str | None) -> str | None:
        info = self._store.info(name)
        return None if info is None else info.announced

    def _is_intact(self, digest: str, meter: Meter) -> bool:
        """Whether a generation can be used as it is. The current one is never replaced under its users."""
        try:
            damage = find_damage(self._store, digest, self._limits, meter.check, exposed=True)
        except EngineError as error:
            if error.code is not Code.DISK_IO:
                raise
            damage = [Damage("/", f"cannot be compared ({error.reason})")]
        if not damage:
            return True
        altered = mismatch(digest, damage)
        if hex_of(digest) == self._store.generations.read().current:
            raise altered
        logger.warning("[{}] {}; it is laid out anew", altered.code, altered.reason)
        return False

    def _lay_out(self, target: ImageTarget, meter: Meter) -> StageResult:
        puller = Puller(target, self._open_source, self._store.blobs, meter)
        try:
            return Staging(self._store, puller, meter, self._limits).run(target)
        except BaseException as error:
            self._store.clear_work()
            # Blobs are kept where the same attempt can go on with them; on a full disk that is not here.
            if (
                not isinstance(error, Cancelled)
                and getattr(error, "code", None) is not Code.IMAGE_UNREACHABLE
            ):
                self._store.clear_blobs()
            raise

    @contextmanager
    def _held(self, code: Code, doing: str) -> Iterator[None]:
        with disk_errors(code, doing, self._store.root), self._store.lock(code):
            yield
