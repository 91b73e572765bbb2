"""Events a second: through the broker alone, then into PostgreSQL by 1, 2 and 4 collectors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, LiteralString

import psycopg

from tests.bench.scale.clients import RawClients
from tests.bench.scale.packets import publication
from tests.bench.scale.programs import collectors
from tests.bench.scale.scene import TOPICS, deadline
from tests.support.fleets import said
from tests.support.postgres import Postgres
from tidegate_schemas.events import Step, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figure import Figure
    from tests.bench.scale.scene import Scene

_PUBLISHERS: Final = 50
_SPEAKERS: Final = 2000
_LOOK_S: Final = 0.2
_NEWEST: Final = "SELECT max(number) FROM event"
_STORED: Final = "SELECT count(*) FROM event"
_SIZE: Final = "SELECT pg_database_size(current_database())"


def ingestion(scene: Scene) -> Iterator[Figure]:
    """The raw ceiling first."""
    before = scene.usage()
    yield scene.figure("events to one raw client", "1/s", _to_raw(scene))
    used = scene.usage().since(before)
    yield scene.figure("processor of the broker for an event", "ms", 1000 * used.cpu_s / scene.events)
    counts = (1, 2, 4) if scene.world.shares else (1,)
    with Postgres() as postgres:
        for count in counts:
            store = postgres.database()
            with psycopg.connect(_plain(store), autocommit=True) as database:
                empty = _number(database, _SIZE)
                what = f"events into PostgreSQL, {count} collector{'s' * (count > 1)}"
                yield scene.figure(what, "1/s", _to_store(scene, count, store, database))
                grown = _number(database, _SIZE) - empty
            if count == 1:
                yield scene.figure("database for an event", "bytes", grown / scene.events)


def _events(count: int, prefix: str = "bench") -> list[list[bytes]]:
    """What hosts would say, in structured form, for so many publishers; each id once."""
    lists: list[list[bytes]] = [[] for _ in range(_PUBLISHERS)]
    for number in range(count):
        host, place = f"{prefix}-{number % _SPEAKERS:04d}", number // _SPEAKERS
        event = said(host, Step.STAGING, number, attempt=place + 1).event
        own = lists[number % _PUBLISHERS]
        payload = encode(event, binary=False).payload
        own.append(publication(TOPICS.events(host), payload, len(own) % 65_000 + 1))
    return lists


def _to_raw(scene: Scene) -> float:
    with RawClients(scene.world.urls, "tell") as publishers, RawClients(scene.world.urls, "take") as taker:
        publishers.connect(_PUBLISHERS)
        taker.connect(1, (TOPICS.all_events,))
        began, end = time.monotonic(), deadline()
        publishers.publish(_events(scene.events))
        while taker.received < scene.events and time.monotonic() < end:
            publishers.once(0)
            taker.once(0.001)
        assert taker.received >= scene.events, f"the broker dropped {scene.events - taker.received} events"
        return scene.events / (time.monotonic() - began)


def _to_store(scene: Scene, count: int, store: str, database: psycopg.Connection) -> float:
    with (
        collectors(count, scene.world.urls[0], store, scene.folder),
        RawClients(scene.world.urls, "tell") as publishers,
    ):
        publishers.connect(_PUBLISHERS)
        end = deadline()
        # NATS may send the first words to a new subscription twice, half a minute apart (AckWait).
        publishers.publish(_events(_PUBLISHERS, "first"))
        publishers.turn(publishers.idle, end)
        _await_stored(database, _PUBLISHERS, end)
        began, end = time.monotonic(), deadline()
        publishers.publish(_events(scene.events))
        publishers.turn(publishers.idle, end)
        _await_stored(database, _PUBLISHERS + scene.events, end)
        return scene.events / (time.monotonic() - began)


def _await_stored(database: psycopg.Connection, events: int, end: float) -> None:
    while _number(database, _NEWEST) < events or _number(database, _STORED) < events:
        assert time.monotonic() < end, f"{_number(database, _STORED)} of {events} events are stored"
        time.sleep(_LOOK_S)


def _plain(store: str) -> str:
    return store.replace("postgresql+psycopg", "postgresql")


def _number(database: psycopg.Connection, query: LiteralString) -> int:
    row = database.execute(query).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])
