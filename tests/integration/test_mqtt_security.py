"""The broker set-ups of docs/brokers.md, on real brokers: who gets in, and who may write and read what."""

from __future__ import annotations

import contextlib
import random
import subprocess
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from tests.conftest import find_program
from tests.support.brokers import Broker, MosquittoBroker, NatsBroker, free_port
from tests.support.documents import adapt, block
from tests.support.listeners import RecordingListener
from tests.support.pki import Authority
from tidegate_agent.adapters.bus_paho import PahoBus
from tidegate_agent.model import Outgoing
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHANNEL = "tidegate/v1/channels/shop/stable"
PASSWORD = "correct horse"


def hosts(host: str, leaf: str) -> str:
    return f"tidegate/v1/hosts/{host}/{leaf}"


class Site:
    """A broker with TLS, set up as documented, and credentials for whoever the test wants to be."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority(directory / "pki")
        server = self.authority.issue("server")
        self.port = free_port()
        self.paths = {
            "/etc/mosquitto/server.crt": str(server.cert),
            "/etc/mosquitto/server.key": str(server.key),
        }

    def mosquitto(self, name: str, extra: dict[str, str]) -> Broker:
        acl = self.directory / "tidegate.acl"
        acl.write_text(block("brokers.md", "tidegate.acl"))
        acl.chmod(0o600)
        places = {"listener 8883": f"listener {self.port} 127.0.0.1", "/etc/mosquitto/tidegate.acl": str(acl)}
        config = adapt(block("brokers.md", name), self.paths | places | extra)
        return MosquittoBroker(
            self.directory, config.replace("persistence true\n", ""), self.port, scheme="mqtts"
        )

    def nats(self) -> Broker:
        """The documented block, whole: it brings its own name, listener and store."""
        config = adapt(
            block("brokers.md", "nats.conf").replace("/etc/nats/", "/etc/mosquitto/"),
            self.paths
            | {
                "/etc/mosquitto/ca.crt": str(self.authority.ca),
                "port: 8883": f"host: 127.0.0.1, port: {self.port}",
                "127.0.0.1:4222": f"127.0.0.1:{free_port()}",
                "/var/lib/nats": str(self.directory / "nats"),
            },
        )
        broker = NatsBroker(self.directory, "", self.port, scheme="mqtts")
        broker.config.write_text(config)
        return broker

    def identified(self, who: str) -> BusSettings:
        leaf = self.authority.issue(who)
        return BusSettings(
            url=f"mqtts://localhost:{self.port}", ca=self.authority.ca, cert=leaf.cert, key=leaf.key
        )

    def with_password(self, who: str, password: str) -> BusSettings:
        return BusSettings(
            url=f"mqtts://localhost:{self.port}",
            ca=self.authority.ca,
            username=who,
            password=SecretStr(password),
        )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def mosquitto(site: Site) -> Iterator[Broker]:
    """Mutual TLS, as documented."""
    with site.mosquitto("mosquitto.conf", {"/etc/mosquitto/ca.crt": str(site.authority.ca)}) as broker:
        yield broker


@pytest.fixture
def mosquitto_with_passwords(site: Site) -> Iterator[Broker]:
    """Passwords over TLS, as documented."""
    passwords = site.directory / "passwords"
    passwords.touch(0o600)
    tool = find_program("mosquitto_passwd")
    assert tool is not None
    for who in ("edge-1", "publisher"):
        subprocess.run([tool, "-b", str(passwords), who, PASSWORD], check=True)
    with site.mosquitto("mosquitto-passwords.conf", {"/etc/mosquitto/passwords": str(passwords)}) as broker:
        yield broker


@pytest.fixture(
    params=[
        pytest.param("mosquitto", marks=pytest.mark.real("mosquitto")),
        pytest.param("nats", marks=pytest.mark.real("nats-server")),
    ]
)
def mutual(request: pytest.FixtureRequest, site: Site) -> Iterator[Site]:
    """A broker that wants certificates: Mosquitto, then NATS."""
    if request.param == "nats":
        broker = site.nats()
    else:
        broker = site.mosquitto("mosquitto.conf", {"/etc/mosquitto/ca.crt": str(site.authority.ca)})
    with broker:
        yield site


def refusal(settings: BusSettings) -> TidegateError:
    with pytest.raises(TidegateError) as caught, PublisherSession(settings):
        pass
    return caught.value


def retained_after_writing(site: Site, who: str, topic: str, payload: bytes) -> bool:
    """Whether a message of `who` ends up at a topic, as the publisher sees it or `who` itself is told."""
    with PublisherSession(site.identified(who), who) as session, contextlib.suppress(TidegateError):
        session.publish(topic, payload, retain=True, timeout_s=2)
    with PublisherSession(site.identified("publisher")) as session:
        return session.read_retained(topic, 0.5) == payload


def test_a_host_writes_its_own_status(mutual: Site) -> None:
    assert retained_after_writing(mutual, "edge-1", hosts("edge-1", "status"), b"mine")


@pytest.mark.parametrize(
    "topic", [hosts("edge-2", "status"), CHANNEL, hosts("edge-1/x", "status"), "tidegate/v1/hosts/status"]
)
def test_a_host_writes_nothing_else(mutual: Site, topic: str) -> None:
    assert not retained_after_writing(mutual, "edge-1", topic, b"forged")


def test_a_publisher_writes_channels_and_reads_hosts(mutual: Site) -> None:
    assert retained_after_writing(mutual, "edge-1", hosts("edge-1", "status"), b"online")
    with PublisherSession(mutual.identified("publisher")) as session:
        session.publish(CHANNEL, b"statement", retain=True)
        session.confirm_retained(CHANNEL, b"statement")
        assert session.read_retained(hosts("edge-1", "status")) == b"online"


def test_a_publisher_cannot_speak_for_a_host(mutual: Site) -> None:
    assert not retained_after_writing(mutual, "publisher", hosts("edge-1", "status"), b"forged")


@pytest.mark.parametrize("who", ["edge-1", "publisher", "watcher"])
def test_only_operators_write_requests(mutual: Site, who: str) -> None:
    with contextlib.suppress(TidegateError):
        assert not retained_after_writing(mutual, who, hosts("edge-1", "requests"), b"hold")


def test_operators_write_requests_and_nothing_else(mutual: Site) -> None:
    assert retained_after_writing(mutual, "operator", hosts("edge-1", "requests"), b"hold")
    for topic in (CHANNEL, hosts("edge-1", "status"), hosts("edge-1", "events")):
        assert not retained_after_writing(mutual, "operator", topic, b"forged")


def test_a_host_reads_its_own_requests_and_no_others(mutual: Site) -> None:
    for host in ("edge-1", "edge-2"):
        assert retained_after_writing(mutual, "operator", hosts(host, "requests"), host.encode())
    with PublisherSession(mutual.identified("edge-1"), "edge-1") as session:
        assert session.read_retained(hosts("edge-1", "requests")) == b"edge-1"
        seen: bytes | None = None
        with contextlib.suppress(TidegateError):
            seen = session.read_retained(hosts("edge-2", "requests"), 0.5)
        assert seen is None


def test_a_host_reads_channels_but_not_other_hosts(mutual: Site) -> None:
    with PublisherSession(mutual.identified("publisher")) as session:
        session.publish(CHANNEL, b"statement", retain=True)
    assert retained_after_writing(mutual, "edge-1", hosts("edge-1", "status"), b"private")
    with PublisherSession(mutual.identified("edge-1"), "edge-1") as session:
        assert session.read_retained(CHANNEL) == b"statement"
        seen: bytes | None = None
        with contextlib.suppress(TidegateError):
            seen = session.read_retained(hosts("edge-1", "status"), 0.5)
        assert seen is None


def test_a_bus_lives_within_these_rules(mutual: Site) -> None:
    listener = RecordingListener()
    topics = [CHANNEL, hosts("edge-1", "requests")]
    bus = PahoBus(mutual.identified("edge-1"), "edge-1", topics, Backoff(random.random, 0.02, 0.1))
    bus.start(listener, lambda: Outgoing(0, hosts("edge-1", "status"), b"gone", retain=True))
    try:
        listener.wait(lambda seen: bool(seen.connections))
        with PublisherSession(mutual.identified("publisher"), "publisher") as session:
            session.publish(CHANNEL, b"statement", retain=True)
        with PublisherSession(mutual.identified("operator"), "operator") as session:
            session.publish(hosts("edge-1", "requests"), b"recheck")
        listener.wait(lambda seen: {body for _, body in seen.messages} == {b"statement", b"recheck"})
        assert bus.publish(Outgoing(1, hosts("edge-1", "events"), b"{}"))
        listener.wait(lambda seen: seen.tokens == [1])
    finally:
        bus.stop(None)
    assert listener.failures == []


@pytest.mark.real("mosquitto")
def test_a_publication_refused_by_mqtt_5_is_told(mosquitto: Broker, site: Site) -> None:
    assert mosquitto.port == site.port
    with PublisherSession(site.identified("edge-1")) as session, pytest.raises(TidegateError) as caught:
        session.publish(CHANNEL, b"forged", retain=True)
    assert caught.value.code is Code.BUS_REFUSED
    assert CHANNEL in caught.value.reason


@pytest.mark.real("mosquitto")
def test_a_publication_dropped_by_mqtt_311_is_found_out(mosquitto: Broker, site: Site) -> None:
    assert mosquitto.port == site.port
    settings = site.identified("edge-1").model_copy(update={"protocol": "3.1.1"})
    with PublisherSession(settings) as session:
        session.publish(CHANNEL, b"forged", retain=True)
        with pytest.raises(TidegateError) as caught:
            session.confirm_retained(CHANNEL, b"forged", timeout_s=0.1)
    assert caught.value.code is Code.BUS_REFUSED


@pytest.mark.real("nats-server")
def test_a_refused_subscription_names_its_topic(site: Site) -> None:
    listener = RecordingListener()
    foreign = hosts("edge-2", "requests")
    with site.nats():
        bus = PahoBus(site.identified("edge-1"), "edge-1", [foreign], Backoff(random.random, 0.02, 0.1))
        bus.start(listener, lambda: Outgoing(0, hosts("edge-1", "status"), b"gone", retain=True))
        try:
            listener.wait(lambda seen: bool(seen.failures))
        finally:
            bus.stop(None)
    assert listener.failures[0].code is Code.BUS_REFUSED
    assert foreign in listener.failures[0].reason
    assert listener.connections == []


@pytest.mark.real("mosquitto")
def test_a_foreign_broker_certificate_is_refused(mosquitto: Broker, site: Site, tmp_path: Path) -> None:
    assert mosquitto.port == site.port
    stranger = Authority(tmp_path / "stranger", "stranger")
    error = refusal(site.identified("edge-1").model_copy(update={"ca": stranger.ca}))
    assert error.code is Code.BUS_CERTIFICATE
    assert f"localhost:{site.port}" in error.reason


def test_a_foreign_client_certificate_is_refused(mutual: Site, tmp_path: Path) -> None:
    leaf = Authority(tmp_path / "stranger", "stranger").issue("edge-1")
    settings = mutual.identified("edge-1").model_copy(update={"cert": leaf.cert, "key": leaf.key})
    assert refusal(settings).code is Code.BUS_CERTIFICATE


def test_no_client_certificate_is_refused(mutual: Site) -> None:
    settings = BusSettings(url=f"mqtts://localhost:{mutual.port}", ca=mutual.authority.ca)
    assert refusal(settings).code is Code.BUS_CERTIFICATE


@pytest.mark.real("mosquitto")
def test_plain_text_to_a_tls_port_is_unreachable(mosquitto: Broker, site: Site) -> None:
    assert mosquitto.port == site.port
    assert refusal(BusSettings(url=f"mqtt://localhost:{site.port}")).code is Code.BUS_UNREACHABLE


@pytest.mark.real("mosquitto")
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_refused(mosquitto_with_passwords: Broker, site: Site, protocol: str) -> None:
    assert mosquitto_with_passwords.port == site.port
    right = site.with_password("edge-1", PASSWORD).model_copy(update={"protocol": protocol})
    wrong = site.with_password("edge-1", "guess").model_copy(update={"protocol": protocol})
    with PublisherSession(right) as session:
        session.publish(hosts("edge-1", "status"), b"online", retain=True)
    error = refusal(wrong)
    assert error.code is Code.BUS_REFUSED
    assert "guess" not in str(error)


@pytest.mark.real("nats-server")
def test_mqtt_over_websocket(tmp_path: Path) -> None:
    with NatsBroker(tmp_path) as broker, PublisherSession(BusSettings(url=broker.websocket_url)) as session:
        session.publish(CHANNEL, b"x" * 60_000, retain=True)
        session.confirm_retained(CHANNEL, b"x" * 60_000)


def test_nothing_there_is_unreachable() -> None:
    error = refusal(BusSettings(url=f"mqtt://127.0.0.1:{free_port()}"))
    assert error.code is Code.BUS_UNREACHABLE
