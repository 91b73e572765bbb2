"""Channels on a real broker, through one MQTT session."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tidegate_schemas.export import BUNDLE_TYPE

if TYPE_CHECKING:
    from tidegate_schemas.topics import Topics
    from tidegate_wire.mqtt.session import PublisherSession


class BrokerStore:
    """See ports.ChannelStore.

    Args:
        session: an open session.
        topics: how topics are spelled.
        timeout_s: how long acknowledgement and confirmation may take, each, in seconds.
    """

    def __init__(self, session: PublisherSession, topics: Topics, timeout_s: float) -> None:
        self._session = session
        self._topics = topics
        self._timeout_s = timeout_s

    def read(self, product: str, channel: str) -> bytes | None:
        """See ports.ChannelStore.read."""
        return self._session.read_retained(self._topics.channel(product, channel))

    def publish(self, product: str, channel: str, bundle: bytes) -> None:
        """See ports.ChannelStore.publish."""
        topic = self._topics.channel(product, channel)
        self._session.publish(topic, bundle, retain=True, content_type=BUNDLE_TYPE, timeout_s=self._timeout_s)

    def confirm(self, product: str, channel: str, bundle: bytes) -> bytes | None:
        """See ports.ChannelStore.confirm."""
        deadline = time.monotonic() + self._timeout_s
        held = self.read(product, channel)
        while held != bundle and time.monotonic() < deadline:
            held = self.read(product, channel)
        return held
