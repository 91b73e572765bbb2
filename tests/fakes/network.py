"""A network that is metered when a test says so."""

from __future__ import annotations


class FakeNetwork:
    """ports.Network.

    Attributes:
        why: what it says; None for a network that is not metered.
        asked: how often it was.
    """

    def __init__(self, why: str | None = None) -> None:
        self.why = why
        self.asked = 0

    def metered(self) -> str | None:
        """What the test has set."""
        self.asked += 1
        return self.why
