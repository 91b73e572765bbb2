"""A real agent on three nats-servers that lose one another: every event arrives, statements are heard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.conftest import find_program
from tests.faults.extent import everything
from tests.support.agent_process import AgentHost
from tests.support.channel import Channel
from tests.support.site import HOST, Images
from tests.support.waiting import wait_until
from tests.support.watching import Watcher
from tidegate_publisher.devstack.cluster.cluster import SIZE, Cluster
from tidegate_schemas.codes import TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.status import Presence
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = pytest.mark.real("nats-server")

PATIENCE_S: Final = 150.0
MESSAGES: Final = "$MQTT_msgs"


rare = pytest.mark.skipif(not everything(), reason="`./dev test faults --all` tries it")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    program = find_program("nats-server")
    assert program is not None
    with Cluster(tmp_path, program) as made:
        yield made


def settings(cluster: Cluster) -> BusSettings:
    return BusSettings(
        url=cluster.urls[0],
        alternatives=tuple(cluster.urls[1:]),
        protocol="3.1.1",
        keepalive_s=5,
        connect_timeout_s=5.0,
        reconnect_first_s=0.2,
        reconnect_most_s=1.0,
    )


def place_of(host: AgentHost, cluster: Cluster) -> int:
    """The node that the agent connected to last."""
    port = int(re.findall(r"Connected to 127\.0\.0\.1:(\d+)", host.log.read_text())[-1])
    return cluster.urls.index(f"mqtt://127.0.0.1:{port}")


def all_arrived(host: AgentHost, watcher: Watcher) -> None:
    """What the watcher has heard is what the journal says: nothing else, and nothing less."""
    told = {event.id: event for event in host.history()}
    watcher.wait(lambda: len(watcher.events) == len(told), "all events have come", PATIENCE_S)
    assert {event.id for event in watcher.events} == set(told)
    assert all(event == told[event.id] for event in watcher.delivered)
    assert [event.id for event in watcher.events] == list(told)


def started(host: AgentHost, cluster: Cluster) -> Watcher:
    """Somebody who looks on by way of another node than the agent's."""
    wait_until(lambda: "Connected to" in host.log.read_text(), "the agent is connected", PATIENCE_S)
    beside = cluster.urls[(place_of(host, cluster) + 1) % SIZE]
    return Watcher(BusSettings(url=beside, protocol="3.1.1"), HOST)


def test_the_node_of_an_agent_dies_in_the_middle_of_an_update(
    tmp_path: Path, cluster: Cluster, sigstore: LocalSigstore
) -> None:
    images = Images(tmp_path / "layout")
    v1 = images.release("1")
    host = AgentHost(tmp_path / "host", settings(cluster), sigstore)
    channel = Channel(settings(cluster), sigstore, f"oci:{images.folder}")
    with host.running(), started(host, cluster) as watcher:
        first = place_of(host, cluster)
        channel.announce(v1)
        watcher.wait_for(Step.ACCEPTED, v1, PATIENCE_S)
        cluster.kill(first)
        watcher.wait_for(Step.SUCCEEDED, v1, PATIENCE_S)
        assert place_of(host, cluster) != first
        watcher.wait(lambda: watcher.status.presence is Presence.ONLINE, "the host is there", PATIENCE_S)
        all_arrived(host, watcher)


@rare
@pytest.mark.parametrize("what", ["the messages' stream", "everything"])
def test_the_leader_dies_and_what_is_announced_meanwhile_is_acted_upon(
    tmp_path: Path, cluster: Cluster, sigstore: LocalSigstore, what: str
) -> None:
    images = Images(tmp_path / "layout")
    v1, v2 = images.release("1"), images.release("2")
    host = AgentHost(tmp_path / "host", settings(cluster), sigstore)
    channel = Channel(settings(cluster), sigstore, f"oci:{images.folder}")
    with host.running(), started(host, cluster) as watcher:
        channel.announce(v1)
        watcher.wait_for(Step.SUCCEEDED, v1, PATIENCE_S)
        cluster.await_ready()
        leader = cluster.leader() if what == "everything" else cluster.stream_leaders()[MESSAGES]
        assert leader is not None
        # No time to elect another one: the next statement comes while there is none.
        cluster.kill(leader)
        announce(channel, v2)
        wait_until(lambda: host.switches == [v1, v2], "the second is there", PATIENCE_S)
        # It may have been the watcher's: its session is with the other two meanwhile.
        cluster.start(leader)
        watcher.wait_for(Step.SUCCEEDED, v2, PATIENCE_S)
        all_arrived(host, watcher)


def announce(channel: Channel, digest: str) -> None:
    """Publish the next statement as soon as somebody takes it: the very same one, however often it takes."""
    channel.sequence += 1
    message = channel.sign(channel.statement(digest))

    def taken() -> bool:
        try:
            channel.say(message)
        except TidegateError:
            return False
        return True

    wait_until(taken, "the cluster takes the statement", PATIENCE_S)
