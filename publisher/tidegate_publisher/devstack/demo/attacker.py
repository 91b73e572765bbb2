"""Somebody who may write to the broker and has heard all that was announced, but has no identity of ours."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

from tidegate_publisher.devstack.demo.checklist import FORGED_VERSION
from tidegate_publisher.devstack.demo.samples import CHANNEL, PRODUCT
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from tidegate_publisher.devstack.demo.world import World


class Attacker:
    """Sends what hosts must refuse; each message comes back by its SHA-256, in hex."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._settings = BusSettings(url=world.broker_url)

    def forge(self) -> str:
        """A statement that is signed with this very Sigstore, but by a fork of the repository."""
        return self._send(self._world.sign_as_fork("3", FORGED_VERSION, "99"))

    def alter(self, heard: bytes) -> str:
        """A genuine bundle, with another version written into what was signed."""
        bundle = json.loads(heard)
        envelope = bundle["dsseEnvelope"]
        statement = json.loads(base64.b64decode(envelope["payload"]))
        statement["predicate"]["version"] = FORGED_VERSION
        statement["predicate"]["sequence"] += 1
        envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
        return self._send(json.dumps(bundle).encode())

    def replay(self, heard: bytes) -> str:
        """A genuine bundle of the past, byte for byte."""
        return self._send(heard)

    def _send(self, payload: bytes) -> str:
        topic = self._settings.topics.channel(PRODUCT, CHANNEL)
        with PublisherSession(self._settings) as session:
            session.publish(topic, payload, retain=True)
        return hashlib.sha256(payload).hexdigest()
