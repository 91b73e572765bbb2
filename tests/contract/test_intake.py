"""Words into a real store: what nobody can store holds nothing else up, and what is away is asked again."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from loguru import logger
from sqlalchemy import update

from tests.support.fleets import at, describes, said
from tests.support.statements import a_statement, digest_of
from tidegate_fleet.collector.intake import Intake
from tidegate_fleet.collector.reading import MessageReader
from tidegate_fleet.collector.settings import CollectorSettings
from tidegate_fleet.collector.tally import Tally
from tidegate_fleet.guard import Allowance
from tidegate_fleet.history import EventRecord, HostQuery, ReleaseKey, StatementRecord
from tidegate_fleet.store.connect import Store, open_store
from tidegate_fleet.store.faults import StoreError, UnfitRowError
from tidegate_fleet.store.gate import OpenGate
from tidegate_fleet.store.reader import StoredHistory
from tidegate_fleet.store.schema import event, passage, standing
from tidegate_fleet.store.writer import Writer
from tidegate_fleet.words import HostEvent
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.status import Presence
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tidegate_fleet.store.batch import Written
    from tidegate_fleet.store.gate import Gate
    from tidegate_fleet.store.rows import Word

TOPICS = Topics()
SETTINGS = CollectorSettings("one", allowance=Allowance(burst=5, each_s=1e9, results=2))


class Squeamish(Writer):
    """A writer whose database does not take what the host `poison` says, or nothing while it is away."""

    away = False
    away_after: int | None = None

    def write(self, words: Sequence[Word], now: datetime, gate: Gate | None = None) -> Written:
        if self.away or self.away_after == 0:
            self.away_after = None
            raise StoreError(Code.STORE_UNREACHABLE, "away")
        if any(isinstance(word, HostEvent) and word.event.subject == "poison" for word in words):
            raise UnfitRowError(Code.INTERNAL_ERROR, "does not take a row")
        if self.away_after:
            self.away_after -= 1
        return super().write(words, now, gate or OpenGate())


@dataclass
class Told:
    """A tap that remembers, and then fails: collecting goes on."""

    events: list[EventRecord] = field(default_factory=list)

    def committed(self, events: Sequence[EventRecord], statuses: int) -> None:
        del statuses
        self.events.extend(events)
        raise RuntimeError("a tap of somebody else's")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/f.db") as opened:
        yield opened


def intake(writer: Writer, tally: Tally, *taps: Told) -> Intake:
    return Intake(SETTINGS, MessageReader(TOPICS), writer, (tally, *taps), tally, lambda: at(100))


def message(word: HostEvent) -> Message:
    return Message(TOPICS.events(word.event.subject), word.event.to_json(), retained=False, packet=1)


def test_a_word_that_no_store_takes_is_let_go_alone(store: Store) -> None:
    tally, told = Tally(), Told()
    words: list[Word] = [said(f"edge-{index}", Step.ACCEPTED) for index in range(7)]
    words.insert(3, said("poison", Step.ACCEPTED))
    intake(Squeamish(store, "one"), tally, told).store(words)
    assert [record.event.subject for record in told.events] == [f"edge-{index}" for index in range(7)]
    assert tally.document == {
        "events": 7,
        "statuses": 0,
        "statements": 0,
        "repeated": 0,
        "refused": {"unstorable": 1},
    }


def test_nothing_is_lost_while_the_store_is_away(store: Store) -> None:
    writer, tally = Squeamish(store, "one"), Tally()
    taken = intake(writer, tally)
    writer.away = True
    with pytest.raises(StoreError):
        taken.store([said("edge-1", Step.ACCEPTED)])
    writer.away = False
    taken.store([said("edge-1", Step.ACCEPTED)])
    taken.store([said("edge-1", Step.ACCEPTED)])
    assert (tally.events, tally.again) == (1, 1)


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_what_was_stored_before_the_store_went_away_is_not_counted_again(store: Store, after: int) -> None:
    writer, tally = Squeamish(store, "one"), Tally()
    taken = intake(writer, tally)
    record = StatementRecord(a_statement(), at(0), verified=False)
    words: list[Word] = [record, *(said(f"edge-{index}", Step.ACCEPTED) for index in range(7))]
    words.insert(6, said("poison", Step.ACCEPTED))
    writer.away_after = after
    new = 0
    while words:
        with contextlib.suppress(StoreError):
            new += taken.store(words)
    assert (tally.events, tally.again, tally.why) == (7, 0, {"unstorable": 1})
    assert (new, tally.statements) == (1, 1), "upkeep hears of it"


def test_a_flood_of_one_host_is_counted_and_leaves_others_alone(store: Store) -> None:
    tally = Tally()
    taken = intake(Writer(store, "one"), tally)
    flood = [message(said("loud", Step.STAGING, index)) for index in range(50)]
    words = taken.read([*flood, message(said("quiet", Step.ACCEPTED)), message(said("loud", Step.SUCCEEDED))])
    taken.store(words)
    assert (tally.events, tally.why) == (7, {"flood": 45})
    with store.reading() as connection:
        counted = connection.exec_driver_sql("SELECT name, flooded FROM host ORDER BY name").all()
    assert [tuple(row) for row in counted] == [("loud", 45), ("quiet", 0)]


def test_of_statuses_in_one_batch_the_last_description_and_the_will_count(store: Store) -> None:
    tally = Tally()
    taken = intake(Writer(store, "one"), tally)
    statuses = [describes("edge-1", index, index, labels={"n": str(index)}) for index in (1, 2, 3)]
    will = describes("edge-1", 3, 3, presence=Presence.OFFLINE)
    words = taken.read(
        [Message(TOPICS.status("edge-1"), one.to_json(), retained=True) for one in (*statuses, will)]
    )
    assert words == [statuses[2], will]
    taken.store(words)
    assert [
        record.name for record in StoredHistory(store).hosts(HostQuery(labels={"n": "3"}, online=False))
    ] == ["edge-1"]


def test_hosts_beyond_the_cap_are_not_taken_in(store: Store) -> None:
    writer = Writer(store, "one", most_hosts=2)
    written = writer.write([said(f"edge-{index}", Step.ACCEPTED) for index in range(5)], at(0))
    assert (len(written.events), written.strangers) == (2, 3)
    again = writer.write([said("edge-0", Step.STAGING), said("edge-4", Step.STAGING)], at(1))
    assert (len(again.events), again.strangers) == (1, 1)


class Losing(Writer):
    """A writer whose store goes away as often as it is told, before or after it has taken everything."""

    before = after = 0

    def write(self, words: Sequence[Word], now: datetime, gate: Gate | None = None) -> Written:
        written = None
        if self.before == 0:
            written = super().write(words, now, gate or OpenGate())
        if written is not None and self.after == 0:
            return written
        self.before, self.after = max(self.before - 1, 0), self.after - (written is not None)
        raise StoreError(Code.STORE_UNREACHABLE, "away")


@pytest.mark.parametrize(("before", "after"), [(9, 0), (0, 1), (4, 1)])
def test_what_the_broker_gives_again_is_no_flood(store: Store, before: int, after: int) -> None:
    """As when the connection breaks while the store is away: the same messages are read once more."""
    writer, tally = Losing(store, "one"), Tally()
    writer.before, writer.after = before, after
    taken = intake(writer, tally)
    messages = [message(said("edge-1", Step.STAGING, index)) for index in range(5)]
    for _ in range(before + after):
        with pytest.raises(StoreError):
            taken.store(taken.read(messages))
    taken.store(taken.read(messages))
    taken.store(taken.read(messages))
    assert tally.why == {}
    assert StoredHistory(store).summary().events == 5
    taken.store(taken.read([message(said("edge-1", Step.STAGING, 99))]))
    assert (tally.why == {"flood": 1}) is (after == 0), "what we know to be stored is counted"


def test_statuses_of_one_host_are_bounded_and_repeated_ones_are_free(store: Store) -> None:
    tally = Tally()
    settings = CollectorSettings("one", allowance=Allowance(each_s=1e9, statuses=3))
    taken = Intake(settings, MessageReader(TOPICS), Writer(store, "one"), (tally,), tally, lambda: at(100))
    for index in range(1, 11):
        for _ in range(2):
            one = describes("loud", index, index, labels={"n": str(index)})
            taken.store(taken.read([Message(TOPICS.status("loud"), one.to_json(), retained=True)]))
    quiet = Message(TOPICS.status("quiet"), describes("quiet").to_json(), retained=True)
    taken.store(taken.read([quiet]))
    assert (tally.statuses, tally.why["flood"]) == (4, 14 + 1)
    assert StoredHistory(store).host("quiet") is not None


def test_new_statements_are_told_even_if_the_rest_is_written_later(store: Store) -> None:
    writer = Writer(store, "one")
    record = StatementRecord(a_statement(), at(0), verified=False)
    with store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE host RENAME TO elsewhere")
    with pytest.raises(StoreError):
        writer.write([record, said("edge-1", Step.ACCEPTED)], at(0))
    with store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO host")
    assert writer.write([record, said("edge-1", Step.ACCEPTED)], at(0)).statements == 1


def test_what_a_newer_collector_wrote_loses_no_words_and_hides_no_hosts(store: Store) -> None:
    tally, history = Tally(), StoredHistory(store)
    taken = intake(Writer(store, "one"), tally)
    taken.store([describes("edge-1"), said("edge-1", Step.FAILED, 1, code=Code.HEALTH_FAILED, reason="no")])
    with store.writing() as connection:
        for table in (standing, passage, event):
            connection.execute(update(table).values(code="health.frozen"))
        connection.exec_driver_sql("UPDATE event SET body = replace(body, 'health.failed', 'health.frozen')")
    (found,) = history.hosts(HostQuery())
    assert found.standings["os", "stable"].code is None
    (record,) = history.events_after(0)
    assert (record.event.data.code, record.event.data.reason) == (None, "no [health.frozen]")
    assert history.failures(ReleaseKey("os", "stable", digest_of("a")))[0].code is None
    taken.store([said("edge-1", Step.SUCCEEDED, 2)])
    assert (tally.events, tally.why) == (2, {})


def test_a_row_that_nobody_can_read_blames_no_word(store: Store) -> None:
    tally = Tally()
    taken = intake(Writer(store, "one"), tally)
    taken.store([said("edge-1", Step.ACCEPTED, 1)])
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE standing SET step = 'vanished'")
    with pytest.raises(StoreError, match="vanished") as caught:
        taken.store([said("edge-1", Step.SUCCEEDED, 2)])
    assert caught.value.code is Code.STORE_NEWER
    assert tally.why == {}, "the broker keeps it"


def test_a_topic_reaches_no_terminal_as_it_came(store: Store) -> None:
    lines: list[str] = []
    handler = logger.add(lambda line: lines.append(str(line)), format="{message}")
    try:
        hostile = Message(
            "tidegate/v1/hosts/\x1b[2J\nforged: " + "x" * 60_000, b"{", retained=False, packet=1
        )
        assert not intake(Writer(store, "one"), Tally()).read([hostile])
    finally:
        logger.remove(handler)
    (line,) = lines
    assert line.endswith("not taken in: malformed\n")
    assert line.removesuffix("\n").isprintable()
    assert len(line) < 300


def test_what_the_broker_keeps_of_forgotten_hosts_is_let_go_and_a_clock_that_is_behind_is_not(
    store: Store,
) -> None:
    settings = replace(SETTINGS, forget_hosts=timedelta(seconds=50))
    taken = Intake(settings, MessageReader(TOPICS), Writer(store, "one"), (), Tally(), lambda: at(100))
    old = describes("gone", 0), describes("behind", 0)
    kept, live = (Message(TOPICS.status(one.host), one.to_json(), retained=one.host == "gone") for one in old)
    taken.store(taken.read([kept, live]))
    assert [record.name for record in StoredHistory(store).hosts(HostQuery())] == ["behind"]
    # A connection may last for longer than that: the will that ends it counts while its host is known.
    end = describes("behind", 0, presence=Presence.OFFLINE)
    taken.store(taken.read([Message(TOPICS.will("behind"), end.to_json(), retained=True)]))
    assert [record.name for record in StoredHistory(store).hosts(HostQuery(online=False))] == ["behind"]


def test_an_event_alone_leaves_a_host_its_architecture(store: Store) -> None:
    writer = Writer(store, "one")
    writer.write([describes("edge-1", 0)], at(0))
    writer.write([said("edge-1", Step.ACCEPTED)], at(1))
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT arch FROM host").scalar() == "x86_64"
