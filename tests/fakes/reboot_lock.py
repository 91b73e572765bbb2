"""A lock that a fleet of fakes shares."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class FakeSlots:
    """The server's side: who holds a slot.

    Attributes:
        slots: how many there are.
        holders: who holds one.
        away: nobody answers while true.
    """

    slots: int = 1
    holders: set[str] = field(default_factory=set)
    away: bool = False


class FakeRebootLock:
    """ports.RebootLock of one host.

    Attributes:
        calls: what was asked, in order.
    """

    def __init__(self, slots: FakeSlots, client: str = "this host") -> None:
        self.calls: list[str] = []
        self._slots = slots
        self._client = client

    def acquire(self) -> str | None:
        """A slot, if there is one left."""
        self.calls.append("acquire")
        if self._slots.away:
            return "nobody answers"
        others = self._slots.holders - {self._client}
        if len(others) >= self._slots.slots:
            return "all slots are taken"
        self._slots.holders.add(self._client)
        return None

    def release(self) -> bool:
        """Give it back."""
        self.calls.append("release")
        if not self._slots.away:
            self._slots.holders.discard(self._client)
        return not self._slots.away
