"""Moving from one generation to another and back, with the command that makes the application follow.

The pointers move first, then the hook is run; where it fails, both go back. Between the two a crash leaves
the mark `pending`: the same call made again completes what was interrupted.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tidegate_agent.engines.embedded.generations import Pointers
from tidegate_agent.engines.embedded.hooks import run_hook
from tidegate_agent.engines.embedded.info import ROOTFS
from tidegate_agent.engines.embedded.integrity import find_damage, mismatch
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code
from tidegate_wire.registry.digest import hex_of

if TYPE_CHECKING:
    from tidegate_agent.engines.embedded.store import Store
    from tidegate_agent.engines.images.limits import Limits


class Switch:
    """Switches a store that is locked by the caller."""

    def __init__(self, store: Store, command: tuple[str, ...], timeout: float, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._command = command
        self._timeout = timeout

    def forward(self, digest: str) -> None:
        """Make the staged generation the current one; nothing to do when it is already.

        Raises:
            EngineError: ACTIVATE_REFUSED when something else is staged; IMAGE_DIGEST_MISMATCH when somebody
                altered it since; ACTIVATE_FAILED by the hook.
        """
        name, before = hex_of(digest), self._store.generations.read()
        if before.current == name and before.staged != name:
            self._finish(before)
            return
        self._require(digest, before)
        previous = before.previous if before.current == name else before.current
        self._move(before, Pointers(name, previous, None))

    def back(self, digest: str) -> None:
        """Make the previous generation the current one again; nothing to do when it is already.

        There is no previous one after that.

        Raises:
            EngineError: ROLLBACK_FAILED when another one is previous, or by the hook.
        """
        name, before = hex_of(digest), self._store.generations.read()
        if name not in (before.current, before.previous) or self._store.info(name) is None:
            raise EngineError(Code.ROLLBACK_FAILED, f"{digest} is not the previous image")
        try:
            if before.current == name:
                self._finish(before)
            else:
                self._move(before, Pointers(name, None, before.staged))
        except EngineError as error:
            raise EngineError(Code.ROLLBACK_FAILED, error.reason, retryable=True) from error

    def _require(self, digest: str, pointers: Pointers) -> None:
        """Step 9 of the order of verification, right before activation: what is staged is what was asked."""
        staged = self._store.info(pointers.staged)
        if staged is None or staged.announced != digest:
            there = "nothing" if staged is None else staged.announced
            raise EngineError(Code.ACTIVATE_REFUSED, f"{digest} is not staged: {there} is")
        if damage := find_damage(self._store, digest, self._limits, lambda: None, exposed=True):
            raise mismatch(digest, damage)

    def _move(self, before: Pointers, after: Pointers) -> None:
        """Move the pointers and run the hook; where it fails, move them back and run it for the old image."""
        self._store.generations.switch(after, pending=True)
        try:
            self._hook(after.current)
        except EngineError:
            self._go_back(before)
            raise
        self._store.generations.settle()

    def _finish(self, pointers: Pointers) -> None:
        """Complete a switch that was interrupted before its hook was known to have succeeded."""
        if not self._store.generations.pending:
            return
        try:
            self._hook(pointers.current)
        except EngineError:
            if pointers.previous is not None:
                self._go_back(Pointers(pointers.previous, None, pointers.current))
            raise
        self._store.generations.settle()

    def _go_back(self, before: Pointers) -> None:
        """Point to the old image again and run its hook; the error to report is the new image's."""
        self._store.generations.switch(before, pending=True)
        with suppress(EngineError):
            self._hook(before.current)
            self._store.generations.settle()

    def _hook(self, name: str | None) -> None:
        info = self._store.info(name)
        if name is not None and info is not None:
            rootfs = self._store.trees / name / ROOTFS
            environment = {"TIDEGATE_DIGEST": info.announced, "TIDEGATE_ROOTFS": str(rootfs)}
            run_hook(self._command, environment, self._timeout)
