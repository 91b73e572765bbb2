"""Says whose words are passed over: who is not heard shall not be taken for one that is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate_fleet.hosts import Fleet
    from tidegate_publisher.rollout.hearing import Hearing
    from tidegate_publisher.rollout.ports import Teller


class Unheard:
    """Tells when words were passed over for the first time, and when ten times as many were."""

    def __init__(self, fleet: Fleet, hearing: Hearing, teller: Teller) -> None:
        self._fleet = fleet
        self._hearing = hearing
        self._teller = teller
        self._told: dict[str, int] = {}

    def tell(self) -> None:
        """Say what is new of it."""
        counts = {
            "words of hosts beyond the most that are remembered": self._fleet.refused,
            "words of hosts that are not among those that count": self._hearing.strangers,
            "events that no device key of their host stands behind": self._hearing.refused,
        }
        for what, count in counts.items():
            if count and count >= 10 * self._told.get(what, 0):
                self._told[what] = count
                self._teller.note(f"passed over: {count} {what}")
