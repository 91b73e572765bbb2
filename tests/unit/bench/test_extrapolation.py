"""The arithmetic to a million hosts: each number checked by hand, and what must grow with what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench.scale.extrapolation import bill, traffic
from tests.bench.scale.given import GIB, Broker, Fleet, Store, Words

WORDS = Words(events=8, event_bytes=700.0, statuses=6, status_bytes=840.0, statement_bytes=5500)
BROKER = Broker("some", 1, host_bytes=10_240, ping_s=10e-6, event_s=100e-6, delivery_s=50e-6,
                connections_per_s=1000.0)  # fmt: skip
STORE = Store(events_per_s=3000.0, event_bytes=1000.0)
FLEET = Fleet()


def test_pings_come_once_in_a_keepalive() -> None:
    assert traffic(FLEET, WORDS).pings_per_s == pytest.approx(1_000_000 / 60)


def test_events_of_the_largest_wave_come_evenly() -> None:
    # Half a million hosts in four hours, eight events and six statuses each.
    said = traffic(FLEET, WORDS)
    assert said.events_per_s == pytest.approx(500_000 * 8 / 14_400)
    assert said.statuses_per_s == pytest.approx(500_000 * 6 / 14_400)


def test_a_statement_makes_each_host_tell_its_status_once() -> None:
    said = traffic(replace(FLEET, statements_spread_s=100.0), WORDS)
    assert said.echo_per_s == 10_000
    assert said.messages_per_s == pytest.approx(10_000 + 500_000 * 14 / 14_400)


def test_bytes_of_an_update_are_its_events_and_statuses() -> None:
    assert traffic(FLEET, WORDS).update_bytes == 8 * 700 + 6 * 840


def test_a_release_is_its_updates_the_echo_of_its_statements_and_the_statements() -> None:
    said = traffic(FLEET, WORDS)
    assert said.release_in_bytes == 1_000_000 * (8 * 700 + 6 * 840 + 6 * 840)
    assert said.release_out_bytes == 1_000_000 * 6 * 5500


def test_a_month_has_its_releases_and_pings_both_ways() -> None:
    said = traffic(FLEET, WORDS)
    pings = 1_000_000 / 60 * 2 * 30 * 86_400
    assert said.month_in_bytes == pytest.approx(4 * said.release_in_bytes + pings)
    assert said.month_out_bytes == pytest.approx(4 * said.release_out_bytes + pings)
    assert said.collected_bytes == 4 * said.release_in_bytes


def test_memory_asks_for_nodes_of_which_half_may_be_used() -> None:
    # 10 KiB for each of a million: 9.54 GiB, at 4 GiB a node.
    asked = bill(FLEET, WORDS, BROKER, STORE)
    assert asked.memory_bytes == 10_240_000_000
    assert asked.nodes_by_memory == 3


def test_processors_are_added_up_over_pings_messages_and_deliveries() -> None:
    said = traffic(FLEET, WORDS)
    wanted = said.pings_per_s * 10e-6 + said.messages_per_s * 100e-6 + 1_000_000 / 600 * 50e-6
    asked = bill(FLEET, WORDS, BROKER, STORE)
    assert asked.cores == pytest.approx(wanted)
    assert asked.nodes_by_cores == 1


def test_a_storm_asks_for_nodes_that_take_all_hosts_back_in_time() -> None:
    # 1,111 a second; a node takes 500 at half its strength.
    assert bill(FLEET, WORDS, BROKER, STORE).nodes_by_storm == 3
    assert bill(replace(FLEET, reconnect_s=90.0), WORDS, BROKER, STORE).nodes_by_storm == 23


def test_what_a_cluster_takes_is_shared_by_its_nodes() -> None:
    cluster = replace(BROKER, nodes=3)
    assert bill(FLEET, WORDS, cluster, STORE).nodes_by_storm == 7


def test_the_hungriest_decides() -> None:
    asked = bill(replace(FLEET, node_bytes=GIB), WORDS, BROKER, STORE)
    assert asked.nodes == asked.nodes_by_memory == 20


def test_collectors_take_statuses_as_well_as_events() -> None:
    said = traffic(FLEET, WORDS)
    assert said.messages_per_s > 2000
    assert bill(FLEET, WORDS, BROKER, STORE).collectors == 2


def test_the_database_keeps_each_event_of_each_host() -> None:
    asked = bill(FLEET, WORDS, BROKER, STORE)
    assert asked.release_db_bytes == 8_000_000 * 1000
    assert asked.month_db_bytes == 4 * asked.release_db_bytes
    assert asked.rows_per_s == pytest.approx(traffic(FLEET, WORDS).events_per_s)


def test_a_small_fleet_needs_one_of_each() -> None:
    asked = bill(replace(FLEET, hosts=100), WORDS, BROKER, STORE)
    assert (asked.nodes, asked.collectors) == (1, 1)
