"""How simulated hosts reach the broker, what their connections share, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

from tidegate_publisher.devstack.simulator.figures import Figures
from tidegate_publisher.devstack.simulator.loop import Loop
from tidegate_wire.mqtt.messages import Version
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from tidegate_wire.mqtt.messages import Publication


@dataclass(frozen=True, slots=True)
class Line:
    """How hosts reach the broker.

    Attributes:
        brokers: one setting each, of the same cluster.
        version: what they speak.
        qos: of the subscription to the channel's topic.
        ask_again_s: how often the retained statement is asked for without a reason, in seconds.
        speed: how much faster than life a connection that flaps does so.
    """

    brokers: tuple[BusSettings, ...]
    version: Version
    qos: int = 1
    ask_again_s: float = 6 * 3600.0
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Wires:
    """What the connections of a process share."""

    loop: Loop
    line: Line
    figures: Figures
    random: Random


class Owner(Protocol):
    """Whose connection it is."""

    def will(self) -> Publication:
        """The last will of the connection that is about to be made."""
        ...

    def waits_since(self) -> float | None:
        """Since when the oldest message waits for its acknowledgement, by the loop's clock; None if none."""
        ...

    def went_online(self) -> None:
        """A connection is up, and the subscription granted."""
        ...

    def received(self, payload: bytes) -> None:
        """A message on the channel's topic."""
        ...

    def acknowledged(self, mid: int) -> None:
        """A PUBACK came."""
        ...

    def went_offline(self) -> None:
        """The connection is gone, or could not be made: what was not acknowledged has to be sent again."""
        ...
