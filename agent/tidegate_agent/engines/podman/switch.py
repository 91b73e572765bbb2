"""Moving the unit from one image to another and back.

    ledger: the switch that is meant   ->   pin   ->   daemon-reload, restart, proof   ->   ledger: it is done

The pin's rename is the moment of the switch. Where the unit does not come up, the pin goes back and the unit
is restarted with the old image. A crash leaves the meant switch in the ledger: the same call made again, or
one for the other image, completes what was interrupted.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tidegate_agent.engines.podman.ledger import Pointers
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.engines.podman.images import Images
    from tidegate_agent.engines.podman.ledger import Kept, Ledger, State
    from tidegate_agent.engines.podman.pin import Pin
    from tidegate_agent.engines.podman.unit import Unit


class Switch:
    """Switches one unit; the caller holds its state directory."""

    def __init__(self, ledger: Ledger, pin: Pin, unit: Unit, images: Images) -> None:
        self._ledger, self._pin, self._unit, self._images = ledger, pin, unit, images

    def forward(self, digest: str) -> None:
        """Run the staged image; nothing to do when it runs already.

        Raises:
            EngineError: ACTIVATE_REFUSED when something else is staged; IMAGE_DIGEST_MISMATCH when podman has
                another image under that name by now; ACTIVATE_FAILED when the unit did not come up.
            OSError: state or pin cannot be written.
        """
        state = self._ledger.read()
        before = state.seen_with(self._pin.digest())
        if before.current == digest and before.staged != digest:
            self._finish(state, before)
            return
        if before.staged != digest:
            there = before.staged or "nothing"
            raise EngineError(Code.ACTIVATE_REFUSED, f"{digest} is not staged: {there} is")
        self._require(digest, state, Code.ACTIVATE_REFUSED)
        previous = before.previous if before.current == digest else before.current
        self._move(state, before, Pointers(current=digest, previous=previous))

    def back(self, digest: str) -> None:
        """Run the previous image again; nothing to do when it runs already. There is no previous one then.

        Raises:
            EngineError: ROLLBACK_FAILED.
            OSError: state or pin cannot be written.
        """
        state = self._ledger.read()
        before = state.seen_with(self._pin.digest())
        if digest not in (before.current, before.previous):
            raise EngineError(Code.ROLLBACK_FAILED, f"{digest} is not the previous image")
        try:
            if before.current == digest:
                self._finish(state, before)
                return
            self._require(digest, state, Code.ROLLBACK_FAILED)
            self._move(state, before, Pointers(current=digest, staged=before.staged))
        except EngineError as error:
            raise EngineError(Code.ROLLBACK_FAILED, error.reason, retryable=True) from error

    def _require(self, digest: str, state: State, code: Code) -> Kept:
        """Step 9 of the order of verification, right before activation: what is there is what was asked."""
        kept = state.images.get(digest)
        found = None if kept is None else self._images.find(kept.name)
        if kept is None or found is None:
            raise EngineError(code, f"podman does not have {digest} any more: was it pruned?", retryable=True)
        if digest not in found.digests or found.image_id != kept.image_id:
            there = ", ".join(sorted(found.digests)) or "none"
            reason = f"{kept.name} should be {digest}, but podman has an image with the digests {there}"
            raise EngineError(Code.IMAGE_DIGEST_MISMATCH, reason)
        return kept

    def _move(self, state: State, before: Pointers, after: Pointers) -> None:
        meant = state.model_copy(update={"pointers": before, "switch": after})
        self._ledger.write(meant)
        try:
            self._run(meant, after.current)
        except EngineError:
            self._go_back(meant)
            raise
        self._settle(meant, after)

    def _finish(self, state: State, seen: Pointers) -> None:
        """Complete a switch that was interrupted, in whichever direction the pin points."""
        if state.switch is None:
            return
        try:
            self._run(state, seen.current)
        except EngineError:
            if seen.current != state.pointers.current:
                self._go_back(state)
            raise
        self._settle(state, seen)

    def _run(self, state: State, digest: str | None) -> None:
        """Pin the unit to an image, restart it, and see that it runs that image."""
        kept = None if digest is None else state.images.get(digest)
        self._pin.point(None if kept is None else kept.name)
        self._unit.reload()
        if kept is None:
            self._unit.stop()
            return
        self._unit.require(kept.name)
        self._unit.restart()
        running = self._images.running(self._unit.name)
        if kept.image_id in running or (not running and self._unit.names_image()):
            return
        raise EngineError(
            Code.ACTIVATE_FAILED,
            f"{self._unit.name} does not run {kept.name}: does its command name ${{TIDEGATE_IMAGE}}?",
        )

    def _go_back(self, state: State) -> None:
        """Run the image of before again; the error to report is the new image's."""
        with suppress(EngineError):
            self._run(state, state.pointers.current)
            self._settle(state, state.pointers)

    def _settle(self, state: State, pointers: Pointers) -> None:
        self._ledger.write(state.model_copy(update={"pointers": pointers, "switch": None}))
