"""Whatever comes twice, in another order, or through several writers: the store ends up the same."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from tests.contract.history_places import Memory, stored
from tests.fakes.history import FakeHistory
from tests.support.fleets import at, describes, said
from tests.support.postgres import Postgres
from tests.support.statements import a_statement, digest_of
from tidegate_fleet.history import HostQuery, Passage, ReleaseKey, StatementRecord
from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.reader import StoredHistory
from tidegate_fleet.store.writer import Writer
from tidegate_schemas.events import Step, UpdateEvent
from tidegate_schemas.rollout import Rollout, Wave

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate_fleet.history import History
    from tidegate_fleet.store.rows import Word

NOW = at(1000)
WAY = (Step.ACCEPTED, Step.WAITING, Step.STAGING, Step.STAGED, Step.ACTIVATING, Step.PROVING)
ENDS = (Step.SUCCEEDED, Step.FAILED, Step.ROLLED_BACK)
KEYS = [ReleaseKey("os", "stable", digest_of(letter)) for letter in "ab"]


@st.composite
def lives(draw: st.DrawFn) -> list[Word]:
    """What a few hosts say of two releases, each by a clock that goes forward, and their statuses."""
    words: list[Word] = []
    for index in range(draw(st.integers(1, 4))):
        name, clock = f"edge-{index}", 0
        for sequence, letter in enumerate("ab", start=1):
            steps = [*WAY[: draw(st.integers(0, len(WAY)))]]
            steps += [draw(st.sampled_from(ENDS))] if draw(st.booleans()) else []
            for step in steps:
                clock += draw(st.integers(1, 100))
                waits = "window" if step is Step.WAITING else None
                fields: dict[str, Any] = {
                    "digest": digest_of(letter),
                    "sequence": sequence,
                    "waiting_for": waits,
                }
                words.append(said(name, step, clock, durations={"total": float(clock)}, **fields))
        labels = {"ring": "canary"} if draw(st.booleans()) else {}
        words += [
            describes(name, clock + more, more, labels=labels) for more in range(draw(st.integers(0, 3)))
        ]
    rollout = Rollout(seed="seed", waves=(Wave(name="canary", labels={"ring": "canary"}), Wave(name="rest")))
    for sequence, letter in enumerate("ab", start=1):
        said_so = a_statement(digest_of(letter), sequence=sequence, rollout=rollout)
        words.append(StatementRecord(said_so, NOW, verified=False))
    return words


def _careless(connection: Any, _: object) -> None:
    """Hundreds of stores are made and none is kept: nothing has to reach a disk."""
    connection.execute("PRAGMA synchronous=OFF").close()


def picture(history: History) -> object:
    """All that a history answers, but for what only the order of collection decides."""
    hosts = history.hosts(HostQuery())
    events: dict[tuple[str, str], UpdateEvent] = {}
    for record in history.events_after(0):
        place = record.event.subject, record.event.id
        assert place not in events
        events[place] = record.event
    return (
        hosts,
        events,
        {key: [_way(passage) for passage in history.passages(key)] for key in KEYS},
        {key: history.statements(key) for key in KEYS},
        {key: _counts(history, key) for key in KEYS},
        replace(history.summary(), newest=None),
    )


def _counts(history: History, key: ReleaseKey) -> object:
    release = history.release(key)
    return release and {place: count for place, count in release.counts.items() if count}


def _way(passage: Passage) -> object:
    return replace(passage, waited_for=dict(passage.waited_for), durations=dict(passage.durations))


def expected(words: Sequence[Word]) -> object:
    memory = Memory(FakeHistory())
    for word in words:
        memory.take(word, NOW)
    return picture(memory.history)


@given(words=lives(), chance=st.randoms(use_true_random=False), writers=st.integers(1, 4))
@settings(deadline=None, max_examples=15)
def test_the_same_words_make_the_same_store(words: list[Word], chance: object, writers: int) -> None:
    delivered = [*words, *chance.sample(words, len(words) // 3)]  # type: ignore[attr-defined] # random.Random
    chance.shuffle(delivered)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder, open_store(f"sqlite:///{Path(folder)}/f.db") as store:
        event.listen(store.engine, "connect", _careless)
        store.engine.dispose()
        several = [Writer(store, f"c{index}") for index in range(writers)]
        while delivered:
            some = delivered[: chance.randint(1, 40)]  # type: ignore[attr-defined]
            del delivered[: len(some)]
            chance.choice(several).write(some, NOW)  # type: ignore[attr-defined]
        while several[0].place():
            pass
        assert picture(StoredHistory(store)) == expected(words)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgres"))])
def test_writers_at_the_same_time_lose_nothing(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/f.db" if kind == "sqlite" else request.getfixturevalue("postgres").database()
    steps = (*WAY, Step.SUCCEEDED)
    words: list[Word] = [
        said(f"edge-{host}", step, place) for place, step in enumerate(steps) for host in range(40)
    ]
    words += [describes(f"edge-{host}", 50, 1) for host in range(40)]
    faults: list[BaseException] = []

    def write(index: int) -> None:
        try:
            with open_store(url) as store:
                writer = Writer(store, f"c{index}")
                # Each begins elsewhere, and all write everything.
                turned = [*words[index * 70 :], *words[: index * 70]]
                for start in range(0, len(turned), 50):
                    writer.write(turned[start : start + 50], NOW)
                    writer.place()
        except BaseException as fault:  # noqa: BLE001 -- told to the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(index,)) for index in range(4)]
    for one in threads:
        one.start()
    numbers: list[int] = []
    with stored(url).store as store:
        history = StoredHistory(store)
        while any(one.is_alive() for one in threads) or history.events_after(numbers[-1] if numbers else 0):
            numbers += [record.number for record in history.events_after(numbers[-1] if numbers else 0)]
        for one in threads:
            one.join()
        assert not faults
        assert len(numbers) == len(set(numbers)) == 280, "whoever reads on from a number misses no event"
        assert picture(history) == expected(words)
