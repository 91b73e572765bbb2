"""Real collectors on real brokers, killed at any moment: every event is in the store, once."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
import urllib3

from tests.support.brokers import MosquittoBroker, NatsBroker, free_port
from tests.support.collecting import TOPICS, CollectorProcess, Hosts, all_events, history
from tests.support.fleets import describes, said
from tests.support.key_pairs import KeyPair
from tests.support.postgres import Postgres
from tests.support.statements import a_statement, digest_of
from tests.support.waiting import wait_until
from tidegate_fleet.history import HostQuery, ReleaseKey
from tidegate_fleet.standing import Phase
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_fleet.words import HostEvent

A = ReleaseKey("os", "stable", digest_of("a"))
STEPS = (Step.ACCEPTED, Step.STAGING, Step.STAGED, Step.ACTIVATING, Step.PROVING, Step.SUCCEEDED)


def updates(hosts: int) -> list[HostEvent]:
    """The events of an update of so many hosts, step by step."""
    return [said(f"edge-{host}", step, place) for place, step in enumerate(STEPS) for host in range(hosts)]


def collected(store: str, count: int) -> None:
    """Wait until so many events are in a store, and see that each is there once."""
    with history(store) as kept:
        wait_until(lambda: kept.summary().events >= count, f"{count} events are collected", 120)
        ids = [(record.event.subject, record.event.id) for record in all_events(kept)]
    assert len(ids) == len(set(ids)) == count


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state/fleet.db"


@pytest.mark.real("mosquitto")
def test_a_collector_keeps_events_statuses_and_statements(tmp_path: Path, sqlite: str) -> None:
    with MosquittoBroker(tmp_path) as broker, Hosts(broker.port) as hosts:
        bundle = KeyPair().bundle(a_statement().to_json())
        hosts.leave(TOPICS.channel("os", "stable"), bundle)
        hosts.say([describes("edge-0"), describes("edge-9")])
        with CollectorProcess(tmp_path, broker.url, sqlite):
            hosts.say(updates(2))
            collected(sqlite, 12)
            with history(sqlite) as kept:
                wait_until(lambda: kept.count_hosts(HostQuery(online=True)) == 2, "statuses are there")
                wait_until(
                    lambda: kept.count_hosts(HostQuery(release=A, phase=Phase.PENDING)) == 1,
                    "who has not said anything yet is counted",
                )
                release = kept.release(A)
                assert release is not None
                assert release.counts == {("", Phase.SUCCEEDED): 2, ("", Phase.PENDING): 1}
                assert release.latest is not None
                assert not release.latest.verified
    assert (tmp_path / "state" / "fleet.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.real("mosquitto")
def test_what_comes_while_the_collector_is_away_waits_for_it(tmp_path: Path, sqlite: str) -> None:
    with MosquittoBroker(tmp_path) as broker, Hosts(broker.port) as hosts:
        with CollectorProcess(tmp_path, broker.url, sqlite):
            hosts.say([said("edge-0", Step.ACCEPTED)])
            collected(sqlite, 1)
        hosts.say([said("edge-0", Step.STAGING), said("edge-0", Step.ACCEPTED)])
        away = CollectorProcess(tmp_path, broker.url, sqlite, "one", "--until-idle", "3s", "--json")
        away.start(wait=False)
        assert away.wait() == 0
        numbers = json.loads(away.words.strip().splitlines()[-1])
        assert (numbers["events"], numbers["repeated"]) == (1, 1)
        collected(sqlite, 2)


@pytest.mark.real("mosquitto")
def test_killed_again_and_again_it_keeps_every_event_once(tmp_path: Path, sqlite: str) -> None:
    words = updates(120)
    chance = random.Random(6)  # noqa: S311 -- a reproducible choice of moments
    with MosquittoBroker(tmp_path) as broker, Hosts(broker.port) as hosts:
        collector = CollectorProcess(tmp_path, broker.url, sqlite)
        collector.start()
        for start in range(0, len(words), 120):
            hosts.say(words[start : start + 120], wait=False)
            with history(sqlite) as kept:
                some = start + chance.randrange(1, 100)
                wait_until(lambda some=some, kept=kept: kept.summary().events >= some, "some are there", 60)  # type: ignore[misc]
            collector.kill()
            collector.start()
        collected(sqlite, len(words))
        collector.end()


@pytest.mark.real("mosquitto")
@pytest.mark.real("postgres")
def test_collectors_that_share_lose_nothing_when_one_is_killed(tmp_path: Path) -> None:
    words = updates(200)
    with Postgres() as server, MosquittoBroker(tmp_path) as broker, Hosts(broker.port) as hosts:
        store = server.database()
        group = [
            CollectorProcess(tmp_path, broker.url, store, f"c{index}", "--share", "fleet")
            for index in range(3)
        ]
        for one in group:
            one.start()
        hosts.say(words[:600], wait=False)
        with history(store) as kept:
            wait_until(lambda: kept.summary().events >= 100, "some events are there", 60)
        group[1].kill()
        hosts.say(words[600:], wait=False)
        group[1].start()
        collected(store, len(words))
        for one in group:
            one.end()
        with history(store) as kept:
            release = kept.release(A)
            assert release is not None
            assert release.counts == {("", Phase.SUCCEEDED): 200}


@pytest.mark.real("mosquitto")
def test_collectors_that_take_all_keep_each_event_once(tmp_path: Path, sqlite: str) -> None:
    with (
        MosquittoBroker(tmp_path) as broker,
        Hosts(broker.port) as hosts,
        CollectorProcess(tmp_path, broker.url, sqlite, "a"),
        CollectorProcess(tmp_path, broker.url, sqlite, "b"),
    ):
        hosts.say(updates(50))
        collected(sqlite, 300)


@pytest.mark.real("mosquitto")
def test_a_broker_that_restarts_is_found_again(tmp_path: Path, sqlite: str) -> None:
    with MosquittoBroker(tmp_path) as broker, CollectorProcess(tmp_path, broker.url, sqlite):
        with Hosts(broker.port) as hosts:
            hosts.say(updates(10))
        collected(sqlite, 60)
        broker.stop()
        broker.start()
        with Hosts(broker.port) as hosts:
            hosts.say([said("edge-late", Step.ACCEPTED)])
        collected(sqlite, 61)


@pytest.mark.real("mosquitto")
@pytest.mark.real("postgres")
def test_a_database_that_is_away_is_waited_for(tmp_path: Path) -> None:
    with Postgres() as server, MosquittoBroker(tmp_path) as broker, Hosts(broker.port) as hosts:
        store = server.database()
        with CollectorProcess(tmp_path, broker.url, store) as collector:
            hosts.say(updates(5))
            collected(store, 30)
            server.stop()
            hosts.say([said("edge-late", Step.ACCEPTED, at) for at in range(40)])
            wait_until(lambda: "store.unreachable" in collector.words, "it notices", 60)
            server.start()
            collected(store, 70)


@pytest.mark.real("mosquitto")
def test_what_is_no_word_of_a_host_holds_nobody_up(tmp_path: Path, sqlite: str) -> None:
    with MosquittoBroker(tmp_path) as broker, Hosts(broker.port) as hosts:
        with CollectorProcess(tmp_path, broker.url, sqlite, "one", "--json") as collector:
            for payload in (b"", b"{", b"\xff\xfe", b"[" * 5000, b"{}" * 40_000):
                hosts.shout(TOPICS.events("edge-0"), payload)
            liar = said("edge-1", Step.ACCEPTED).event.to_json()
            hosts.shout(TOPICS.events("edge-0"), liar)
            hosts.shout(TOPICS.status("edge-0"), b"{}")
            hosts.shout(TOPICS.channel("os", "stable"), KeyPair().bundle(b"{}"))
            huge = said("edge-0", Step.ACCEPTED, attempt=2**80).event.to_json()
            hosts.shout(TOPICS.events("edge-0"), huge)
            hosts.say([said("edge-2", Step.ACCEPTED)])
            collected(sqlite, 1)
            other = said("edge-2", Step.ACCEPTED, reason="another content").event.to_json()
            hosts.shout(TOPICS.events("edge-2"), other)
            wait_until(lambda: "collision" in collector.words, "the collision is told")
        numbers = json.loads(collector.words.strip().splitlines()[-1])
        assert numbers["refused"] == {"malformed": 7, "unstorable": 1, "collision": 1}
        collected(sqlite, 1)


@pytest.mark.real("nats-server")
def test_a_broker_of_mqtt_3_1_1(tmp_path: Path, sqlite: str) -> None:
    with NatsBroker(tmp_path) as broker, Hosts(broker.port, v5=False) as hosts:
        with CollectorProcess(tmp_path, broker.url, sqlite):
            hosts.say(updates(60))
            collected(sqlite, 360)
        refused = CollectorProcess(tmp_path, broker.url, sqlite, "two", "--share", "fleet")
        refused.start(wait=False)
        assert refused.wait() == 1
        assert "does not speak MQTT 5" in refused.words
        assert "run one collector without --share" in refused.words


@pytest.mark.real("mosquitto")
def test_it_serves_the_page_and_its_numbers(tmp_path: Path, sqlite: str) -> None:
    listen = f"127.0.0.1:{free_port()}"
    words = ("--listen", listen, "--no-login")
    with (
        MosquittoBroker(tmp_path) as broker,
        Hosts(broker.port) as hosts,
        CollectorProcess(tmp_path, broker.url, sqlite, "one", *words),
    ):
        hosts.say(updates(1))
        collected(sqlite, 6)
        numbers = urllib3.request("GET", f"http://{listen}/metrics", timeout=30).data.decode()
        assert 'tidegate_collector_events_total{step="succeeded"} 1.0' in numbers
        assert urllib3.request("GET", f"http://{listen}/healthz", timeout=30).status == 200
