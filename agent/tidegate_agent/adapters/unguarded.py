"""ports.BootGuard where no image brings a reboot: there is nothing to go back from without the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_agent.model import Failure


class Unguarded:
    """Watches nothing."""

    def arm(self, digest: str, fallback: Sequence[str]) -> None:
        """Nothing is to be watched."""

    def disarm(self) -> None:
        """Nothing was."""

    def fired(self) -> Failure | None:
        """It never goes off."""
        return None
