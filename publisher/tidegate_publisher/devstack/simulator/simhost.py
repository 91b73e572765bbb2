"""One simulated host on the loop: its model, its outbox, and its way to the broker."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tidegate_publisher.devstack.simulator import telling
from tidegate_publisher.devstack.simulator.keeper import Keeper
from tidegate_publisher.devstack.simulator.ledger import Ledger
from tidegate_publisher.devstack.simulator.letters import Letters
from tidegate_publisher.devstack.simulator.line import Wires
from tidegate_publisher.devstack.simulator.outbox import Outbox
from tidegate_publisher.devstack.simulator.profile import Behaviour
from tidegate_schemas.events import encode
from tidegate_schemas.status import Presence
from tidegate_wire.mqtt.messages import Publication, Version

if TYPE_CHECKING:
    from tidegate_publisher.devstack.simulator.hostmodel import HostModel
    from tidegate_publisher.devstack.simulator.loop import Timer
    from tidegate_schemas.events import UpdateEvent


@dataclass(frozen=True, slots=True)
class Around:
    """What the hosts of a process share."""

    wires: Wires
    letters: Letters
    ledger: Ledger


class SimHost:
    """See the module's docstring. Implements line.Owner."""

    def __init__(self, model: HostModel, around: Around) -> None:
        self.model = model
        self.outbox = Outbox()
        self._around = around
        self._figures, self._loop = around.wires.figures, around.wires.loop
        self._topics = around.wires.line.brokers[0].topics
        host, flaps = model.profile.host, model.profile.does(Behaviour.FLAPS)
        self._keeper = Keeper(around.wires, self, host, self._topics.channel(*model.channel), flaps=flaps)
        self._number = 0
        self._revision = 0
        self._under_way: OrderedDict[int, tuple[float, str | None]] = OrderedDict()
        self._told: telling.Gist | None = None
        self._put_off: Timer | None = None
        self._alarm: Timer | None = None
        self._off = False
        self._stopping = False

    @property
    def online(self) -> bool:
        """Whether the broker took it."""
        return self._keeper.online

    @property
    def over(self) -> bool:
        """Whether it has been stopped, and has no connection any more."""
        return self._stopping and self._keeper.gone

    def begin(self) -> None:
        """Connect."""
        self._keeper.begin()

    def stop(self) -> None:
        """Say goodbye, as an agent that ends in order."""
        self._stopping = True
        if self._alarm is not None:
            self._alarm.cancel()
        self._tell_no_later()
        if self.online:
            self._publish_status(Presence.OFFLINE)
        self._keeper.leave()

    def cut(self) -> None:
        """Vanish without a goodbye. It comes back unless it was stopped."""
        self._keeper.cut()

    # line.Owner

    def will(self) -> Publication:
        """See line.Owner."""
        self._number += 1
        will = telling.last_will(self.model, self._number, self._now())
        return Publication(self._topics.will(will.host), will.to_json(), retain=True)

    def waits_since(self) -> float | None:
        """See line.Owner."""
        return next((since for since, _ in self._under_way.values()), None)

    def went_online(self) -> None:
        """See line.Owner."""
        self._tell()

    def received(self, payload: bytes) -> None:
        """See line.Owner."""
        if payload and not self._stopping:
            self._figures.heard += 1
            self._moved(self.model.hear(self._around.letters.read(payload), self._now()))

    def acknowledged(self, mid: int) -> None:
        """See line.Owner."""
        _, name = self._under_way.pop(mid, (0.0, None))
        if name is not None and self.outbox.acknowledged(name):
            self._figures.acknowledged += 1
            self._figures.unsent -= 1
            self._around.ledger.acknowledged(name)
            self._pump()

    def went_offline(self) -> None:
        """See line.Owner."""
        self._told = None
        self._tell_no_later()
        self._under_way.clear()
        self.outbox.connection_lost()

    # The model

    def _now(self) -> datetime:
        """This host's clock."""
        return datetime.now(UTC) + self.model.profile.clock_offset

    def _moved(self, told: list[UpdateEvent]) -> None:
        """Take in what the model has to tell, and do what follows from where it is now."""
        for event in told:
            if self.outbox.put(event):
                self._figures.created += 1
                self._figures.unsent += 1
                self._around.ledger.created(event.id)
        self._set_alarm()
        if not self.model.powered:
            self._off = True
            self._keeper.cut(for_good=True)
        elif self._off:
            # It came up: a new start, which counts its connections anew.
            self._off, self._number = False, 0
            self._keeper.begin()
        elif self.online:
            self._tell()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if (due := self.model.next_due()) is not None:
            left = (due - self._now()).total_seconds()
            self._alarm = self._loop.after(max(left, 0.0), self._ring)

    def _ring(self) -> None:
        self._moved(self.model.tick(self._now()))
        if self.model.asks:
            self.model.asks = False
            self._keeper.ask()

    # What is told

    def _tell(self) -> None:
        """Publish the status if it changed, and whatever is in the outbox."""
        gist = telling.gist(self.model)
        if self._told is not None and gist.differs_by_sequence_alone(self._told):
            # A heartbeat makes a whole fleet say that: each host does at a moment of its own.
            pause = self.model.profile.pace.splay.total_seconds() * self._around.wires.random.random()
            self._put_off = self._put_off or self._loop.after(pause, self._tell_now)
        elif gist != self._told:
            self._tell_now()
        self._pump()

    def _tell_now(self) -> None:
        self._tell_no_later()
        if self._publish_status(Presence.ONLINE):
            self._told = telling.gist(self.model)

    def _tell_no_later(self) -> None:
        if self._put_off is not None:
            self._put_off.cancel()
            self._put_off = None

    def _publish_status(self, presence: Presence) -> bool:
        sent = self._send(self._status(presence, self._revision + 1), None)
        self._figures.statuses += sent
        self._revision += sent
        return sent

    def _pump(self) -> None:
        if not self.online:
            return
        binary = self._around.wires.line.version is Version.V5
        topic = self._topics.events(self.model.profile.host)
        for event in self.outbox.take():
            encoded = encode(event, binary=binary)
            message = Publication(
                topic, encoded.payload, content_type=encoded.content_type, properties=encoded.properties
            )
            if not self._send(message, event.id):
                self.outbox.give_back(event.id)

    def _send(self, message: Publication, name: str | None) -> bool:
        mid = self._keeper.publish(message)
        if mid is not None:
            self._under_way[mid] = (self._loop.monotonic(), name)
        return mid is not None

    def _status(self, presence: Presence, revision: int) -> Publication:
        said = telling.status(self.model, self._number, presence, self._now(), revision)
        return Publication(self._topics.status(self.model.profile.host), said.to_json(), retain=True)
