"""A boot guard in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_agent.model import Failure


class FakeBootGuard:
    """ports.BootGuard that goes off when the test says so.

    Attributes:
        armed: the digest it watches, and the way back; None when it stands down.
        went_off: why it went back, until it is stood down.
        refusal: raised instead of arming.
    """

    def __init__(self) -> None:
        self.armed: tuple[str, tuple[str, ...]] | None = None
        self.went_off: Failure | None = None
        self.refusal: Exception | None = None

    def arm(self, digest: str, fallback: Sequence[str]) -> None:
        """See the port."""
        if self.refusal is not None:
            raise self.refusal
        self.armed, self.went_off = (digest, tuple(fallback)), None

    def disarm(self) -> None:
        """See the port."""
        self.armed = self.went_off = None

    def fired(self) -> Failure | None:
        """See the port."""
        return self.went_off
