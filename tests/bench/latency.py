"""From an announcement to the host's decision about it, beside what the broker alone takes.

The maintenance window of the host is half a year away, and images are fetched in it only: a decision is all
that follows an announcement, so that nothing is still under way when the next measurement begins.
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.bench.figure import Figure
from tests.bench.probe import Heard, Probe
from tests.conftest import find_program
from tests.support.agent_process import AgentHost
from tests.support.broker_kinds import Kind, premises
from tests.support.channel import TOPIC, Channel
from tidegate_schemas.events import Step
from tidegate_schemas.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.effort import Effort

BROKERS: tuple[tuple[Kind, str, str], ...] = (
    ("mosquitto-5", "mosquitto", "Mosquitto, MQTT 5"),
    ("nats", "nats-server", "nats-server, MQTT 3.1.1"),
)
"""Kind, program and name."""

HOST = "edge-1"
ECHO = "bench/echo"
ECHOES = 200


def measure(effort: Effort) -> Iterator[Figure]:
    """Decisions and bare callbacks on each broker."""
    for kind, program, label in BROKERS:
        decided, bare = f"announcement to decision, {label}", f"bare paho, publish to callback, {label}"
        if find_program(program) is None:
            yield from (Figure(name, "ms", missing=f"{program} is missing") for name in (decided, bare))
            continue
        decisions, echoes = _on(kind, effort)
        yield Figure(decided, "ms", tuple(decisions), "p50 <= 600")
        yield Figure(bare, "ms", tuple(echoes))


def _on(kind: Kind, effort: Effort) -> tuple[list[float], list[float]]:
    folder = effort.folder / kind
    folder.mkdir()
    made = premises(kind, folder)
    settings = made.identified(HOST)
    topics = Topics()
    host = AgentHost(folder / "host", settings, effort.sigstore, tables=far_window(), name=HOST)
    listening = [topics.events(HOST), topics.status(HOST), ECHO]
    with made.broker, Probe(settings, listening) as probe, host.running():
        probe.wait(is_online, "the host is online")
        channel = Channel(settings, effort.sigstore, "registry.example/os")
        # One more than is counted: the first has to warm caches.
        decisions = [decide(channel, probe) for _ in range(effort.times(40, 10) + 1)]
        message = channel.sign(channel.statement(_digest()))
        echoes = [_echo(probe, message) for _ in range(ECHOES)]
    return decisions[1:], echoes


def decide(channel: Channel, probe: Probe) -> float:
    """Announce something new, and wait until the host accepts it; how long that took, ms."""
    channel.sequence += 1
    message = channel.sign(channel.statement(_digest()))
    published = probe.publish(TOPIC, message)
    at = probe.wait(lambda heard: _accepts(heard, channel.sequence), "the host accepts an announcement")
    return 1000 * (at - published)


def _echo(probe: Probe, message: bytes) -> float:
    published = probe.publish(ECHO, message)
    return 1000 * (probe.wait(lambda heard: heard.topic == ECHO, "a message comes back") - published)


def _accepts(heard: Heard, sequence: int) -> bool:
    if heard.topic != Topics().events(HOST):
        return False
    data = _content(heard.payload)
    return bool(data["sequence"] == sequence and data["step"] == Step.ACCEPTED)


def _content(payload: bytes) -> dict[str, Any]:
    """An event's data: with MQTT 3.1.1 the message is the whole event, with MQTT 5 its data alone."""
    document: dict[str, Any] = json.loads(payload)
    inner: dict[str, Any] = document.get("data", document)
    return inner


def is_online(heard: Heard) -> bool:
    """Whether this is the host's status, and says that it is there."""
    return heard.topic == Topics().status(HOST) and bool(json.loads(heard.payload)["presence"] == "online")


def _digest() -> str:
    return f"sha256:{secrets.token_hex(32)}"


def far_window() -> dict[str, Any]:
    """Tables of a host that may fetch and activate half a year from now only."""
    month = (datetime.now(UTC).month + 5) % 12 + 1
    return {"window": [{"cron": f"0 2 1 {month} *", "duration": "1h"}], "stage": {"when": "window"}}
