"""The agent's numbers: what is counted, what is looked at, and that nothing from outside becomes a label."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.bus import FakeBroker, FakeBus
from tests.fakes.engine import IMAGE_BYTES, FakeEngine
from tests.fakes.health import SICK
from tests.fakes.journal import FakeJournal
from tests.fakes.verifier import FakeVerifier
from tests.support.rig import FOLLOW, Rig
from tests.support.statements import a_statement, an_event
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.adapters.metrics.counting import REMEMBERED, Counts
from tidegate_agent.adapters.metrics.gauges import AgentGauges
from tidegate_agent.adapters.observed import (
    ObservedBus,
    ObservedEngine,
    ObservedVerifier,
    observed_journal,
)
from tidegate_agent.census import take_census
from tidegate_agent.errors import ConfigError, RefusedError
from tidegate_agent.model import Failure, Follow, ImageTarget, Outgoing
from tidegate_agent.model import Protocol as MqttProtocol
from tidegate_agent.records import Change
from tidegate_agent.wiring.metrics import require_library
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState

CHANNEL = {"product": "os", "channel": "stable"}


class Numbers:
    """What Prometheus would read."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def __call__(self, name: str, **labels: str) -> float | None:
        found = [
            sample.value
            for family in text_string_to_metric_families(generate_latest(self._registry).decode())
            for sample in family.samples
            if (sample.name, sample.labels) == (f"tidegate_agent_{name}", labels)
        ]
        assert len(found) <= 1
        return found[0] if found else None


