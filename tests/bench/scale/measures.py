"""A fleet at scale: what brokers carry, what collectors store, how a fleet comes back. `./dev bench scale`.

Each figure stands beside the broker's ceiling: the same with connections that do next to nothing
(clients.py), in the same run on the same machine. Brokers and clients share
this machine's cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.figure import Figure
from tests.bench.scale import update
from tests.bench.scale.fanout import fan_out
from tests.bench.scale.ingestion import ingestion
from tests.bench.scale.losses import lost_node, storm
from tests.bench.scale.scene import Scene
from tests.bench.scale.worlds import WORLDS
from tests.conftest import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.effort import Effort

_HOSTS: Final = (5000, 200)
"""Usually, and in a hurry."""
_EVENTS_EACH: Final = 4
_MOST: Final = {"RabbitMQ": 2000}
"""Hosts of brokers that take a hundred connections in a second: the whole shall end within ten minutes."""


def measure(effort: Effort) -> Iterator[Figure]:
    """Every broker that is there."""
    hosts = effort.hosts or effort.times(*_HOSTS)
    yield from update.figures(effort.sigstore)
    for name, (program, make) in WORLDS.items():
        if find_program(program) is None:
            yield Figure(name, "", missing=f"{program} is not installed")
            continue
        place = effort.folder / program
        place.mkdir()
        with make(place) as world:
            some = min(hosts, _MOST.get(name, hosts))
            scene = Scene(name, world, some, _EVENTS_EACH * some, effort.sigstore, place)
            yield scene.figure("hosts, raw clients", "", some)
            for part in (fan_out, ingestion, storm, lost_node):
                yield from part(scene)
