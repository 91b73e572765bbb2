"""The publisher of a test: signs with a local Sigstore in this process, and publishes on a real broker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.support.bundles import a_message
from tests.support.statements import a_statement
from tidegate_schemas.rollout import Rollout, RolloutState
from tidegate_schemas.statement import Image
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_schemas.statement import ChannelStatement
    from tidegate_wire.mqtt.settings import BusSettings

TOPIC = Topics().channel("os", "stable")


class Channel:
    """The channel `os/stable` on one broker.

    Args:
        settings: the broker, and who to be there.
        sigstore: signs.
        client_id: must be the certificate's common name where the broker asks for it.

    Attributes:
        sequence: of the newest statement.
        reference: where images are, unless a statement says otherwise.
    """

    def __init__(
        self, settings: BusSettings, sigstore: LocalSigstore, reference: str, client_id: str | None = None
    ) -> None:
        self.sigstore = sigstore
        self.reference = reference
        self.sequence = 0
        self.settings = settings
        self._client_id = client_id

    def announce(self, digest: str, *, state: RolloutState = RolloutState.ACTIVE, **changes: Any) -> bytes:
        """Sign the next statement, about this image, and publish it; the message."""
        self.sequence += 1
        message = self.sign(self.statement(digest, rollout=Rollout(seed="seed", state=state), **changes))
        self.say(message)
        return message

    def statement(self, digest: str, **changes: Any) -> ChannelStatement:
        """A statement about this image with the sequence of the newest one."""
        fields: dict[str, Any] = {
            "issued_at": datetime.now(UTC),
            "sequence": self.sequence,
            "version": f"{self.sequence}.0",
            "image": Image(references=(self.reference,)),
        }
        return a_statement(digest, **{**fields, **changes})

    def sign(self, statement: ChannelStatement | bytes, **how: Any) -> bytes:
        """Sign as the one whom the host trusts, unless told otherwise: `how` as for `bundles.a_message`."""
        payload = statement if isinstance(statement, bytes) else statement.to_json()
        return a_message(self.sigstore, payload, **{"now": datetime.now(UTC), **how})

    def say(self, message: bytes) -> None:
        """Publish on the channel's topic, retained, and wait until the broker has it."""
        with PublisherSession(self.settings, self._client_id) as session:
            session.publish(TOPIC, message, retain=True)

    def shout(self, messages: Iterable[bytes], *, retain: bool = False) -> None:
        """Publish anything, as fast as the broker takes it, by turns at QoS 0 and 1."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.max_inflight_messages_set(1000)
        endpoint = self.settings.endpoint
        client.connect(endpoint.host, endpoint.port)
        client.loop_start()
        sent = [
            client.publish(TOPIC, message, qos=n % 2, retain=retain) for n, message in enumerate(messages)
        ]
        for each in sent:
            each.wait_for_publish(60)
        client.disconnect()
        client.loop_stop()
