"""Real `tidegate collect` processes, and hosts that talk to them through a real broker."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support.waiting import wait_until
from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.reader import StoredHistory
from tidegate_schemas.events import encode
from tidegate_schemas.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tidegate_fleet.history import EventRecord
    from tidegate_fleet.words import HostEvent
    from tidegate_schemas.status import HostStatus

TOPICS = Topics()


class CollectorProcess:
    """One collector. A context manager that ends it in order, which has to succeed."""

    def __init__(self, folder: Path, broker: str, store: str, name: str = "one", *words: str) -> None:
        self.log = folder / f"collector-{name}.log"
        script = Path(sys.executable).with_name("tidegate")
        self._command = [str(script), "collect", "--broker", broker, "--store", store, "--name", name, *words]
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it is connected."""
        connected = self._connections
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._environment)
        if wait:
            wait_until(lambda: self._connections > connected or self._ended, "the collector connects", 60)
            assert not self._ended, self.words

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def end(self) -> None:
        """End it by SIGTERM. Idempotent."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            status = self._process.wait(60)
            self._process = None
            assert status == 0, self.words

    def wait(self, timeout_s: float = 120) -> int:
        """Its exit status, when it has come to its end by itself."""
        assert self._process is not None
        status = self._process.wait(timeout_s)
        self._process = None
        return status

    @property
    def words(self) -> str:
        """What it said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def _connections(self) -> int:
        return self.words.count("Connected to")

    @property
    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None


class Hosts:
    """Hosts, as the broker sees them: one connection that publishes for all. A context manager."""

    def __init__(self, port: int, *, v5: bool = True) -> None:
        self._v5 = v5
        version = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.max_queued_messages_set(0)
        self._port = port

    def __enter__(self) -> Self:
        connected = threading.Event()
        self._client.on_connect = lambda *_: connected.set()
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert connected.wait(15)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, words: Iterable[HostEvent | HostStatus], *, wait: bool = True) -> None:
        """Publish, and wait until the broker has taken all over."""
        sent = [self._publish(word) for word in words]
        for one in sent if wait else ():
            one.wait_for_publish(60)

    def leave(self, topic: str, payload: bytes) -> None:
        """Publish anything anywhere, retained."""
        self._client.publish(topic, payload, qos=1, retain=True).wait_for_publish(15)

    def shout(self, topic: str, payload: bytes) -> None:
        """Publish anything anywhere."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(15)

    def _publish(self, word: HostEvent | HostStatus) -> mqtt.MQTTMessageInfo:
        if not hasattr(word, "event"):
            return self._client.publish(TOPICS.status(word.host), word.to_json(), qos=1, retain=True)
        event = word.event
        encoded = encode(event, binary=self._v5)
        properties = None
        if self._v5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho's
            properties.UserProperty = list(encoded.properties)
            properties.ContentType = encoded.content_type
        return self._client.publish(TOPICS.events(event.subject), encoded.payload, 1, properties=properties)


@contextlib.contextmanager
def history(store: str) -> Iterator[StoredHistory]:
    """What is in a database that a collector has made."""
    with open_store(store, make=False) as opened:
        yield StoredHistory(opened)


def all_events(history: StoredHistory) -> list[EventRecord]:
    """Every event, in the order of collection."""
    found: list[EventRecord] = []
    while some := history.events_after(found[-1].number if found else 0):
        found.extend(some)
    return found
