"""RabbitMQ as docs/brokers.md sets it up, on a real one: who may write and read what.

One node for all tests of this file: it takes Erlang a while to start.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import free_port
from tests.support.documents import adapt, block
from tests.support.pki import Authority
from tests.support.rabbitmq import RabbitBroker
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.real("rabbitmq-server"), pytest.mark.real("openssl")]

TOPICS = Topics()
CHANNEL = TOPICS.channel("shop", "stable")


class Site:
    """The broker, and settings for whoever a test wants to be."""

    def __init__(self, directory: Path) -> None:
        self._authority, self._port = Authority(directory / "pki"), free_port()
        server = self._authority.issue("server")
        places = {
            "/etc/rabbitmq/ca.crt": str(self._authority.ca),
            "/etc/rabbitmq/server.crt": str(server.cert),
            "/etc/rabbitmq/server.key": str(server.key),
            "ssl.default = 8883": f"ssl.default = 127.0.0.1:{self._port}",
        }
        config = adapt(block("brokers.md", "rabbitmq.conf"), places)
        self.broker = RabbitBroker(directory, config, self._port, "mqtts")

    def identified(self, who: str) -> BusSettings:
        leaf = self._authority.issue(who)
        return BusSettings(url=self.broker.url, ca=self._authority.ca, cert=leaf.cert, key=leaf.key)

    def writes(self, who: str, topic: str, payload: bytes) -> bool:
        """Whether a message of `who` ends up at a topic, as the watcher sees it."""
        with (
            contextlib.suppress(TidegateError),
            PublisherSession(self.identified(who), f"{who}-1") as session,
        ):
            session.publish(topic, payload, retain=True, timeout_s=5)
        return self.reads("watcher", topic) == payload

    def reads(self, who: str, topic: str) -> bytes | None:
        """What `who` is given of a topic."""
        with (
            contextlib.suppress(TidegateError),
            PublisherSession(self.identified(who), f"{who}-2") as session,
        ):
            return session.read_retained(topic, 3)
        return None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("rabbitmq"))
    with made.broker:
        made.broker.administer(block("brokers.md", "rabbitmq-users.sh"))
        yield made


def test_a_host_writes_its_own_status_and_nothing_else(site: Site) -> None:
    assert site.writes("edge-1", TOPICS.status("edge-1"), b"mine")
    for topic in (TOPICS.status("edge-2"), CHANNEL, TOPICS.requests("edge-1")):
        assert not site.writes("edge-1", topic, b"forged")


def test_a_publisher_writes_channels_and_hosts_read_them(site: Site) -> None:
    assert site.writes("publisher", CHANNEL, b"statement")
    assert site.reads("edge-1", CHANNEL) == b"statement"
    assert not site.writes("publisher", TOPICS.status("edge-3"), b"forged")


def test_operators_write_requests_which_only_their_host_reads(site: Site) -> None:
    for host in ("edge-1", "edge-2"):
        assert site.writes("operator", TOPICS.requests(host), host.encode())
    assert site.reads("edge-1", TOPICS.requests("edge-1")) == b"edge-1"
    assert site.reads("edge-1", TOPICS.requests("edge-2")) is None
    assert not site.writes("operator", TOPICS.status("edge-3"), b"forged")


def test_a_watcher_writes_nothing(site: Site) -> None:
    for topic in (TOPICS.requests("edge-3"), TOPICS.channel("shop", "beta"), TOPICS.status("edge-3")):
        assert not site.writes("watcher", topic, b"forged")


def test_without_a_certificate_nobody_comes_in(site: Site) -> None:
    stranger = site.identified("edge-1").model_copy(update={"cert": None, "key": None})
    with pytest.raises(TidegateError) as caught, PublisherSession(stranger):
        pass
    assert caught.value.code is Code.BUS_CERTIFICATE
