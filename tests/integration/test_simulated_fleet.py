"""The simulator on a real broker: a fleet of fifty comes, is cut off, and is told something.

In one process and on the test's own thread: the loop is turned until what is awaited has come.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import MosquittoBroker
from tests.support.key_pairs import KeyPair
from tests.support.statements import a_statement, digest_of
from tests.support.watching import Watcher
from tidegate_publisher.adapters.sigstore_verifier import SigstoreVerifier
from tidegate_publisher.devstack.simulator.figures import Figures
from tidegate_publisher.devstack.simulator.hostmodel import HostModel
from tidegate_publisher.devstack.simulator.ledger import Ledger, read_ledger
from tidegate_publisher.devstack.simulator.letters import Letters
from tidegate_publisher.devstack.simulator.line import Line, Wires
from tidegate_publisher.devstack.simulator.loop import Loop
from tidegate_publisher.devstack.simulator.profile import Installed, Kind, make_profile
from tidegate_publisher.devstack.simulator.shares import Share
from tidegate_publisher.devstack.simulator.simhost import Around, SimHost
from tidegate_schemas.events import Step
from tidegate_schemas.status import HostStatus, Presence
from tidegate_wire.mqtt.messages import Version
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings
from tidegate_wire.trust.policy import SignerPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tidegate_wire.trust.root import PinnedRoot

HOSTS = 50
CHANNEL = ("os", "stable")
PATIENCE_S = 60.0
ENDS_IN_PLACE = [Step.ACTIVATING, Step.PROVING, Step.SUCCEEDED]
pytestmark = pytest.mark.real("mosquitto")


class Fleet:
    """Fifty hosts, what they count, and somebody who hears them."""

    def __init__(self, settings: BusSettings, version: Version, ledger: Ledger, key: KeyPair) -> None:
        def root() -> PinnedRoot:
            raise AssertionError

        verifier = SigstoreVerifier(root, SignerPolicy((key.signer,)))
        kind = Kind(Installed(digest_of("0")), (Share("fails-health", 0.2),), speed=500, reboots=0.5)
        self.loop, self.figures = Loop(), Figures(hosts=HOSTS)
        line = Line(settings.each, version)
        dice = random.Random(7)  # noqa: S311 - a simulation
        around = Around(Wires(self.loop, line, self.figures, dice), Letters(verifier, CHANNEL), ledger)
        self.hosts = [SimHost(HostModel(make_profile(kind, each), CHANNEL), around) for each in range(HOSTS)]
        self.settings = settings

    def until(self, reached: Callable[[], bool]) -> None:
        """Turn the loop until that is so."""
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            assert time.monotonic() < deadline, self.figures
            self.loop.turn()

    def begin(self) -> None:
        """A connect storm."""
        for host in self.hosts:
            host.begin()
        self.until(self.all_online)

    def all_online(self) -> bool:
        return all(host.online for host in self.hosts)

    def all_told(self) -> bool:
        """Whether every host has come to an end, and the broker has every event."""
        settled = all(host.model.stage.value == "settled" for host in self.hosts)
        return settled and self.all_online() and self.figures.unsent == 0

    def end(self) -> None:
        for host in self.hosts:
            host.stop()
        self.until(lambda: all(host.over for host in self.hosts))
        self.loop.close()


@pytest.fixture(params=[Version.V5, Version.V311])
def version(request: pytest.FixtureRequest) -> Version:
    chosen: Version = request.param
    return chosen


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MosquittoBroker]:
    with MosquittoBroker(tmp_path) as running:
        yield running


def settings_of(broker: MosquittoBroker) -> BusSettings:
    return BusSettings(url=broker.url, keepalive_s=5, reconnect_first_s=0.2, reconnect_most_s=1.0)


def retained(session: PublisherSession, topic_filter: str) -> list[HostStatus]:
    """The statuses that the broker keeps."""
    stream = session.stream([topic_filter], duration_s=2.0)
    return [HostStatus.model_validate_json(message.payload) for message in stream if message.retained]


def test_every_event_comes_through_a_restart_of_the_broker_once(
    tmp_path: Path, broker: MosquittoBroker, version: Version
) -> None:
    """A statement is announced, the broker is killed in the middle of what follows, and comes back."""
    key, path = KeyPair(), tmp_path / "ledger"
    settings = settings_of(broker)
    with Ledger(path) as ledger:
        fleet = Fleet(settings, version, ledger, key)
        fleet.begin()
        with PublisherSession(settings) as session:
            session.publish(settings.topics.channel(*CHANNEL), key.bundle(a_statement_now()), retain=True)
        fleet.until(lambda: fleet.figures.acknowledged >= HOSTS)
        broker.kill()
        fleet.until(lambda: not any(host.online for host in fleet.hosts))
        broker.start()
        fleet.until(fleet.all_told)
        fleet.end()
    created, acknowledged = read_ledger(path)
    assert created == acknowledged
    assert fleet.figures.created == len(created)
    failed = [host for host in fleet.hosts if host.model.quarantined]
    assert 0 < len(failed) < HOSTS
    assert {host.model.outcome for host in fleet.hosts} == {Step.SUCCEEDED, Step.ROLLED_BACK}
    assert len({name.split("/")[0] for name in created}) == HOSTS


def a_statement_now() -> bytes:
    return a_statement(digest_of("a"), issued_at=datetime.now(UTC)).to_json()


def test_what_the_broker_hands_on_is_the_contract(broker: MosquittoBroker, version: Version) -> None:
    """Events are readable in either mode and in order, statuses are retained, a goodbye says offline."""
    key, settings = KeyPair(), settings_of(broker).model_copy(update={"protocol": version.value})
    everything = settings.topics.all_status
    with Ledger(None) as ledger, PublisherSession(settings) as session:
        fleet = Fleet(settings, version, ledger, key)
        sound = next(host for host in fleet.hosts if not host.model.profile.behaviours)
        with Watcher(settings, sound.model.profile.host) as watcher:
            fleet.begin()
            session.publish(settings.topics.channel(*CHANNEL), key.bundle(a_statement_now()), retain=True)
            fleet.until(fleet.all_told)
            watcher.wait(lambda: Step.SUCCEEDED in watcher.steps(), "the host has succeeded")
            steps = watcher.steps()
        statuses = retained(session, everything)
        fleet.end()
        gone = retained(session, everything)
    assert steps[:2] == [Step.ACCEPTED, Step.STAGING]
    assert steps[-3:] in ([Step.REBOOTING, Step.PROVING, Step.SUCCEEDED], ENDS_IN_PLACE)
    assert len(statuses) == HOSTS
    assert {one.presence for one in statuses} == {Presence.ONLINE}
    assert {one.follows[0].target for one in statuses} == {digest_of("a")}
    assert {one.presence for one in gone} == {Presence.OFFLINE}


def test_a_host_that_vanishes_leaves_its_will_and_comes_back(broker: MosquittoBroker) -> None:
    settings = settings_of(broker)
    with Ledger(None) as ledger, PublisherSession(settings) as session:
        fleet = Fleet(settings, Version.V5, ledger, KeyPair())
        fleet.begin()
        host = fleet.hosts[0]
        topic, will = (
            leaf(host.model.profile.host) for leaf in (settings.topics.status, settings.topics.will)
        )
        host.cut()
        fleet.until(lambda: session.read_retained(will) is not None)
        told = HostStatus.model_validate_json(session.read_retained(will) or b"")
        assert (told.is_will, told.connection) == (True, 1)
        fleet.until(fleet.all_online)
        fleet.until(lambda: fleet.figures.statuses > HOSTS)
        fleet.loop.turn()
        told = HostStatus.model_validate_json(session.read_retained(topic) or b"")
        assert (told.presence, told.connection) == (Presence.ONLINE, 2)
        fleet.end()
