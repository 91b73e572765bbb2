"""What a collector and its store tell Prometheus, in few series whatever hosts say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.history import FakeHistory
from tests.support.statements import NOON, a_statement, a_status, an_event, digest_of
from tidegate_fleet.history import EventRecord, ReleaseKey, ReleaseRecord, Summary
from tidegate_fleet.outward.fleet import CHANNELS, OTHER, VERSIONS, WAVES, FleetMetrics
from tidegate_fleet.outward.metrics import (
    METRICS_TYPE,
    CollectorMetrics,
    DeliveryMetrics,
    metrics_response,
)
from tidegate_fleet.refusal import Refusal
from tidegate_fleet.standing import Phase
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState, Runner, Wave

CHANNEL = {"product": "os", "channel": "stable"}
NOW = NOON + timedelta(hours=1)

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(registry: CollectorRegistry) -> Numbers:
    text = metrics_response(registry).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def number(found: Numbers, name: str, **labels: str) -> float | None:
    return found.get((f"tidegate_{name}", frozenset(labels.items())))


def of_store(history: FakeHistory) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(FleetMetrics(history, lambda: NOW))
    return registry


def failed(host: str) -> Any:
    event = an_event(Step.FAILED)
    data = event.data.model_copy(update={"code": Code.HEALTH_FAILED, "reason": "web: 503"})
    return event.model_copy(
        update={"id": f"{host}/os/stable/1/1/failed", "subject": host, "source": f"/{host}", "data": data}
    )


def test_what_a_collector_does_is_counted() -> None:
    registry = CollectorRegistry()
    metrics = CollectorMetrics(registry, lambda: NOW)
    record = EventRecord(1, failed("a"), NOON + timedelta(seconds=3), verified=False)
    metrics.committed([record], statuses=2)
    metrics.stored(0.02)
    metrics.failed(Code.STORE_UNREACHABLE)
    metrics.repeated(4)
    metrics.refused(Refusal.FLOOD, 7)
    metrics.announced(1)
    metrics.waiting(12)
    metrics.connected(up=True)
    found = scraped(registry)
    assert number(found, "collector_events_total", step="failed") == 1
    assert number(found, "collector_event_failures_total", code="health.failed") == 1
    assert number(found, "collector_statuses_total") == 2
    assert number(found, "collector_event_lag_seconds_sum") == 3
    assert number(found, "collector_batch_duration_seconds_count") == 1
    assert number(found, "collector_store_errors_total", code="store.unreachable") == 1
    assert number(found, "collector_words_repeated_total") == 4
    assert number(found, "collector_words_refused_total", reason="flood") == 7
    assert number(found, "collector_words_refused_total", reason="collision") == 0
    assert number(found, "collector_statements_total") == 1
    assert number(found, "collector_waiting_words") == 12
    assert number(found, "collector_bus_connected") == 1
    assert number(found, "collector_last_event_timestamp_seconds") == NOW.timestamp()
    assert METRICS_TYPE.startswith("text/plain; version=")


def test_a_host_whose_clock_is_ahead_makes_no_negative_lag() -> None:
    registry = CollectorRegistry()
    CollectorMetrics(registry).committed(
        [EventRecord(1, an_event(), NOON - timedelta(days=9), verified=False)], 0
    )
    assert number(scraped(registry), "collector_event_lag_seconds_sum") == 0


def test_what_couriers_do_is_counted_by_target() -> None:
    registry = CollectorRegistry()
    metrics = DeliveryMetrics(registry)
    metrics.done("webhook", "delivered", 3)
    metrics.failed("webhook")
    metrics.behind("otlp", 12.5)
    found = scraped(registry)
    assert number(found, "outward_events_total", target="webhook", outcome="delivered") == 3
    assert number(found, "outward_failed_attempts_total", target="webhook") == 1
    assert number(found, "outward_behind_seconds", target="otlp") == 12.5


def test_a_rollout_is_told_by_wave_phase_and_code() -> None:
    history = FakeHistory()
    waves = (Wave(name="canary", fraction=1.0),)
    statement = a_statement(sequence=4, rollout=Rollout(seed="s", state=RolloutState.HELD, waves=waves))
    history.take(statement, NOON)
    for host in ("a", "b", "c"):
        history.take(a_status(host, state="waiting", current=digest_of("0"), version="0.9"), NOON)
    history.take(failed("a"), NOON + timedelta(minutes=1))
    found = scraped(of_store(history))
    assert number(found, "fleet_hosts") == 3
    assert number(found, "fleet_hosts_online") == 3
    assert number(found, "fleet_store_answers") == 1
    assert number(found, "fleet_release_hosts", **CHANNEL, wave="canary", phase="failed") == 1
    assert number(found, "fleet_release_hosts", **CHANNEL, wave="canary", phase="waiting") == 2
    assert number(found, "fleet_release_failures", **CHANNEL, code="health.failed") == 1
    assert number(found, "fleet_release_state", **CHANNEL, tidegate_fleet_release_state="held") == 1
    assert number(found, "fleet_release_state", **CHANNEL, tidegate_fleet_release_state="active") == 0
    assert number(found, "fleet_release_sequence", **CHANNEL) == 4
    expires = statement.predicate.expires.timestamp()
    assert number(found, "fleet_release_expires_timestamp_seconds", **CHANNEL) == expires
    assert number(found, "fleet_running_hosts", **CHANNEL, version="0.9") == 3
    assert number(found, "fleet_release_info", **CHANNEL, version="1.0", digest=digest_of("a")) == 1


def test_hosts_that_fall_silent_while_they_activate_are_told() -> None:
    history = FakeHistory()
    history.take(a_statement(), NOON)
    for host, heard in (("a", NOON), ("b", NOW - timedelta(minutes=1))):
        event = an_event(Step.REBOOTING)
        history.take(event.model_copy(update={"subject": host, "id": f"{host}/os/stable/1/1/x"}), heard)
    assert number(scraped(of_store(history)), "fleet_release_silent_hosts", **CHANNEL) == 1


class Invented(FakeHistory):
    """What a thousand liars could have the store say."""

    def summary(self) -> Summary:
        running = {
            (("os", f"c{channel}"), digest_of("a"), f"v{version}"): 1
            for channel in range(1000)
            for version in range(50)
        }
        stale = {("os", f"c{channel}"): 1 for channel in range(1000)}
        return Summary(1000, 1000, running, {}, stale, 0, None)

    def releases(self, limit: int = 50, channel: tuple[str, str] | None = None) -> tuple[ReleaseRecord, ...]:
        del limit, channel
        real = super().releases()
        invented = [
            ReleaseRecord(ReleaseKey("os", f"c{name}", digest_of("a")), "1", NOON, None, self.waves())
            for name in range(1000)
        ]
        return (*invented, *real)

    def release(self, key: ReleaseKey) -> ReleaseRecord | None:
        found = super().release(key)
        return None if found is None else replace(found, counts=self.waves())

    @staticmethod
    def waves() -> dict[tuple[str, Phase], int]:
        return {(f"w{wave}", phase): 1 for wave in range(100) for phase in Phase}


def test_however_many_names_hosts_invent_series_stay_few_and_sums_right() -> None:
    history = Invented()
    history.take(a_statement(), NOON)
    found = scraped(of_store(history))
    assert len(found) < CHANNELS * ((WAVES + 1) * len(Phase) + VERSIONS + 1 + 20)
    versions = [
        value
        for (name, labels), value in found.items()
        if name == "tidegate_fleet_running_hosts" and ("channel", "c0") in labels
    ]
    assert sum(versions) == 50
    assert len(versions) == VERSIONS + 1
    waves = {dict(labels)["wave"] for name, labels in found if name == "tidegate_fleet_release_hosts"}
    assert OTHER in waves
    # What was really announced is told, whoever speaks of what else.
    assert number(found, "fleet_release_sequence", **CHANNEL) == 1


def test_a_store_that_does_not_answer_is_told_and_breaks_nothing() -> None:
    class Gone(FakeHistory):
        def summary(self) -> Summary:
            raise TidegateError(Code.STORE_UNREACHABLE, "the store is gone")

    found = scraped(of_store(Gone()))
    assert found == {("tidegate_fleet_store_answers", frozenset()): 0}


def test_who_scrapes_often_does_not_ask_the_store_as_often() -> None:
    asked, moment = 0, 0.0

    class Counting(FakeHistory):
        def summary(self) -> Summary:
            nonlocal asked
            asked += 1
            return super().summary()

    registry = CollectorRegistry()
    registry.register(FleetMetrics(Counting(), lambda: NOW, lambda: moment))
    for _ in range(5):
        scraped(registry)
    assert asked == 1
    moment = 11.0
    scraped(registry)
    assert asked == 2


@pytest.mark.parametrize("made", ["collector", "outward", "fleet"])
def test_every_family_has_words_and_a_name_as_prometheus_wants_it(made: str) -> None:
    registry = CollectorRegistry()
    if made == "collector":
        CollectorMetrics(registry)
    elif made == "outward":
        DeliveryMetrics(registry)
    else:
        history = FakeHistory()
        history.take(a_statement(), datetime(2026, 3, 2, tzinfo=UTC))
        registry = of_store(history)
    families = list(text_string_to_metric_families(metrics_response(registry).decode()))
    assert families
    for family in families:
        assert family.name.startswith(f"tidegate_{made}_")
        assert family.documentation.endswith(".")
        assert not re.search(r"_(ms|kb|mb|minutes|percent)(_|$)", family.name)


def test_an_approval_that_is_waited_for_can_be_alerted_on() -> None:
    since = NOON + timedelta(minutes=20)
    asks = Runner(id="ci-1", process="p", began_at=NOON, wave="b", asks="b", asked_at=since)
    waves = (Wave(name="a", open=True), Wave(name="b"))
    history = FakeHistory()
    history.take(a_statement(rollout=Rollout(seed="s", waves=waves, runner=asks)), NOON)
    found = scraped(of_store(history))
    name = "fleet_release_approval_asked_timestamp_seconds"
    assert number(found, name, **CHANNEL) == since.timestamp()
    history.take(a_statement(sequence=2, rollout=Rollout(seed="s", waves=waves)), NOON)
    assert number(scraped(of_store(history)), name, **CHANNEL) == 0


def test_after_a_way_back_the_announced_release_is_told_and_not_the_youngest() -> None:
    history = FakeHistory()
    history.take(a_statement(digest_of("a"), sequence=1, version="1.0"), NOON)
    history.take(a_statement(digest_of("b"), sequence=2, version="2.0"), NOON + timedelta(minutes=1))
    history.take(a_statement(digest_of("a"), sequence=3, version="1.0"), NOON + timedelta(minutes=2))
    found = scraped(of_store(history))
    assert number(found, "fleet_release_info", **CHANNEL, version="1.0", digest=digest_of("a")) == 1
    assert number(found, "fleet_release_info", **CHANNEL, version="2.0", digest=digest_of("b")) is None
