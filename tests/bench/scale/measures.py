"""A fleet at scale: what brokers carry, what collectors store, how a fleet comes back. `./dev bench scale`.

Each figure stands beside the broker's ceiling: the same with connections that do next to nothing (raw.py), in
the same run on the same machine. All of it, brokers and clients, shares this machine's cores.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, LiteralString

import psycopg

from tests.bench.figure import Figure
from tests.bench.scale.programs import SimulatedFleet, collectors
from tests.bench.scale.raw import RawClients, publication
from tests.bench.scale.worlds import WORLDS, World
from tests.conftest import find_program
from tests.support.bundles import a_message
from tests.support.fleets import said
from tests.support.postgres import Postgres
from tests.support.statements import a_statement, digest_of
from tests.support.waiting import wait_until
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.events import Step, encode
from tidegate_schemas.rollout import Rollout, Wave
from tidegate_schemas.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.effort import Effort

HOSTS: Final = (5000, 200)
EVENTS: Final = (40_000, 4_000)
"""Usually, and in a hurry."""
_PUBLISHERS: Final = 50
_PATIENCE_S: Final = 900.0
_TOPICS: Final = Topics()
_CHANNEL: Final = _TOPICS.channel("os", "stable")
_LOOK_S: Final = 0.2
_NEWEST: Final = "SELECT max(number) FROM event"
_STORED: Final = "SELECT count(*) FROM event"


@dataclass(frozen=True, slots=True)
class Scene:
    """One broker under measurement.

    Attributes:
        name: of the broker, for the figures.
        world: the broker.
        hosts: how many.
        events: how many.
        sigstore: signs statements.
        folder: for logs.
    """

    name: str
    world: World
    hosts: int
    events: int
    sigstore: LocalSigstore
    folder: Path

    def figure(self, what: str, unit: str, value: float) -> Figure:
        """One value, in a grid of brokers."""
        return Figure(f"{self.name}: {what}", unit, (value,), line=f"{what} [{unit}]", column=self.name)


def measure(effort: Effort) -> Iterator[Figure]:
    """Every broker that is there."""
    for name, (program, make) in WORLDS.items():
        if find_program(program) is None:
            yield Figure(name, "", missing=f"{program} is not installed")
            continue
        place = effort.folder / program
        place.mkdir()
        with make(place) as world:
            scene = Scene(name, world, effort.times(*HOSTS), effort.times(*EVENTS), effort.sigstore, place)
            yield from _fan_out(scene)
            yield from _ingestion(scene)
            yield from _storm(scene)


def _deadline() -> float:
    return time.monotonic() + _PATIENCE_S


def _statement(scene: Scene, sequence: int) -> bytes:
    """A genuine statement whose wave is closed: hosts decide to wait, and do no more."""
    rollout = Rollout(seed=f"{scene.name}-{sequence}", waves=(Wave(name="all"),))
    now = datetime.now(UTC)
    fields = {"sequence": sequence, "version": "2.0", "rollout": rollout}
    statement = a_statement(digest_of("b"), issued_at=now, **fields)
    return a_message(scene.sigstore, statement.to_json(), now=now)


def _fan_out(scene: Scene) -> Iterator[Figure]:
    """From a statement's publication to the last connection that has it; and to the last host's decision."""
    with RawClients(scene.world.urls, "sub") as raw, RawClients(scene.world.urls, "pub") as publisher:
        began = time.monotonic()
        raw.connect(scene.hosts, [_CHANNEL])
        yield scene.figure(f"{scene.hosts} raw clients connect and subscribe", "s", time.monotonic() - began)
        publisher.connect(1)
        began = time.monotonic()
        publisher.publish([[publication(_CHANNEL, _statement(scene, 1))]])
        publisher.turn(publisher.idle, _deadline())
        raw.turn(lambda: raw.received >= scene.hosts, _deadline())
        last = max(one.newest for one in raw.connections)
        yield scene.figure(f"statement to {scene.hosts} raw clients", "s", last - began)
    began = time.monotonic()
    with (
        SimulatedFleet(scene.world.urls, scene.hosts) as fleet,
        RawClients(scene.world.urls, "seen") as watcher,
        RawClients(scene.world.urls, "pub2") as publisher,
    ):
        fleet.await_connected()
        yield scene.figure(f"{scene.hosts} hosts connect", "s", time.monotonic() - began)
        watcher.connect(1, [_TOPICS.all_events])
        publisher.connect(1)
        began = time.monotonic()
        publisher.publish([[publication(_CHANNEL, _statement(scene, 2), retain=True)]])
        publisher.turn(publisher.idle, _deadline())
        # Each tells two events: it has accepted the release, and waits for its wave.
        watcher.turn(lambda: watcher.received >= 2 * scene.hosts, _deadline())
        yield scene.figure(
            f"statement to {scene.hosts} hosts, and their decisions back", "s", time.monotonic() - began
        )


def _events(count: int) -> list[list[bytes]]:
    """What hosts would say, in structured form, for so many publishers; each id once."""
    lists: list[list[bytes]] = [[] for _ in range(_PUBLISHERS)]
    for number in range(count):
        host, place = f"bench-{number % 2000:04d}", number // 2000
        event = said(host, Step.STAGING, number, attempt=place + 1).event
        own = lists[number % _PUBLISHERS]
        own.append(
            publication(_TOPICS.events(host), encode(event, binary=False).payload, len(own) % 65_000 + 1)
        )
    return lists


def _ingestion(scene: Scene) -> Iterator[Figure]:
    """Events a second: through the broker alone, then into PostgreSQL by 1, 2 and 4 collectors."""
    yield scene.figure("events a second to one raw client", "1/s", _to_raw(scene))
    with Postgres() as postgres:
        for count in (1, 2, 4) if scene.world.shares else (1,):
            rate = _to_store(scene, count, postgres.database())
            yield scene.figure(f"events a second into PostgreSQL, {count} collectors", "1/s", rate)


def _to_raw(scene: Scene) -> float:
    with RawClients(scene.world.urls, "tell") as publishers, RawClients(scene.world.urls, "take") as taker:
        publishers.connect(_PUBLISHERS)
        taker.connect(1, [_TOPICS.all_events])
        began, deadline = time.monotonic(), _deadline()
        publishers.publish(_events(scene.events))
        while taker.received < scene.events and time.monotonic() < deadline:
            publishers.once(0)
            taker.once(0.001)
        assert taker.received >= scene.events, f"the broker dropped {scene.events - taker.received} events"
        return scene.events / (time.monotonic() - began)


def _to_store(scene: Scene, count: int, store: str) -> float:
    with (
        collectors(count, scene.world.urls[0], store, scene.folder),
        RawClients(scene.world.urls, "tell") as publishers,
        psycopg.connect(store.replace("postgresql+psycopg", "postgresql"), autocommit=True) as database,
    ):
        publishers.connect(_PUBLISHERS)
        began = time.monotonic()
        publishers.publish(_events(scene.events))
        publishers.turn(publishers.idle, _deadline())
        while _number(database, _NEWEST) < scene.events or _number(database, _STORED) < scene.events:
            time.sleep(_LOOK_S)
        return scene.events / (time.monotonic() - began)


def _number(database: psycopg.Connection, query: LiteralString) -> int:
    row = database.execute(query).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def _storm(scene: Scene) -> Iterator[Figure]:
    """From the broker's end, at which all connections break at once, to the last host that is back."""
    with RawClients(scene.world.urls, "back") as raw:
        raw.connect(scene.hosts, [_CHANNEL])
        began = time.monotonic()
        scene.world.restart()
        down = time.monotonic() - began
    with RawClients(scene.world.urls, "back") as raw:
        began = time.monotonic()
        raw.connect(scene.hosts, [_CHANNEL])
        yield scene.figure(f"{scene.hosts} raw clients come back", "s", time.monotonic() - began)
    yield scene.figure("the broker is away", "s", down)
    with SimulatedFleet(scene.world.urls, scene.hosts) as fleet:
        fleet.await_connected()
        made = int(fleet.figures["connections"])
        scene.world.restart()
        began = time.monotonic()
        wait_until(
            lambda: int(fleet.figures["connections"]) >= made + scene.hosts and fleet.complete(),
            "all hosts are back",
            _PATIENCE_S,
        )
        yield scene.figure(f"{scene.hosts} hosts come back", "s", time.monotonic() - began)
        if len(scene.world.nodes) > 1:
            yield from _lost_node(scene, fleet)


def _lost_node(scene: Scene, fleet: SimulatedFleet) -> Iterator[Figure]:
    """From the death of one node of several to the last of its hosts that is at another."""
    losses = int(fleet.figures["losses"])
    scene.world.nodes[0].kill()
    began = time.monotonic()
    wait_until(
        lambda: int(fleet.figures["losses"]) > losses and fleet.complete(),
        "the hosts of the lost node are back",
        _PATIENCE_S,
    )
    lost = int(fleet.figures["losses"]) - losses
    yield scene.figure("hosts of a lost node are at another", "s", time.monotonic() - began)
    yield scene.figure("connections that a lost node took along", "", lost)
