"""One MQTT connection of a simulated host, driven by the process's loop (paho's external event loop).

Made anew for each attempt, as the agent does: with a fresh will, and nothing half-sent of the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from paho.mqtt.packettypes import PacketTypes

from tidegate_wire.mqtt.client import build_client, connect, message_properties
from tidegate_wire.mqtt.messages import Version

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

    from tidegate_publisher.devstack.simulator.loop import Loop
    from tidegate_wire.mqtt.messages import Publication
    from tidegate_wire.mqtt.settings import BusSettings


_HANDLERS: Final = ("connect", "subscribe", "message", "publish", "disconnect", "socket_close")


class Party(Protocol):
    """Who has a connection."""

    def welcomed(self) -> None:
        """The broker took us, and granted the subscription."""
        ...

    def received(self, payload: bytes) -> None:
        """A message on the channel's topic."""
        ...

    def acknowledged(self, mid: int) -> None:
        """A PUBACK came."""
        ...

    def lost(self) -> None:
        """The connection is gone, or could not be made."""
        ...


class Connection:
    """From CONNECT to the loss of it. `lost` is told exactly once."""

    def __init__(self, loop: Loop, party: Party, settings: BusSettings, version: Version) -> None:
        self._loop = loop
        self._party = party
        self._settings = settings
        self._version = version
        self._client: Client | None = None
        self._descriptor = -1
        self._waits = False
        self._granted = False

    def open(self, client_id: str, will: Publication, topic: str, qos: int) -> None:
        """Connect, and subscribe to one topic. Whatever goes wrong is told by `lost`."""
        client = build_client(self._settings, self._version, client_id, will, persistent=True)
        self._client = client
        client.on_connect = lambda _c, _d, _f, code, _p: self._on_connect(topic, qos, code)
        client.on_subscribe = lambda _c, _d, _m, codes, _p: self._on_subscribe(codes)
        client.on_message = self._on_message
        client.on_publish = lambda _c, _d, mid, _r, _p: self._party.acknowledged(mid)
        client.on_disconnect = lambda *_: self._gone()
        client.on_socket_close = lambda *_: self._forget_socket()
        client.on_socket_register_write = lambda *_: self._loop.write_soon(self)
        try:
            connect(client, self._settings, self._version, persistent=True)
        except (OSError, ValueError):
            self._gone()
            return
        opened = client.socket()
        if opened is not None:
            self._descriptor = opened.fileno()
            self._loop.watch(self._descriptor, self)

    def publish(self, publication: Publication) -> int | None:
        """Send at QoS 1; the packet id that `acknowledged` will name, None if it cannot be sent now."""
        if self._client is None:
            return None
        properties = None
        if self._version is Version.V5:
            properties = message_properties(publication, PacketTypes.PUBLISH)
        info = self._client.publish(
            publication.topic, publication.payload, 1, publication.retain, properties=properties
        )
        return info.mid if info.rc == 0 else None

    def ask_again(self, topic: str, qos: int) -> None:
        """Subscribe once more: what is retained comes again."""
        if self._client is not None:
            self._client.subscribe(topic, qos)

    def keep_alive(self) -> None:
        """Ping if it is time to, leave a broker that does not answer. Call it four times a keepalive."""
        if self._client is not None and self._client.loop_misc() != 0:
            self._gone()

    def leave(self) -> None:
        """Say goodbye: the broker does not send the will."""
        if self._client is not None:
            self._client.disconnect()

    def cut(self) -> None:
        """Vanish without a goodbye: the broker sends the will."""
        self._gone()

    def readable(self) -> None:
        """See loop.Watched."""
        if self._client is not None and self._client.loop_read() != 0:
            self._gone()

    def writable(self) -> None:
        """See loop.Watched."""
        client = self._client
        if client is None:
            return
        if client.loop_write() != 0:
            self._gone()
            return
        waits = client.want_write()
        if waits != self._waits and self._descriptor >= 0:
            self._waits = waits
            self._loop.write_when_possible(self._descriptor, self, waits=waits)

    def _on_connect(self, topic: str, qos: int, code: ReasonCode) -> None:
        if code.is_failure or self._client is None:
            self._gone()
        else:
            self._client.subscribe(topic, qos)

    def _on_subscribe(self, codes: list[ReasonCode]) -> None:
        if any(code.is_failure for code in codes):
            self._gone()
        elif not self._granted:
            self._granted = True
            self._party.welcomed()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._party.received(bytes(message.payload))

    def _forget_socket(self) -> None:
        """The socket is about to be closed."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._loop.unwatch(descriptor, self)

    def _gone(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        self._forget_socket()
        # Without the callbacks the client is in no cycle any more, and closes its socket when it is let go.
        for name in _HANDLERS:
            setattr(client, f"on_{name}", None)
        opened = client.socket()
        if opened is not None:
            opened.close()
        self._party.lost()
