"""From the publication of a statement to the last connection that has it, and to the last host's decision."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.bench.scale.clients import RawClients
from tests.bench.scale.packets import publication
from tests.bench.scale.programs import SimulatedFleet
from tests.bench.scale.scene import CHANNEL, TOPICS, deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figure import Figure
    from tests.bench.scale.scene import Scene

_PINGS: Final = 5
_KIB: Final = 1024


def fan_out(scene: Scene) -> Iterator[Figure]:
    """Raw connections first, then hosts."""
    yield from _raw(scene)
    yield from _hosts(scene)


def _raw(scene: Scene) -> Iterator[Figure]:
    hosts, qos = scene.hosts, scene.world.qos
    with RawClients(scene.world.urls, "sub") as raw, RawClients(scene.world.urls, "pub") as publisher:
        began = time.monotonic()
        raw.connect(hosts, (CHANNEL,), qos)
        yield scene.figure("raw clients connect and subscribe", "1/s", hosts / (time.monotonic() - began))
        before = scene.usage()
        raw.ping(_PINGS, deadline())
        used = scene.usage().since(before)
        yield scene.figure("processor of the broker for a ping", "ms", 1000 * used.cpu_s / (_PINGS * hosts))
        publisher.connect(1)
        before, began = scene.usage(), time.monotonic()
        publisher.publish([[publication(CHANNEL, scene.statement(1))]])
        publisher.turn(publisher.idle, deadline())
        raw.turn(lambda: raw.received >= hosts, deadline())
        yield scene.figure("statement to all raw clients", "s", max(raw.arrivals) - began)
        used = scene.usage().since(before)
        yield scene.figure("processor of the broker for its delivery", "ms", 1000 * used.cpu_s / hosts)


def _hosts(scene: Scene) -> Iterator[Figure]:
    hosts, urls = scene.hosts, scene.world.urls
    before, began = scene.usage(), time.monotonic()
    with (
        SimulatedFleet(scene.world, hosts) as fleet,
        RawClients(urls, "seen") as watcher,
        RawClients(urls, "pub2") as publisher,
    ):
        fleet.await_connected()
        yield scene.figure("hosts connect", "1/s", hosts / (time.monotonic() - began))
        grown = scene.usage().since(before).rss_bytes
        yield scene.figure("memory of the broker for a host", "KiB", max(0.0, grown) / hosts / _KIB)
        watcher.connect(1, (TOPICS.all_events,))
        publisher.connect(1)
        began = time.monotonic()
        publisher.publish([[publication(CHANNEL, scene.statement(2), retain=True)]])
        publisher.turn(publisher.idle, deadline())
        # Each tells two events: it has accepted the release, and waits for its wave.
        watcher.turn(lambda: watcher.received >= 2 * hosts, deadline())
        took = time.monotonic() - began
        yield scene.figure("statement to all hosts, and two events of each back", "s", took)
