"""What is lost: a whole broker, at which all connections break at once, and a node in mid-rollout."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.bench.scale.clients import RawClients
from tests.bench.scale.packets import publication
from tests.bench.scale.programs import SimulatedFleet
from tests.bench.scale.scene import CHANNEL, PATIENCE_S, deadline
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figure import Figure
    from tests.bench.scale.scene import Scene

_STEPS: Final = 6
"""Events of an update that needs no reboot and is not told quarter by quarter: accepted, staging, staged,
activating, proving, succeeded."""


def storm(scene: Scene) -> Iterator[Figure]:
    """From the broker's end to the last connection that is back."""
    hosts, qos = scene.hosts, scene.world.qos
    with RawClients(scene.world.urls, "back") as raw:
        raw.connect(hosts, (CHANNEL,), qos)
        began = time.monotonic()
        scene.world.restart()
        yield scene.figure("the broker is restarted in", "s", time.monotonic() - began)
    with RawClients(scene.world.urls, "back") as raw:
        began = time.monotonic()
        raw.connect(hosts, (CHANNEL,), qos)
        yield scene.figure("raw clients come back", "1/s", hosts / (time.monotonic() - began))
    with SimulatedFleet(scene.world, hosts) as fleet:
        fleet.await_connected()
        made = int(fleet.figures["connections"])
        scene.world.restart()
        began = time.monotonic()
        wait_until(
            lambda: int(fleet.figures["connections"]) >= made + hosts and fleet.complete(),
            "all hosts are back",
            PATIENCE_S,
        )
        yield scene.figure("hosts come back", "1/s", hosts / (time.monotonic() - began))


def lost_node(scene: Scene) -> Iterator[Figure]:
    """One node of several dies: raw connections, then hosts in the middle of an update."""
    if len(scene.world.urls) > 1:
        yield from _raw_node(scene)
        yield from _updating(scene)


def _raw_node(scene: Scene) -> Iterator[Figure]:
    hosts, qos = scene.hosts, scene.world.qos
    with RawClients(scene.world.urls, "node", bears_loss=True) as raw:
        raw.connect(hosts, (CHANNEL,), qos)
        began = time.monotonic()
        scene.world.kill(0)
        lost = raw.reopen(deadline(), (CHANNEL,), qos)
        yield scene.figure(
            "raw clients of a lost node are at another", "1/s", lost / (time.monotonic() - began)
        )
    scene.world.bring_back(0)


def _updating(scene: Scene) -> Iterator[Figure]:
    hosts, wanted = scene.hosts, _STEPS * scene.hosts
    speed = ("--speed", "10", "--reboots", "0", "--no-progress")
    with RawClients(scene.world.urls, "clear") as publisher:
        publisher.connect(1)
        # What is retained from before would have hosts say more than an update's words.
        publisher.publish([[publication(CHANNEL, b"", retain=True)]])
        publisher.turn(publisher.idle, deadline())
    with SimulatedFleet(scene.world, hosts, *speed) as fleet, RawClients(scene.world.urls, "go") as publisher:
        fleet.await_connected()
        publisher.connect(1)
        began = time.monotonic()
        publisher.publish([[publication(CHANNEL, scene.statement(9, opened=True), retain=True)]])
        publisher.turn(publisher.idle, deadline())
        wait_until(lambda: fleet.number("created") > wanted / 2, "the update is half done", PATIENCE_S)
        losses, died = fleet.number("losses"), time.monotonic()
        scene.world.kill(0)
        wait_until(
            lambda: fleet.number("losses") > losses and fleet.number("connected") == hosts,
            "the hosts of the lost node are back",
            PATIENCE_S,
        )
        yield scene.figure("hosts of a lost node are at another after", "s", time.monotonic() - died)
        yield scene.figure("connections that it took along", "", fleet.number("losses") - losses)
        wait_until(
            lambda: fleet.number("created") == fleet.number("acknowledged") == wanted,
            "every event of the update is acknowledged",
            PATIENCE_S,
        )
        yield scene.figure("update of all hosts, a node lost meanwhile", "s", time.monotonic() - began)
