"""A real collector brings results elsewhere: over kills of itself and of who receives them, and in order."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.brokers import MosquittoBroker, free_port
from tests.support.collecting import CollectorProcess, Hosts
from tests.support.fleets import said
from tests.support.receiving import Answer, Receiver
from tests.support.waiting import wait_until
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_fleet.words import HostEvent

pytestmark = pytest.mark.real("mosquitto")


def results(first: int, last: int) -> list[HostEvent]:
    """The events of some hosts that succeed."""
    steps = (Step.ACCEPTED, Step.SUCCEEDED)
    return [
        said(f"edge-{host}", step, place) for host in range(first, last) for place, step in enumerate(steps)
    ]


def test_results_reach_a_webhook_whoever_is_killed(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/fleet.db"
    with (
        Receiver() as receiver,
        MosquittoBroker(tmp_path) as broker,
        Hosts(broker.port) as hosts,
    ):
        options = ("--webhook", receiver.url, "--outward-state", str(tmp_path))
        collector = CollectorProcess(tmp_path, broker.url, store, "one", *options)
        collector.start()
        hosts.say(results(0, 5))
        receiver.wait_for(5)
        receiver.stop()
        hosts.say(results(5, 10))
        collector.kill()
        receiver.answers = [Answer(500), Answer(204)]
        receiver.start()
        collector.start()
        hosts.say(results(10, 12))
        receiver.wait_for(13)
        collector.end()
    brought = [json.loads(request.body) for request in receiver.requests]
    assert {event["type"] for event in brought} == {"dev.tidegate.update.succeeded"}
    assert {event["subject"] for event in brought} == {f"edge-{host}" for host in range(12)}
    # In the order of collection, but for what came again.
    subjects = [int(event["subject"].removeprefix("edge-")) for event in brought]
    assert list(dict.fromkeys(subjects)) == sorted(set(subjects))


def test_a_collector_with_a_page_tells_prometheus_of_itself_and_of_its_fleet(tmp_path: Path) -> None:
    store, port = f"sqlite:///{tmp_path}/fleet.db", free_port()
    options = ("--listen", f"127.0.0.1:{port}", "--no-login")
    with (
        MosquittoBroker(tmp_path) as broker,
        Hosts(broker.port) as hosts,
        CollectorProcess(tmp_path, broker.url, store, "one", *options),
    ):
        hosts.say(results(0, 3))
        wait_until(lambda: scraped(port).get("tidegate_collector_events_total") == 6, "all are counted", 60)
        found = scraped(port)
    assert found["tidegate_collector_bus_connected"] == 1
    assert found["tidegate_fleet_store_answers"] == 1
    assert found["tidegate_fleet_hosts"] <= 3
    assert found["process_open_fds"] > 3


def scraped(port: int) -> dict[str, float]:
    """Sums over all labels, by name."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def test_a_webhook_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/fleet.db"
    options = ("--webhook", "http://hooks.example.org/", "--outward-state", str(tmp_path))
    collector = CollectorProcess(tmp_path, "mqtt://127.0.0.1:9", store, "one", *options)
    collector.start(wait=False)
    assert collector.wait() == 2
    assert "expected an https address" in collector.words
