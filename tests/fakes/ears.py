"""What a broker has in store and what comes after, as `listing.gathering.Ears`, with a clock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tidegate_wire.mqtt.messages import Message


class FakeEars:
    """Hands out one batch after another; where there is none left, time passes.

    Args:
        batches: what comes, and seconds after the batch before.

    Attributes:
        asked: the filters of each subscription.
        now_s: the time, in seconds.
    """

    def __init__(self, batches: Iterable[tuple[float, Sequence[Message]]] = ()) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.now_s = 0.0
        self._batches = [(after_s, list(messages)) for after_s, messages in batches]

    def seconds(self) -> float:
        """The time."""
        return self.now_s

    def listen(self, filters: Sequence[str]) -> None:
        """See Ears."""
        self.asked.append(tuple(filters))

    def heard(self, timeout_s: float) -> list[Message]:
        """See Ears. What takes longer to come than is waited for comes closer."""
        if not self._batches or self._batches[0][0] > timeout_s:
            self.now_s += timeout_s
            if self._batches:
                after_s, messages = self._batches[0]
                self._batches[0] = after_s - timeout_s, messages
            return []
        after_s, messages = self._batches.pop(0)
        self.now_s += after_s
        return messages
