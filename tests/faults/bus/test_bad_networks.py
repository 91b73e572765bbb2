"""A real agent and a real broker over a bad network: everything arrives, in order, and is acted upon."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.extent import everything
from tests.support.agent_process import AgentHost
from tests.support.brokers import MosquittoBroker, free_port
from tests.support.channel import Channel
from tests.support.lossy_link import LossyLink
from tests.support.site import HOST, Images, Site
from tests.support.waiting import wait_until
from tests.support.watching import Watcher
from tidegate_schemas.events import Step
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = [
    pytest.mark.real("mosquitto"),
    pytest.mark.real("ip"),
    pytest.mark.real("nsenter"),
    # In CI what is missing is a failure, as with programs.
    pytest.mark.skipif(
        not os.environ.get("CI") and (os.geteuid() != 0 or not Path("/dev/net/tun").exists()),
        reason="needs root and /dev/net/tun",
    ),
]

rare = pytest.mark.skipif(not everything(), reason="`./dev test faults --all` tries it")


@pytest.fixture
def link() -> Iterator[LossyLink]:
    with LossyLink() as made:
        yield made


@contextlib.contextmanager
def distant(folder: Path, sigstore: LocalSigstore, link: LossyLink, **bus: Any) -> Iterator[Site]:
    """A site whose host is at the other end of the link; publisher and watcher sit beside the broker."""
    port = free_port()
    config = f"listener {port} 0.0.0.0\nallow_anonymous true\n"
    settings = {
        "reconnect_first_s": 0.5,
        "reconnect_most_s": 2.0,
        "keepalive_s": 5,
        "connect_timeout_s": 5.0,
        **bus,
    }
    with MosquittoBroker(folder, config, port) as broker:
        beside, images = BusSettings(url=broker.url), Images(folder / "layout")
        far = BusSettings(url=f"mqtt://{link.far}:{port}", **settings)
        with Watcher(beside, HOST) as watcher:
            host = AgentHost(folder / "host", far, sigstore, launcher=link.enter)
            channel = Channel(beside, sigstore, f"oci:{images.folder}", None)
            with host.running():
                yield Site(broker, host, channel, watcher, images)


def nothing_was_lost(here: Site, *, patience_s: float = 60) -> None:
    """What the broker was told is what the journal says, in its order; what came twice was the same."""
    journal = here.host.history()
    ids = [event.id for event in journal]
    here.watcher.wait(lambda: len(here.watcher.events) == len(ids), "all events have come", patience_s)
    assert [event.id for event in here.watcher.events] == ids
    told = {event.id: event for event in journal}
    assert all(event == told[event.id] for event in here.watcher.delivered)


def test_a_fifth_of_all_packets_is_lost_others_come_twice_or_in_a_wrong_order(
    tmp_path: Path, sigstore: LocalSigstore, link: LossyLink
) -> None:
    link.spoil(loss=0.2, doubled=0.1, delay_s=0.02, jitter_s=0.1)
    with distant(tmp_path, sigstore, link) as here:
        v1 = here.images.release("1")
        here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1, 120)
        assert here.version() == "1"
        nothing_was_lost(here)
    assert link.to_host.lost > 0
    assert link.from_host.lost > 0


@pytest.mark.parametrize(
    "ways",
    [
        ("to_host", "from_host"),
        pytest.param(("to_host",), marks=rare),
        pytest.param(("from_host",), marks=rare),
    ],
    ids=["both ways", "nothing reaches the host", "nothing leaves the host"],
)
def test_what_is_published_during_a_partition_is_acted_upon_after_it(
    tmp_path: Path, sigstore: LocalSigstore, link: LossyLink, ways: tuple[str, ...]
) -> None:
    with distant(tmp_path, sigstore, link) as here:
        v1 = here.images.release("1")
        here.watcher.wait(lambda: bool(here.watcher.statuses), "the host is born", 60)
        born = here.watcher.status.connection
        for way in ways:
            getattr(link, way).closed = True
        here.channel.announce(v1)
        wait_until(lambda: "has said nothing for" in here.host.log.read_text(), "the agent noticed", 60)
        here.watcher.wait(lambda: not here.watcher.online, "so did the broker", 60)
        # It goes on trying, in vain, while it lasts.
        wait_until(lambda: here.host.log.read_text().count("next attempt in") >= 2, "it tried again", 90)
        link.mend()
        here.watcher.wait_for(Step.SUCCEEDED, v1, 120)
        here.watcher.wait(lambda: here.watcher.status.connection > born, "the host is born again", 60)
        assert (here.version(), here.host.switches) == ("1", [v1])
        nothing_was_lost(here)


@rare
def test_two_seconds_each_way(tmp_path: Path, sigstore: LocalSigstore, link: LossyLink) -> None:
    """As by satellite, and worse: an answer takes four seconds."""
    link.spoil(delay_s=2.0, jitter_s=0.2)
    with distant(tmp_path, sigstore, link, keepalive_s=20, connect_timeout_s=20.0) as here:
        v1 = here.images.release("1")
        here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1, 240)
        nothing_was_lost(here, patience_s=120)
        assert "was given up" not in here.host.log.read_text()


@rare
def test_a_slow_line(tmp_path: Path, sigstore: LocalSigstore, link: LossyLink) -> None:
    """Two kilobytes a second: a statement alone takes some seconds."""
    link.spoil(bytes_each_s=2000.0, delay_s=0.3)
    with distant(tmp_path, sigstore, link) as here:
        v1 = here.images.release("1")
        here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1, 240)
        nothing_was_lost(here, patience_s=120)


@rare
def test_a_hole_that_swallows_large_packets(tmp_path: Path, sigstore: LocalSigstore, link: LossyLink) -> None:
    """The connection stands, and what is small passes; the statement never does, nor what follows it."""
    with distant(tmp_path, sigstore, link) as here:
        v1 = here.images.release("1")
        link.to_host.largest = 600
        here.channel.announce(v1)
        wait_until(lambda: "has said nothing for" in here.host.log.read_text(), "the agent noticed", 60)
        link.to_host.largest = None
        here.watcher.wait_for(Step.SUCCEEDED, v1, 120)
        nothing_was_lost(here)
