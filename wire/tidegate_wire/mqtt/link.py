"""One connection to a broker, from CONNECT to its loss.

Whoever owns a link drives it with `open`, `subscribe` and `pump` on one thread; there is no other. `publish`
and `disconnect` may come from any thread: they only queue a packet and wake the driving thread from select().
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.subscribeoptions import SubscribeOptions

from tidegate_wire.mqtt import failures
from tidegate_wire.mqtt.bounds import size_of
from tidegate_wire.mqtt.callbacks import Callbacks
from tidegate_wire.mqtt.client import MAX_IN_FLIGHT, build_client, connect, message_properties
from tidegate_wire.mqtt.messages import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paho.mqtt.client import Client

    from tidegate_wire.mqtt.callbacks import LinkListener
    from tidegate_wire.mqtt.failures import BusError
    from tidegate_wire.mqtt.messages import Publication
    from tidegate_wire.mqtt.settings import BusSettings

# AWS IoT Core takes no more in one SUBSCRIBE.
_FILTERS_EACH: Final = 8


class Link:
    """One connection with one protocol version. Used once: a new attempt is a new link.

    Args:
        settings: broker and credentials.
        version: what to speak.
        client_id: who we are; its session is resumed when `persistent`.
        listener: called by the driving thread, inside `open`, `subscribe` or `pump`.
        persistent: whether the broker keeps session and queue while we are away.
        will: what the broker publishes if we vanish.
        late: how many messages may wait for our acknowledgement (`acknowledge`); None acknowledges each as
            soon as the listener has it. Only an MQTT 5 broker can be told.

    Raises:
        TidegateError: CONFIG_MISSING or CONFIG_VALUE for credentials and certificates that cannot be read.
    """

    def __init__(  # noqa: PLR0913 -- each is a fact about the connection, most have names in calls
        self,
        settings: BusSettings,
        version: Version,
        client_id: str,
        listener: LinkListener,
        *,
        persistent: bool,
        will: Publication | None = None,
        late: int | None = None,
    ) -> None:
        self.version = version
        self._late = late
        self._settings = settings
        self._persistent = persistent
        self._heard = Callbacks(version, settings.endpoint, listener)
        self._client: Client | None = build_client(
            settings, version, client_id, will, persistent=persistent, late=late is not None
        )
        self._heard.attach(self._client)

    @property
    def lost(self) -> BusError | None:
        """Why this link cannot be used any more; None while it can."""
        return self._heard.lost

    def open(self) -> None:
        """Connect and wait for the CONNACK.

        Raises:
            BusError: BUS_UNREACHABLE, BUS_REFUSED, BUS_CERTIFICATE; VersionError if another version may do.
        """
        try:
            connect(
                self._use(),
                self._settings,
                self.version,
                persistent=self._persistent,
                at_once=self._late or MAX_IN_FLIGHT,
            )
        except (OSError, ValueError) as error:
            raise failures.from_exception(error, self._settings.endpoint) from error
        self._await(lambda: self._heard.connected)

    def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe at QoS 1 and wait until all is granted. Raises BusError naming what is not."""
        self.ask_for(filters)
        self._await(lambda: not self._heard.asked)

    def ask_for(self, filters: Sequence[str]) -> None:
        """Subscribe without waiting: retained messages come (again), a refusal ends the link. Any thread."""
        client = self._client
        if client is None:
            return
        self._heard.asked.clear()
        for start in range(0, len(filters), _FILTERS_EACH):
            some = filters[start : start + _FILTERS_EACH]
            if self.version is Version.V5:
                result, mid = client.subscribe([(name, SubscribeOptions(qos=1)) for name in some])
            else:
                result, mid = client.subscribe([(name, 1) for name in some])
            if result == MQTTErrorCode.MQTT_ERR_SUCCESS and mid is not None:
                self._heard.asked[mid] = some
            else:
                self._heard.ended()

    def unsubscribe(self, topic_filter: str) -> None:
        """Ask for no more; the answer is not waited for."""
        self._use().unsubscribe(topic_filter)

    def acknowledge(self, packet: int) -> None:
        """Tell the broker that a message is done with; in the order of their coming ([MQTT-4.6.0-2]).

        Goes out with the next turn. Of a link that was lost the broker sends the message again.
        """
        if self._client is not None and packet:
            self._client.ack(packet, 1)

    def refuses(self, publication: Publication) -> BusError | None:
        """Why this broker would not take that message, ever; None when it may."""
        size, largest = size_of(publication), self._heard.bounds.packet_bytes
        if size <= largest:
            return None
        return failures.from_size(size, largest, publication.topic, self._settings.endpoint)

    def publish(self, publication: Publication) -> int | None:
        """Send at QoS 1. Returns the packet id that `on_ack` will name, or None if it cannot be sent now."""
        client, bounds = self._client, self._heard.bounds
        if self.lost is not None or client is None or not bounds.begin():
            return None
        properties = None
        if self.version is Version.V5:
            properties = message_properties(publication, PacketTypes.PUBLISH)
        info = client.publish(
            publication.topic,
            publication.payload,
            qos=1,
            retain=publication.retain,
            properties=properties,
        )
        if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            return info.mid
        bounds.end()
        return None

    def pump(self, until: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Drive the connection until `until()` (True), or for `timeout_s` seconds (False).

        Raises:
            BusError: the connection is lost.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            if self.lost is not None:
                raise self.lost
            if until():
                return True
            pause = self._heard.pulse.rest_s(self._keepalive_s)
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                pause = min(pause, left)
            self._turn(pause)

    def pump_pending(self) -> None:
        """Read what has already come, and see whether the connection is still there. Does not wait."""
        if self.lost is None:
            self._turn(0)

    def disconnect(self) -> None:
        """Say goodbye: the will is void, the session stays. The driving thread sees the end as a loss."""
        client = self._client
        if client is not None:
            client.disconnect()

    def close(self) -> None:
        """Say goodbye if possible, and let go of the sockets. Only on the driving thread. Idempotent."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_write()
        self._heard.ended()
        client, self._client = self._client, None
        if client is not None:
            self._heard.detach(client)

    def _await(self, until: Callable[[], bool]) -> None:
        if not self.pump(until, self._settings.connect_timeout_s):
            self._heard.broken(TimeoutError())
            raise self.lost or AssertionError

    def _use(self) -> Client:
        if self._client is None:
            raise self.lost or AssertionError
        return self._client

    def _turn(self, timeout_s: float) -> None:
        try:
            result = self._use().loop(timeout_s)
        except Exception as error:  # noqa: BLE001 -- hostile bytes can raise anything inside paho's decoder
            self._heard.broken(error)
            return
        if result == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._heard.look(self._keepalive_s)
        else:
            self._heard.ended()

    @property
    def _keepalive_s(self) -> float:
        # An MQTT 5 broker may have named its own (3.2.2.3.14), to which paho keeps.
        return self._use().keepalive or self._settings.keepalive_s
