"""What a database is before and after: URLs, files, versions, and what is forgotten."""

from __future__ import annotations

import os
from collections import deque
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.fleets import at, describes, said
from tests.support.statements import a_statement, digest_of
from tidegate_fleet.history import HostQuery, ReleaseKey, StatementRecord
from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.faults import StoreError
from tidegate_fleet.store.forgetting import Forgetting
from tidegate_fleet.store.reader import StoredHistory
from tidegate_fleet.store.writer import Writer
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_fleet.store.rows import Word

A = ReleaseKey("os", "stable", digest_of("a"))
LEASE = timedelta(minutes=10)


def refused(url: str, *, make: bool = True) -> TidegateError:
    with pytest.raises(TidegateError) as caught, open_store(url, make=make):
        pass
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://db/fleet",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:f.db?mode=memory&uri=true",
        "postgresql+asyncpg://db/fleet",
        "postgres://db/f",
    ],
)
def test_a_url_that_names_no_database_of_ours_is_refused(url: str) -> None:
    error = refused(url)
    assert error.code is Code.CONFIG_VALUE
    assert "expected sqlite:///" in error.reason


@pytest.mark.parametrize(
    "url", ["postgresql://me:secret@db/fleet", "postgresql+psycopg://me@db/f?password=secret"]
)
def test_a_password_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    error = refused(url)
    assert error.code is Code.CONFIG_VALUE
    assert "PGPASSFILE" in error.reason
    assert "secret" not in str(error)


def test_who_only_reads_makes_nothing(tmp_path: Path) -> None:
    assert refused(f"sqlite:///{tmp_path}/none.db", make=False).code is Code.STORE_MISSING
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "empty.db").touch()
    assert refused(f"sqlite:///{tmp_path}/empty.db", make=False).code is Code.STORE_MISSING


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("something else entirely, and long enough to be read as a header " * 40)
    before = (tmp_path / "other").read_bytes()
    assert refused(f"sqlite:///{tmp_path}/other").code in {Code.STORE_UNREACHABLE, Code.STORE_REFUSED}
    assert (tmp_path / "other").read_bytes() == before


def test_newer_tables_are_not_touched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/f.db"
    with open_store(url) as store, store.writing() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '99' WHERE key = 'version'")
    for make in (True, False):
        error = refused(url, make=make)
        assert error.code is Code.STORE_NEWER
        assert "version 99" in error.reason


