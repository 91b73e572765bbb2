"""Keeps a simulated host connected: attempts, pauses, pings, the end of patience, as the agent's bus does.

One attempt goes round all brokers, each time in another order, the one that was left comes last; only then is
there a pause, with full jitter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.simulator.connection import Connection
from tidegate_wire.mqtt.backoff import Backoff

if TYPE_CHECKING:
    from tidegate_publisher.devstack.simulator.line import Owner, Wires
    from tidegate_publisher.devstack.simulator.loop import Timer
    from tidegate_wire.mqtt.messages import Publication
    from tidegate_wire.mqtt.settings import BusSettings

_LOOKS_PER_KEEPALIVE: Final = 4
_TAKES_NOTHING_KEEPALIVES: Final = 1.5
_TAKES_NOTHING_S: Final = 30.0
_FLAPS_S: Final = 30.0


class Keeper:
    """One host's way to the broker. See the module.

    Args:
        wires: what is shared.
        owner: whose it is.
        client_id: names the session.
        topic: the channel's.
        flaps: whether the connection is lost every now and then.
    """

    def __init__(self, wires: Wires, owner: Owner, client_id: str, topic: str, *, flaps: bool) -> None:
        self._wires = wires
        self._owner = owner
        self._client_id = client_id
        self._topic = topic
        self._flaps = flaps
        self._settings = wires.line.brokers[0]
        first_s, most_s = self._settings.reconnect_first_s, self._settings.reconnect_most_s
        self._backoff = Backoff(wires.random.random, first_s, most_s)
        self._connection: Connection | None = None
        self._live_since: float | None = None
        self._round: list[BusSettings] = []
        self._left: BusSettings | None = None
        self._attempt_timer: Timer | None = None
        self._look_timer: Timer | None = None
        self._ask_at = self._flap_at = math.inf
        self._wanted = False

    @property
    def online(self) -> bool:
        """Whether the broker took it."""
        return self._live_since is not None

    @property
    def gone(self) -> bool:
        """Whether there is no connection, not even one that is being made."""
        return self._connection is None

    def begin(self) -> None:
        """Connect, and stay connected."""
        self._wanted, self._round = True, []
        self._attempt()

    def cut(self, *, for_good: bool = False) -> None:
        """Vanish without a goodbye. It comes back unless that was for good."""
        self._wanted = self._wanted and not for_good
        if self._connection is not None:
            self._connection.cut()

    def leave(self) -> None:
        """Say goodbye, and do not come back."""
        self._wanted = False
        if self._attempt_timer is not None:
            self._attempt_timer.cancel()
        if self._connection is not None:
            self._connection.leave()

    def publish(self, message: Publication) -> int | None:
        """See Connection.publish."""
        return None if self._connection is None else self._connection.publish(message)

    def ask(self) -> None:
        """Ask for what is retained, once more."""
        if self._connection is not None and self.online:
            self._connection.ask_again(self._topic, self._wires.line.qos)

    # connection.Party

    def welcomed(self) -> None:
        """See connection.Party."""
        wires, random, now = self._wires, self._wires.random, self._wires.loop.monotonic()
        self._live_since = now
        wires.figures.connected += 1
        wires.figures.connections += 1
        # The first time at any moment of the period: ten thousand that come at once must not ask at once.
        self._ask_at = now + wires.line.ask_again_s * random.random()
        if self._flaps:
            self._flap_at = now + random.expovariate(1) * _FLAPS_S / wires.line.speed
        self._look_later(random.random())
        self._owner.went_online()

    def received(self, payload: bytes) -> None:
        """See connection.Party."""
        self._owner.received(payload)

    def acknowledged(self, mid: int) -> None:
        """See connection.Party."""
        self._owner.acknowledged(mid)

    def lost(self) -> None:
        """See connection.Party."""
        wires, since = self._wires, self._live_since
        self._connection, self._live_since = None, None
        lived = 0.0
        if since is not None:
            lived = wires.loop.monotonic() - since
            wires.figures.connected -= 1
            wires.figures.losses += 1
            self._left, self._round = self._settings, []
        self._owner.went_offline()
        if self._wanted:
            pause = 0.0 if self._round else self._backoff.failed(lived)
            self._attempt_timer = wires.loop.after(pause, self._attempt)

    # Attempts and looks

    def _attempt(self) -> None:
        if self._attempt_timer is not None:
            self._attempt_timer.cancel()
        if not self._wanted or self._connection is not None:
            return
        if not self._round:
            self._round = self._in_turn()
        self._settings = self._round.pop(0)
        will, line = self._owner.will(), self._wires.line
        connection = Connection(self._wires.loop, self, self._settings, line.version)
        self._connection = connection
        self._look_later()
        connection.open(self._client_id, will, self._topic, line.qos)

    def _in_turn(self) -> list[BusSettings]:
        others = [each for each in self._wires.line.brokers if each is not self._left]
        self._wires.random.shuffle(others)
        return others if self._left is None else [*others, self._left]

    def _look_later(self, share: float = 1.0) -> None:
        if self._look_timer is not None:
            self._look_timer.cancel()
        pause = self._settings.connect_timeout_s
        if self.online:
            until_flap = max(0.0, self._flap_at - self._wires.loop.monotonic())
            pause = min(self._settings.keepalive_s / _LOOKS_PER_KEEPALIVE * share, until_flap)
        self._look_timer = self._wires.loop.after(pause, self._look)

    def _look(self) -> None:
        """See to what is due on the connection: a ping, a question, the end of patience."""
        connection, now = self._connection, self._wires.loop.monotonic()
        if connection is None:
            return
        if not self.online or self._flap_at <= now or self._waits_in_vain(now):
            self._flap_at = math.inf
            connection.cut()
            return
        self._look_later()
        if self._ask_at <= now:
            self._ask_at = now + self._wires.line.ask_again_s
            self.ask()
        connection.keep_alive()

    def _waits_in_vain(self, now: float) -> bool:
        """Whether the broker acknowledges nothing: within a connection MQTT sends nothing twice."""
        since = self._owner.waits_since()
        patience = max(self._settings.keepalive_s * _TAKES_NOTHING_KEEPALIVES, _TAKES_NOTHING_S)
        return since is not None and now - since >= patience
