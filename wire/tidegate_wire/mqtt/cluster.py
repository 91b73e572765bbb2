"""The brokers that will do, and in which order to try them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_wire.mqtt.dialect import Dialect
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence


@dataclass(frozen=True, slots=True)
class Broker:
    """One of those that may be tried, and which protocol version it speaks."""

    settings: BusSettings
    dialect: Dialect


class Cluster:
    """Brokers that stand for each other.

    Args:
        settings: `url` and `alternatives` name them.
        shuffle: puts them into an order. Each round has another one: the clients of a broker that is gone
            spread over those that are left, and come back when it is there again.
    """

    def __init__(
        self, settings: BusSettings, shuffle: Callable[[MutableSequence[Broker]], None] = random.shuffle
    ) -> None:
        self._brokers = [Broker(one, Dialect(one.protocol)) for one in settings.each]
        self._shuffle = shuffle
        self._left: Broker | None = None

    def in_turn(self) -> list[Broker]:
        """All of them, each once; the one that was left comes last."""
        others = [broker for broker in self._brokers if broker is not self._left]
        self._shuffle(others)
        return others if self._left is None else [*others, self._left]

    def leave(self, broker: Broker) -> None:
        """A connection to it was lost."""
        self._left = broker
