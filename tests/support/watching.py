"""An operator's view of a fleet: every event and status that a real broker hands on, in order.

It is plain paho and none of the code under test, with a session that the broker keeps: what is published
while the broker or the watcher is away is not missed.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tidegate_fleet.presence import End, presence_of
from tidegate_schemas import events
from tidegate_schemas.envelope import read_envelope, read_event
from tidegate_schemas.events import UpdateEvent
from tidegate_schemas.status import HostStatus, Presence
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_schemas.events import Step

TOPICS = Topics()


@dataclass
class Watcher:
    """Collects what one host tells. A context manager, which is subscribed once it is entered.

    Attributes:
        settings: the broker, and who to be there.
        host: the host's id.
        client_id: must be the certificate's common name where the broker asks for it.
        delivered: all events in the order of their delivery, redeliveries included.
        messages: what they were read from, signed or not: no signature is checked here.
        statuses: all statuses, oldest first.
        end: what its newest last will tells.
    """

    settings: BusSettings
    host: str
    client_id: str | None = None
    delivered: list[UpdateEvent] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    statuses: list[HostStatus] = field(default_factory=list)
    end: End | None = None

    def __enter__(self) -> Self:
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._client = self._make_client()
        endpoint = self.settings.endpoint
        if self._client.protocol == MQTTProtocolVersion.MQTTv5:
            kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's
            kept.SessionExpiryInterval = 3600
            self._client.connect(endpoint.host, endpoint.port, clean_start=False, properties=kept)
        else:
            self._client.connect(endpoint.host, endpoint.port)
        self._client.loop_start()
        assert self._subscribed.wait(15), "the broker did not grant the watcher's subscriptions"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def events(self) -> list[UpdateEvent]:
        """Each event once, in the order of its first delivery."""
        first: dict[str, UpdateEvent] = {}
        with self._changed:
            for event in self.delivered:
                first.setdefault(event.id, event)
        return list(first.values())

    @property
    def online(self) -> bool:
        """Whether the host is connected, by its status and its last will."""
        return presence_of(self.status, self.end) is Presence.ONLINE

    @property
    def status(self) -> HostStatus:
        """The newest status; the first one is waited for."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.statuses, 15), f"{self.host} told no status"
            return self.statuses[-1]

    def steps(self, digest: str | None = None) -> list[Step]:
        """The steps of the events, of one image if it is named."""
        return [event.data.step for event in self.events if digest in (None, event.data.digest)]

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
        """Return as soon as the condition holds, which is asked anew with every message."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout_s):
                told = [f"{e.data.step} {e.data.code or ''} {e.data.reason}" for e in self.delivered]
                raise AssertionError(f"timed out waiting until {what}; the host told: {told[-30:]}")

    def wait_for(self, step: Step, digest: str | None = None, timeout_s: float = 30.0) -> UpdateEvent:
        """The first event with this step, about this image if one is named.

        It is not waited for any longer when the image's update ends in another way from now on.
        """
        already = len(self.delivered)

        def about() -> list[UpdateEvent]:
            return [event for event in self.delivered if digest in (None, event.data.digest)]

        def found() -> UpdateEvent | None:
            return next((event for event in about() if event.data.step is step), None)

        def over() -> bool:
            new = self.delivered[already:]
            return digest is not None and any(event.data.step.final for event in about() if event in new)

        self.wait(lambda: found() is not None or over(), f"{digest or 'anything'} is {step}", timeout_s)
        event = found()
        assert event is not None, f"it was not {step}, but {about()[-1].data}"
        return event

    def _make_client(self) -> mqtt.Client:
        settings = self.settings
        version = MQTTProtocolVersion.MQTTv311 if settings.protocol == "3.1.1" else MQTTProtocolVersion.MQTTv5
        # With MQTT 5 the same is said when connecting, and paho refuses to hear it here.
        clean = False if version is MQTTProtocolVersion.MQTTv311 else None
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id or f"watcher-{secrets.token_hex(4)}",
            clean_session=clean,
            protocol=version,
        )
        if settings.endpoint.tls:
            client.tls_set(str(settings.ca), str(settings.cert), str(settings.key))
        client.reconnect_delay_set(min_delay=1, max_delay=1)
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(
            [
                (topic, 1)
                for topic in (TOPICS.events(self.host), TOPICS.status(self.host), TOPICS.will(self.host))
            ]
        )

    def _on_message(self, _: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        properties: Any = getattr(message.properties, "UserProperty", ())
        with self._changed:
            if message.topic == TOPICS.status(self.host):
                self.statuses.append(HostStatus.model_validate_json(message.payload))
            elif message.topic == TOPICS.will(self.host):
                self.end = End.told_by(HostStatus.model_validate_json(message.payload))
            else:
                raw = bytes(message.payload)
                self.messages.append(raw)
                sealed = read_envelope(raw)
                self.delivered.append(
                    events.decode(raw, tuple(map(tuple, properties)))
                    if sealed is None
                    else read_event(sealed.payload)
                )
            self._changed.notify_all()