def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with open_store(f"sqlite:///{tmp_path}/state/f.db") as store:
            Writer(store, "one").write([said("edge-1", Step.ACCEPTED)], at(0))
            modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_events_are_forgotten_and_what_they_led_to_is_not(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/f.db") as store:
        writer, history = Writer(store, "one"), StoredHistory(store)
        writer.write([StatementRecord(a_statement(), at(0), verified=False)], at(0))
        writer.write([said("edge-1", Step.WAITING, 0, waiting_for="window")], at(0))
        writer.write([said("edge-1", Step.SUCCEEDED, 60)], at(60))
        before = list(history.passages(A))
        writer.write([said("edge-2", Step.ACCEPTED, 900)], at(900))
        forgetting = Forgetting(store)
        assert forgetting.some(at(1000), "one", timedelta(seconds=500), None, LEASE)
        assert not forgetting.some(at(1000), "one", timedelta(seconds=500), None, LEASE)
        assert [record.event.subject for record in history.events_after(0)] == ["edge-2"]
        assert list(history.passages(A))[:1] == before
        # A late event does not spoil what was summed up from events that are gone.
        writer.write([said("edge-1", Step.STAGED, 30)], at(1000))
        (first, _) = history.passages(A)
        assert first.waited_for == {"window": 60.0}
        assert history.summary().events == 4


def test_hosts_that_are_gone_for_long_are_forgotten_with_all_that_is_theirs(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/f.db") as store:
        writer, history = Writer(store, "one"), StoredHistory(store)
        gone = describes("gone", 0, labels={"ring": "canary"}, presence=Presence.OFFLINE)
        writer.write([gone, said("gone", Step.SUCCEEDED)], at(0))
        writer.write([describes("quiet", 0)], at(0))
        writer.write([describes("back", 0, presence=Presence.OFFLINE)], at(999))
        assert Forgetting(store).some(at(1000), "one", None, timedelta(seconds=500), LEASE)
        assert [record.name for record in history.hosts(HostQuery())] == ["back", "quiet"]
        assert history.host_events("gone") == ()
        assert list(history.passages(A)) == []
        assert history.release(A) is None, "nobody speaks of it any more"


def test_one_collector_at_a_time_forgets(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/f.db") as store:
        writer, forgetting = Writer(store, "one"), Forgetting(store)
        writer.write([said("edge-1", Step.ACCEPTED)], at(0))
        day = timedelta(seconds=10)
        assert not forgetting.some(at(5), "one", day, None, LEASE)
        assert not forgetting.some(at(100), "two", day, None, LEASE), "the other one has the lease"
        assert forgetting.some(at(100) + LEASE, "two", day, None, LEASE)
        assert not forgetting.some(at(101) + LEASE, "one", day, None, LEASE)


def test_a_last_will_that_the_broker_kept_brings_no_forgotten_host_back(tmp_path: Path) -> None:
    year = timedelta(seconds=500)
    with open_store(f"sqlite:///{tmp_path}/f.db") as store:
        writer, history = Writer(store, "one", forget_hosts=year), StoredHistory(store)
        will = describes("gone", 0, presence=Presence.OFFLINE)
        writer.write([describes("gone", 0), will], at(0))
        assert Forgetting(store).some(at(1000), "one", None, year, LEASE)
        written = writer.write([will, describes("new", 900, presence=Presence.OFFLINE)], at(1000))
        assert [record.name for record in history.hosts(HostQuery())] == ["new"]
        assert (written.statuses, written.strangers) == (1, 0)
        # One that is still known has its will taken in, however old it is; and who speaks again is back.
        writer.write([describes("new", 1, 2), said("gone", Step.ACCEPTED, 1001)], at(1001))
        writer.write([describes("new", 1, 2, presence=Presence.OFFLINE)], at(1002))
        assert [record.name for record in history.hosts(HostQuery(online=False))] == ["gone", "new"]


def test_those_who_read_do_not_take_the_writers_connections(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/f.db"
    with open_store(url) as store, open_store(url, make=False) as asked, ExitStack() as questions:
        writer = Writer(store, "one")
        with pytest.raises(StoreError) as caught:
            deque(questions.enter_context(asked.reading()) for _ in range(100))
        assert caught.value.code is Code.STORE_UNREACHABLE
        assert len(writer.write([said("edge-1", Step.ACCEPTED)], at(0)).events) == 1


def test_events_from_a_clock_that_was_ahead_do_not_keep_older_ones(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/f.db") as store:
        writer, forgetting = Writer(store, "one"), Forgetting(store)
        ahead: list[Word] = [said("edge-1", Step.STAGING, index) for index in range(2100)]
        writer.write(ahead, at(10**9))
        writer.write([said("edge-2", Step.STAGING, 1)], at(1))
        keep = timedelta(seconds=500)
        assert forgetting.some(at(1000), "one", keep, None, LEASE)
        assert not forgetting.some(at(1000), "one", keep, None, LEASE)
        assert StoredHistory(store).host_events("edge-2") == ()
        assert StoredHistory(store).host_events("edge-1") != ()


def test_tables_of_the_version_before_are_brought_forward(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/f.db"
    with open_store(url) as store:
        Writer(store, "one").write([describes("edge-1", 0), said("edge-1", Step.ACCEPTED)], at(0))
        with store.writing() as connection:
            connection.exec_driver_sql("DROP INDEX event_of_way")
            for column in ("ended_start", "ended_connection", "ended_at"):
                connection.exec_driver_sql(f"ALTER TABLE host DROP COLUMN {column}")
            connection.exec_driver_sql("UPDATE meta SET value = '1' WHERE key = 'version'")
    with open_store(url) as store:
        Writer(store, "one").write([describes("edge-1", 0, presence=Presence.OFFLINE)], at(1))
        (record,) = StoredHistory(store).hosts(HostQuery(online=False))
        assert record.name == "edge-1"