class Site:
    """A rig whose journal is looked on."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.counts = Counts(self.registry, [FOLLOW])
        self.disk = FakeJournal()
        self.rig = Rig(journal=observed_journal(self.disk, self.counts))
        self.registry.register(
            AgentGauges(lambda: take_census(self.rig.agent, self.rig.journal, self.rig.clock), "1.2.3")
        )
        self.numbers = Numbers(self.registry)


def test_an_update_is_told_from_its_beginning_to_its_end() -> None:
    site = Site()
    read = site.numbers
    assert read("follow_state", **CHANNEL, tidegate_agent_follow_state="idle") == 1
    assert read("last_success_timestamp_seconds", **CHANNEL) == 0
    site.rig.announce(NEW, sequence=7)
    assert read("follow_state", **CHANNEL, tidegate_agent_follow_state="succeeded") == 1
    assert read("follow_state", **CHANNEL, tidegate_agent_follow_state="idle") == 0
    assert read("updates_total", **CHANNEL, outcome="succeeded") == 1
    assert [read(f"{name}_sequence", **CHANNEL) for name in ("statement", "installed", "target")] == [7, 7, 7]
    now = site.rig.clock.now()
    assert read("last_success_timestamp_seconds", **CHANNEL) == now.timestamp()
    assert read("sampled_timestamp_seconds") == now.timestamp()
    expires = site.rig.follower.memory.expires
    assert expires is not None
    assert read("statement_expires_timestamp_seconds", **CHANNEL) == expires.timestamp()
    assert read("follow_info", **CHANNEL, engine="fake") == 1
    assert read("build_info", version="1.2.3") == 1
    assert read("starts_total") == 1
    assert (read("bus_connected"), read("outbox_events"), read("clock_synchronised")) == (1, 0, 1)


def test_a_failed_update_says_why_and_what_does_not_come_back() -> None:
    site = Site()
    site.rig.health.answers = [SICK]
    site.rig.announce(NEW)
    for _ in range(10):
        site.rig.advance(timedelta(minutes=1))
    assert site.numbers("updates_total", **CHANNEL, outcome="rolled-back") == 1
    assert site.numbers("update_failures_total", **CHANNEL, code="health.failed") == 1
    assert site.numbers("quarantined_images", **CHANNEL) == 1
    assert site.numbers("last_success_timestamp_seconds", **CHANNEL) == 0


def test_what_an_update_waits_for_is_counted_and_shown() -> None:
    site = Site()
    site.rig.announce(NEW, rollout=Rollout(seed="seed", state=RolloutState.HELD))
    assert site.numbers("waits_total", **CHANNEL, reason="hold") == 1
    assert site.numbers("waiting_for", **CHANNEL, tidegate_agent_waiting_for="hold") == 1
    assert site.numbers("waiting_for", **CHANNEL, tidegate_agent_waiting_for="window") == 0


def test_refused_messages_are_counted_all_and_by_code_where_they_were_told() -> None:
    site = Site()
    site.rig.announce(NEW, sequence=5)
    site.rig.announce(NEWER, sequence=4)
    assert site.numbers("refusals_reported_total", **CHANNEL, code="statement.rollback") == 1
    assert site.numbers("messages_refused_total", **CHANNEL) == 1


def test_a_disk_that_takes_nothing_is_told_and_so_is_one_that_cannot_be_read() -> None:
    site = Site()
    site.disk.broken = True
    site.rig.announce(NEW)
    assert site.numbers("disk_fault", code="disk.full") == 1
    assert site.numbers("disk_fault", code="disk.io") == 0
    site.disk.broken, site.disk.unreadable = False, True
    site.rig.settle()
    assert site.numbers("follow_state", **CHANNEL, tidegate_agent_follow_state="idle") is None
    assert sum(site.numbers("disk_fault", code=code) or 0 for code in ("disk.io", "disk.full")) == 1
    assert site.numbers("starts_total") == 1


def test_an_engine_that_does_not_answer_is_told() -> None:
    registry = CollectorRegistry()
    registry.register(AgentGauges(lambda: None, "1.2.3"))
    assert Numbers(registry)("engine_responding") == 0
    assert Numbers(registry)("bus_connected") is None


def test_an_event_that_is_committed_twice_is_one() -> None:
    registry = CollectorRegistry()
    counts = Counts(registry, [FOLLOW])
    for _ in range(2):
        counts.committed(Change(FOLLOW, events=(an_event(Step.FAILED),)))
    assert Numbers(registry)("updates_total", **CHANNEL, outcome="failed") == 1


def test_when_an_update_last_succeeded_outlives_the_agent_and_counters_do_not() -> None:
    registry = CollectorRegistry()
    event = an_event(Step.SUCCEEDED)
    counts = Counts(registry, [FOLLOW], [event])
    counts.committed(Change(FOLLOW, events=(event,)))
    read = Numbers(registry)
    assert read("last_success_timestamp_seconds", **CHANNEL) == event.time.timestamp()
    assert read("updates_total", **CHANNEL, outcome="succeeded") is None


def test_events_of_a_channel_that_is_not_followed_make_no_series() -> None:
    registry = CollectorRegistry()
    counts = Counts(registry, [Follow("app", "beta")])
    before = generate_latest(registry)
    counts.committed(Change(FOLLOW, events=(an_event(Step.FAILED),)))
    assert generate_latest(registry) == before


def test_events_are_remembered_for_a_while_only() -> None:
    registry = CollectorRegistry()
    counts = Counts(registry, [FOLLOW])
    first = an_event(Step.FAILED)
    counts.committed(Change(FOLLOW, events=(first,)))
    others = [first.model_copy(update={"id": f"other-{number}"}) for number in range(REMEMBERED)]
    counts.committed(Change(FOLLOW, events=tuple(others)))
    counts.committed(Change(FOLLOW, events=(first,)))
    assert Numbers(registry)("updates_total", **CHANNEL, outcome="failed") == REMEMBERED + 2


def test_verifications_are_timed_and_told_by_how_they_ended() -> None:
    registry = CollectorRegistry()
    fake = FakeVerifier()
    verifier = ObservedVerifier(fake, Counts(registry, [FOLLOW]), "warrant")
    message = fake.sign(a_statement(NEW).to_json())
    assert verifier.verify(FOLLOW, message) == fake.verify(FOLLOW, message)
    with pytest.raises(RefusedError, match="nobody signed it"):
        verifier.verify_request(b"rubbish")
    read = Numbers(registry)
    assert read("verifications_total", subject="warrant", outcome="genuine") == 1
    assert read("verifications_total", subject="request", outcome="signature.missing") == 1
    assert read("verification_duration_seconds_count", subject="request") == 1


def test_bytes_that_came_are_counted_as_they_come_and_once() -> None:
    registry = CollectorRegistry()
    engine = FakeEngine(OLD)
    observed = ObservedEngine(engine, FOLLOW, Counts(registry, [FOLLOW]))
    seen: list[float | None] = []
    read = Numbers(registry)
    target = ImageTarget(NEW, ("registry.example/os",), "amd64")
    observed.stage(target, lambda _: seen.append(read("downloaded_bytes_total", **CHANNEL)), lambda: False)
    assert read("downloaded_bytes_total", **CHANNEL) == IMAGE_BYTES
    assert seen == sorted(seen, key=lambda value: value or 0)
    assert IMAGE_BYTES / 2 in seen
    assert observed.status() == engine.status()
    assert observed.capabilities() == engine.capabilities()
    observed.activate(NEW)
    observed.rollback(OLD)
    observed.discard()
    assert engine.calls[-3:] == [f"activate {NEW}", f"rollback {OLD}", "discard"]


def test_connections_and_messages_are_counted_and_passed_on() -> None:
    registry = CollectorRegistry()
    broker, heard = FakeBroker(), Heard()
    bus = ObservedBus(FakeBus(broker, "edge-1", ["a/topic"]), Counts(registry, [FOLLOW]))
    bus.start(heard, lambda: Outgoing(-1, "a/will", b""))
    broker.publish("a/topic", b"12345")
    assert bus.publish(Outgoing(3, "another/topic", b"word"))
    broker.cut()
    read = Numbers(registry)
    assert read("bus_connections_total") == 2
    assert read("messages_received_total") == 1
    assert read("messages_received_bytes_total") == 5
    assert read("bus_disconnections_total", code="bus.unreachable") == 1
    assert heard.words == ["connected", "a/topic 12345", "acknowledged 3", "disconnected", "connected"]
    bus.stop(None)


class Heard:
    """Hears the bus."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def connected(self, protocol: MqttProtocol) -> None:
        del protocol
        self.words.append("connected")

    def disconnected(self, failure: Failure) -> None:
        del failure
        self.words.append("disconnected")

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        del retained
        self.words.append(f"{topic} {payload.decode()}")

    def acknowledged(self, token: int) -> None:
        self.words.append(f"acknowledged {token}")

    def refused(self, token: int) -> None:
        self.words.append(f"refused {token}")


def test_every_family_has_words_and_a_name_as_prometheus_wants_it() -> None:
    site = Site()
    site.rig.announce(NEW)
    families = list(text_string_to_metric_families(generate_latest(site.registry).decode()))
    assert len(families) > 20
    for family in families:
        assert family.documentation.endswith(".")
        assert family.name.startswith("tidegate_agent_")
        assert not re.search(r"_(ms|kb|mb|minutes|percent)(_|$)", family.name)
        assert family.type != "unknown"


def test_a_host_without_the_library_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match=r"pip install 'tidegate\[metrics\]'") as refused:
        require_library()
    assert refused.value.code is Code.CONFIG_MISSING


def test_an_agent_without_metrics_loads_nothing_of_them() -> None:
    script = (
        "import sys, tidegate_agent.wiring;"
        "print([name for name in sys.modules if 'prometheus' in name or 'adapters.metrics' in name])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
