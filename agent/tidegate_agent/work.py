"""Hands a follower's slow commands to the worker, and brings back what came of them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from loguru import logger

from tidegate_agent.model import Failure
from tidegate_agent.update.commands import (
    Activate,
    CancelStage,
    Disarm,
    Discard,
    Prove,
    Reboot,
    Rollback,
    Stage,
)
from tidegate_agent.update.events import StageFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from tidegate_agent.model import ImageStatus
    from tidegate_agent.operations import Operations
    from tidegate_agent.surroundings import Surroundings
    from tidegate_agent.update.events import Event
    from tidegate_agent.update.states import Target

Slow = Stage | CancelStage | Discard | Disarm | Activate | Reboot | Prove | Rollback


class Work:
    """The slow commands of one follow.

    Args:
        operations: what its image engine can be asked.
        around: for the worker and the queue.
        finish: told, on the engine's thread, the engine's truth and what came of a command; the truth is None
            where it could not be had, and for progress.
        left: told, on the engine's thread, that what is staged could not be discarded.
    """

    def __init__(
        self,
        operations: Operations,
        around: Surroundings,
        finish: Callable[[ImageStatus | None, Event | None], None],
        left: Callable[[], None],
    ) -> None:
        self._operations = operations
        self._around = around
        self._finish = finish
        self._left = left
        self._cancel = threading.Event()
        self._proving_since: timedelta | None = None

    def do(self, command: Slow) -> None:
        """Begin a command; returns at once."""
        operations = self._operations
        match command:
            case Stage(target):
                cancel = self._cancel = threading.Event()
                self._begin(lambda: self._stage(target, cancel))
            case CancelStage():
                self._cancel.set()
            case Discard():
                self._begin(self._discard)
            case Activate(digest):
                self._begin(lambda: operations.activate(digest))
            case Reboot(reason, soft):
                self._begin(lambda: operations.reboot(reason, soft=soft))
            case Disarm():
                # Also where a proof ends, however it does.
                self._proving_since = None
                self._begin(operations.disarm)
            case Prove():
                since = self._proving_since = self._proving_since or self._around.clock.elapsed()
                self._begin(lambda: self._prove(since))
            case Rollback(digest):
                self._begin(lambda: operations.rollback(digest))
            case _:
                assert_never(command)

    def interrupt(self) -> None:
        """Let a staging under way end soon, so that the process can: the next start takes it up again."""
        self._cancel.set()

    def _begin(self, operation: Callable[[], Event | None]) -> None:
        def work() -> None:
            event = operation()
            image = self._image()
            self._around.post(lambda: self._finish(image, event))

        self._around.operating(work)

    def _stage(self, target: Target, cancel: threading.Event) -> Event | None:
        event = self._operations.stage(target, self._tell, cancel.is_set)
        # It may fail, because it was told to stop, in a way that looks like a fault; nobody awaits an answer.
        return None if cancel.is_set() and isinstance(event, StageFailed) else event

    def _prove(self, since: timedelta) -> Event:
        proved = self._operations.prove()
        return replace(proved, proving_for=self._around.clock.elapsed() - since)

    def _discard(self) -> None:
        if not self._operations.discard():
            self._around.post(self._left)

    def _image(self) -> ImageStatus | None:
        image = self._operations.look()
        if isinstance(image, Failure):
            logger.warning("[{}] the engine's status: {}", image.code, image.reason)
            return None
        return image

    def _tell(self, event: Event) -> None:
        self._around.post(lambda: self._finish(None, event))
