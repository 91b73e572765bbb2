"""The podman engine: the port ImageEngine over one container's systemd unit.

Activation is a new pin and a restart of the unit, so no reboot is needed.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.images.meter import Meter
from tidegate_agent.engines.images.space import disk_errors
from tidegate_agent.engines.podman.house import House
from tidegate_agent.engines.podman.images import Images
from tidegate_agent.engines.podman.ledger import Ledger
from tidegate_agent.engines.podman.pin import Pin
from tidegate_agent.engines.podman.session import Session
from tidegate_agent.engines.podman.staging import Staging
from tidegate_agent.engines.podman.switch import Switch
from tidegate_agent.engines.podman.times import Times
from tidegate_agent.engines.podman.unit import Unit
from tidegate_agent.model import Activation, Capabilities, ImageStatus
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tidegate_agent.model import ImageTarget, StageProgress, StageResult
    from tidegate_wire.registry.source import ImageSource

_IN_PLACE = Activation(reboot_required=False)
_NO_LIMITS = Limits()


_USUAL = Times()
_ROOTS_SESSION = Session()


class PodmanEngine:
    """Stages images in podman's storage, and runs one unit with them.

    Args:
        unit: the container's unit, `app.service`, whose command names its image `${TIDEGATE_IMAGE}`.
        directory: the state directory; made when it is first written to.
        open_source: opens a reference, see `tidegate_wire.registry.opening.open_source`. It tells what an
            image consists of; podman itself fetches the layers.
        session: as whom podman and the unit run.
        times: how long things may take.
        limits: what an image may cost.
    """

    def __init__(
        self,
        unit: str,
        directory: Path,
        open_source: Callable[[str], ImageSource],
        session: Session = _ROOTS_SESSION,
        *,
        times: Times = _USUAL,
        limits: Limits = _NO_LIMITS,
    ) -> None:
        self._house = House(directory, session.scratch, session.owner)
        self._ledger = Ledger(self._house.ledger)
        self._pin = Pin(session.dropins, unit)
        self._images = Images(session.podman, session.environment, _label(unit, directory))
        self._switch = Switch(
            self._ledger, self._pin, Unit(unit, session, times.start, times.settle), self._images
        )
        self._staging = Staging(
            self._house, self._ledger, self._images, open_source, session, times=times, limits=limits
        )
        self._deadline = limits.deadline

    def capabilities(self) -> Capabilities:
        """Nothing here needs a reboot."""
        return Capabilities(reboots=False)

    def status(self) -> ImageStatus:
        """The announced digests of the images that the pin and the state name and podman has.

        Raises:
            EngineError: ENGINE_MISSING, ENGINE_TIMEOUT or ENGINE_OUTPUT when podman cannot be asked; DISK_IO.
        """
        with disk_errors(Code.DISK_IO, "reading the state", self._house.root):
            state = self._ledger.read()
            seen = state.seen_with(self._pin.digest())

        def present(digest: str | None) -> str | None:
            name = state.name_of(digest)
            return digest if name is not None and self._images.exists(name) else None

        return ImageStatus(present(seen.current), present(seen.staged), present(seen.previous))

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """See the port. An image that podman has already is only pointed to; files counted are layers.

        Raises:
            Cancelled: soon after `cancelled()`; whole layers stay for the next attempt.
            TidegateError: an `image.*`, `reference.*` or `disk.*` code, ENGINE_BUSY, ENGINE_MISSING,
                ENGINE_TIMEOUT, or STAGE_FAILED.
        """
        meter = Meter(progress, cancelled, self._deadline)
        with self._held(Code.STAGE_FAILED, "staging"):
            result = self._staging.run(target, meter)
            self._ledger.write(self._ledger.read().staging(target.digest))
            self._collect()
        meter.done()
        return result

    def activate(self, digest: str) -> Activation:
        """See the port. Repeated after a crash, it completes what was interrupted.

        Raises:
            EngineError: ACTIVATE_REFUSED when something else or nothing is staged; IMAGE_DIGEST_MISMATCH when
                podman has another image under its name; ACTIVATE_FAILED when the unit did not come up, and
                it is back on the old image.
        """
        with self._held(Code.ACTIVATE_FAILED, "activating"):
            self._switch.forward(digest)
            self._collect()
        return _IN_PLACE

    def rollback(self, digest: str) -> Activation:
        """See the port. What is left behind is dropped: it is not previous, and its space is given back.

        Raises:
            EngineError: ROLLBACK_FAILED.
        """
        with self._held(Code.ROLLBACK_FAILED, "rolling back"):
            self._switch.back(digest)
            self._collect()
        return _IN_PLACE

    def discard(self) -> None:
        """See the port."""
        with self._held(Code.STAGE_FAILED, "discarding"):
            state = self._ledger.read()
            if state.pointers.staged is not None or (state.switch and state.switch.staged):
                self._ledger.write(state.staging(None))
            self._house.sweep()
            self._collect()

    def _collect(self) -> None:
        """Give up images that nothing points to. One that a container still uses waits for the next time."""
        state = self._ledger.read()
        gone = {digest for digest in state.unneeded() if self._images.remove(digest, state.images[digest])}
        if left := state.unneeded() - gone:
            logger.info("{} images are still in use by containers and are removed later", len(left))
        if gone:
            self._ledger.write(state.without(gone))

    @contextmanager
    def _held(self, code: Code, doing: str) -> Iterator[None]:
        with disk_errors(code, doing, self._house.root), self._house.held():
            yield


def _label(unit: str, directory: Path) -> str:
    """A repository's name for the tags of one unit: readable, and no other unit's."""
    stem = re.sub("[^a-z0-9]+", "-", unit.removesuffix(".service").lower()).strip("-")
    return f"{stem or 'unit'}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:8]}"
