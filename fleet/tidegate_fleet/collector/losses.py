"""Why a collector's connection was lost, in words for whoever reads its log. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_wire.mqtt.failures import DisplacedError

if TYPE_CHECKING:
    from tidegate_schemas.codes import TidegateError

STABLE_S: Final = 60.0
"""Seconds after which a connection was no accident."""

_AGAIN: Final = 2


class Losses:
    """Knows what was lost before.

    Args:
        name: the collector's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._short = 0

    def words(self, error: TidegateError, lived_s: float) -> str:
        """What to say of a loss.

        Brokers that speak MQTT 5 may say that a session was taken over; others close the connection and take
        the next one, again and again (Mosquitto 2.0.11 does so, too).

        Args:
            error: what was said.
            lived_s: how long the connection had been there, in seconds; 0: it never was.
        """
        if isinstance(error, DisplacedError):
            return (
                f"Another collector is named {self._name}, and has taken the place of this one: "
                "give each of them a --name of its own"
            )
        self._short = self._short + 1 if 0 < lived_s < STABLE_S else 0
        if self._short < _AGAIN:
            return error.reason
        return (
            f"{error.reason}, for the {self._short}. time within moments; if another collector is named "
            f"{self._name}, too, they throw each other out: give each of them a --name of its own"
        )
