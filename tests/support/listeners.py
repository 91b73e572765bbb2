"""A bus listener that records, for tests that watch a bus from outside."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.model import Failure, Protocol


class RecordingListener:
    """Implements `ports.BusListener`. `wait` blocks until what was recorded satisfies a condition.

    Attributes:
        connections: the protocol of each connection, in order.
        failures: why each of them, or each attempt, failed.
        messages: topic and payload of what was received.
        retained: for each of them, whether the broker had it stored.
        tokens: what was acknowledged.
        refusals: what was refused.
    """

    def __init__(self) -> None:
        self.connections: list[Protocol] = []
        self.failures: list[Failure] = []
        self.messages: list[tuple[str, bytes]] = []
        self.retained: list[bool] = []
        self.tokens: list[int] = []
        self.refusals: list[int] = []
        self._changed = threading.Condition()

    def connected(self, protocol: Protocol) -> None:
        with self._changed:
            self.connections.append(protocol)
            self._changed.notify_all()

    def disconnected(self, failure: Failure) -> None:
        with self._changed:
            self.failures.append(failure)
            self._changed.notify_all()

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        with self._changed:
            self.messages.append((topic, payload))
            self.retained.append(retained)
            self._changed.notify_all()

    def acknowledged(self, token: int) -> None:
        with self._changed:
            self.tokens.append(token)
            self._changed.notify_all()

    def refused(self, token: int) -> None:
        with self._changed:
            self.refusals.append(token)
            self._changed.notify_all()

    def wait(self, condition: Callable[[RecordingListener], bool], timeout_s: float = 15.0) -> None:
        """Return as soon as the condition holds; fail the test when it does not in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), timeout_s):
                seen = f"{self.connections} {self.failures} {self.messages!r:.500} {self.tokens}"
                raise AssertionError(f"timed out; the bus said: {seen}")
