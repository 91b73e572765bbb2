"""One simulated host on the loop: its model, its outbox, and the connection that it keeps making anew."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.simulator import telling
from tidegate_publisher.devstack.simulator.connection import Connection
from tidegate_publisher.devstack.simulator.figures import Figures
from tidegate_publisher.devstack.simulator.ledger import Ledger
from tidegate_publisher.devstack.simulator.letters import Letters
from tidegate_publisher.devstack.simulator.loop import Loop
from tidegate_publisher.devstack.simulator.outbox import Outbox
from tidegate_publisher.devstack.simulator.profile import Behaviour
from tidegate_schemas.events import encode
from tidegate_schemas.status import Presence
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.mqtt.messages import Publication, Version
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from tidegate_publisher.devstack.simulator.hostmodel import HostModel
    from tidegate_publisher.devstack.simulator.loop import Timer
    from tidegate_schemas.events import UpdateEvent

_LOOKS_PER_KEEPALIVE: Final = 4
_TAKES_NOTHING_KEEPALIVES: Final = 1.5
_TAKES_NOTHING_S: Final = 30.0
_LATE_WILLS_KEEPALIVES: Final = 2
_FLAPS_S: Final = 30.0


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
class Around:
    """What the hosts of a process share."""

    loop: Loop
    line: Line
    letters: Letters
    ledger: Ledger
    figures: Figures
    random: Random


class SimHost:
    """See the module's docstring."""

    def __init__(self, model: HostModel, around: Around) -> None:
        self.model = model
        self.outbox = Outbox()
        self._around = around
        self._settings = around.line.brokers[0]
        first_s, most_s = self._settings.reconnect_first_s, self._settings.reconnect_most_s
        self._backoff = Backoff(around.random.random, first_s, most_s)
        self._topics = self._settings.topics
        self._connection: Connection | None = None
        self._live_since: float | None = None
        self._number = 0
        self._round: list[BusSettings] = []
        self._left: BusSettings | None = None
        self._under_way: OrderedDict[int, tuple[float, str | None]] = OrderedDict()
        self._told: tuple[object, ...] | None = None
        self._alarm: Timer | None = None
        self._attempt_timer: Timer | None = None
        self._look_timer: Timer | None = None
        self._ask_at = self._tell_at = self._flap_at = math.inf
        self._stopping = False
        self._came_up = False

    @property
    def online(self) -> bool:
        """Whether the broker took it."""
        return self._live_since is not None

    @property
    def over(self) -> bool:
        """Whether it has been stopped, and has no connection any more."""
        return self._stopping and self._connection is None

    def begin(self) -> None:
        """Connect."""
        self._attempt()

    def stop(self) -> None:
        """Say goodbye, as an agent that ends in order."""
        self._stopping = True
        for timer in (self._alarm, self._attempt_timer):
            if timer is not None:
                timer.cancel()
        if self.online:
            self._publish_status(Presence.OFFLINE)
        if self._connection is not None:
            self._connection.leave()

    def cut(self) -> None:
        """Vanish without a goodbye. It comes back unless it was stopped."""
        if self._connection is not None:
            self._connection.cut()

    # connection.Party

    def welcomed(self) -> None:
        """See connection.Party."""
        around, random, now = self._around, self._around.random, self._around.loop.monotonic()
        self._live_since = now
        around.figures.connected += 1
        around.figures.connections += 1
        # The first time at any moment of the period: ten thousand that come at once must not ask at once.
        self._ask_at = now + around.line.ask_again_s * random.random()
        # In a cluster another node may send the will of the connection before only now.
        self._tell_at = now + _LATE_WILLS_KEEPALIVES * self._settings.keepalive_s
        if self.model.profile.does(Behaviour.FLAPS):
            self._flap_at = now + random.expovariate(1) * _FLAPS_S / around.line.speed
        self._look_later(random.random())
        self._tell()

    def received(self, payload: bytes) -> None:
        """See connection.Party."""
        if payload and not self._stopping:
            self._around.figures.heard += 1
            self._moved(self.model.hear(self._around.letters.read(payload), self._now()))

    def acknowledged(self, mid: int) -> None:
        """See connection.Party."""
        _, name = self._under_way.pop(mid, (0.0, None))
        if name is not None and self.outbox.acknowledged(name):
            self._around.figures.acknowledged += 1
            self._around.figures.unsent -= 1
            self._around.ledger.acknowledged(name)
            self._pump()

    def lost(self) -> None:
        """See connection.Party."""
        around, since = self._around, self._live_since
        self._connection, self._live_since, self._told = None, None, None
        self._under_way.clear()
        self.outbox.connection_lost()
        lived = 0.0
        if since is not None:
            lived = around.loop.monotonic() - since
            around.figures.connected -= 1
            around.figures.losses += 1
            self._left, self._round = self._settings, []
        if not self._stopping and self.model.powered:
            # One attempt goes round all brokers; only then is there a pause (the agent's bus adapter).
            self._attempt_later(0.0 if self._round else self._backoff.failed(lived))

    # Connecting, and staying connected

    def _attempt_later(self, seconds: float) -> None:
        if self._attempt_timer is not None:
            self._attempt_timer.cancel()
        self._attempt_timer = self._around.loop.after(seconds, self._attempt)

    def _attempt(self) -> None:
        if self._stopping or not self.model.powered or self._connection is not None:
            return
        if not self._round:
            self._round = self._in_turn()
        self._settings = self._round.pop(0)
        self._number += 1
        around, will = self._around, self._status(Presence.OFFLINE)
        connection = Connection(around.loop, self, self._settings, around.line.version)
        self._connection = connection
        self._look_later()
        connection.open(self.model.profile.host, will, self._channel_topic, around.line.qos)

    def _in_turn(self) -> list[BusSettings]:
        others = [each for each in self._around.line.brokers if each is not self._left]
        self._around.random.shuffle(others)
        return others if self._left is None else [*others, self._left]

    def _look_later(self, share: float = 1.0) -> None:
        if self._look_timer is not None:
            self._look_timer.cancel()
        if self.online:
            pause = self._settings.keepalive_s / _LOOKS_PER_KEEPALIVE
        else:
            pause = self._settings.connect_timeout_s
        self._look_timer = self._around.loop.after(min(pause, self._until_flap()) * share, self._look)

    def _until_flap(self) -> float:
        return max(0.0, self._flap_at - self._around.loop.monotonic())

    def _look(self) -> None:
        """See to what is due on the connection: a ping, a question, the end of patience."""
        connection, now = self._connection, self._around.loop.monotonic()
        if connection is None:
            return
        if not self.online or self._flap_at <= now or self._waits_in_vain(now):
            self._flap_at = math.inf
            connection.cut()
            return
        self._look_later()
        if self._tell_at <= now:
            self._tell_at, self._told = math.inf, None
            self._tell()
        if self._ask_at <= now:
            self._ask_at = now + self._around.line.ask_again_s
            self._ask()
        connection.keep_alive()

    def _ask(self) -> None:
        """Ask for what is retained, once more."""
        if self._connection is not None and self.online:
            self._connection.ask_again(self._channel_topic, self._around.line.qos)

    def _waits_in_vain(self, now: float) -> bool:
        """Whether the broker acknowledges nothing: within a connection MQTT sends nothing twice."""
        oldest = next(iter(self._under_way.values()), None)
        patience = max(self._settings.keepalive_s * _TAKES_NOTHING_KEEPALIVES, _TAKES_NOTHING_S)
        return oldest is not None and now - oldest[0] >= patience

    # The model

    def _now(self) -> datetime:
        """This host's clock."""
        return datetime.now(UTC) + self.model.profile.clock_offset

    def _moved(self, told: list[UpdateEvent]) -> None:
        """Take in what the model has to tell, and do what follows from where it is now."""
        figures, ledger = self._around.figures, self._around.ledger
        for event in told:
            if self.outbox.put(event):
                figures.created += 1
                figures.unsent += 1
                ledger.created(event.id)
        self._set_alarm()
        if not self.model.powered:
            self._came_up = True  # when it does, it begins to count connections anew
            self.cut()
            return
        if self._connection is None and self._came_up:
            self._number, self._round, self._came_up = 0, [], False
            self._attempt()
        elif self.online:
            self._tell()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        due = self.model.next_due()
        if due is None:
            self._alarm = None
            return
        left = (due - self._now()).total_seconds()
        self._alarm = self._around.loop.after(max(left, 0.0), self._ring)

    def _ring(self) -> None:
        self._moved(self.model.tick(self._now()))
        if self.model.asks:
            self.model.asks = False
            self._ask()

    # What is told

    def _tell(self) -> None:
        """Publish the status if it changed, and whatever is in the outbox."""
        gist = telling.gist(self.model)
        if gist != self._told and self._publish_status(Presence.ONLINE):
            self._told = gist
        self._pump()

    def _publish_status(self, presence: Presence) -> bool:
        mid = self._send(self._status(presence), None)
        self._around.figures.statuses += mid
        return mid

    def _pump(self) -> None:
        if not self.online:
            return
        binary = self._around.line.version is Version.V5
        topic = self._topics.events(self.model.profile.host)
        for event in self.outbox.take():
            encoded = encode(event, binary=binary)
            message = Publication(
                topic,
                encoded.payload,
                content_type=encoded.content_type,
                properties=encoded.properties,
            )
            if not self._send(message, event.id):
                self.outbox.give_back(event.id)

    def _send(self, message: Publication, name: str | None) -> bool:
        mid = None if self._connection is None else self._connection.publish(message)
        if mid is not None:
            self._under_way[mid] = (self._around.loop.monotonic(), name)
        return mid is not None

    def _status(self, presence: Presence) -> Publication:
        said = telling.status(self.model, self._number, presence, self._now())
        return Publication(self._topics.status(self.model.profile.host), said.to_json(), retain=True)

    @property
    def _channel_topic(self) -> str:
        return self._topics.channel(*self.model.channel)
