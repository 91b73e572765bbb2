"""The set-ups of a broker that the whole chain has to run on, each with what its clients need to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tests.support.brokers import Broker, MosquittoBroker, NatsBroker, free_port
from tests.support.documents import adapt, block
from tests.support.pki import Authority
from tests.support.rabbitmq import RabbitBroker
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["mosquitto-5", "mosquitto-3.1.1", "mosquitto-mutual-tls", "nats", "rabbitmq"]

_BROKERS: dict[Kind, Callable[[Path], Broker]] = {"nats": NatsBroker, "rabbitmq": RabbitBroker}


@dataclass(frozen=True)
class Premises:
    """A broker that is not started yet.

    Attributes:
        broker: the process.
        identified: settings for a client of that name: a host's id, `publisher` or `watcher`.
        named: whether a client id has to be that name.
    """

    broker: Broker
    identified: Callable[[str], BusSettings]
    named: bool = False


def premises(kind: Kind, directory: Path) -> Premises:
    """A broker of that kind with its files in a directory."""
    if kind == "mosquitto-mutual-tls":
        return _mutual_tls(directory)
    broker = _BROKERS.get(kind, MosquittoBroker)(directory)
    protocol: Literal["5", "3.1.1"] = "5" if kind == "mosquitto-5" else "3.1.1"
    return Premises(broker, lambda _: BusSettings(url=broker.url, protocol=protocol))


def _mutual_tls(directory: Path) -> Premises:
    """Mosquitto as docs/brokers.md sets it up, but for paths and port."""
    authority, port = Authority(directory / "pki"), free_port()
    server = authority.issue("server")
    acl = directory / "tidegate.acl"
    acl.write_text(block("brokers.md", "tidegate.acl"))
    acl.chmod(0o600)
    places = {
        "/etc/mosquitto/ca.crt": str(authority.ca),
        "/etc/mosquitto/server.crt": str(server.cert),
        "/etc/mosquitto/server.key": str(server.key),
        "/etc/mosquitto/tidegate.acl": str(acl),
        "listener 8883": f"listener {port} 127.0.0.1",
        "persistence true\n": "",
    }
    broker = MosquittoBroker(directory, adapt(block("brokers.md", "mosquitto.conf"), places), port, "mqtts")

    def identified(who: str) -> BusSettings:
        leaf = authority.issue(who)
        return BusSettings(url=broker.url, ca=authority.ca, cert=leaf.cert, key=leaf.key)

    return Premises(broker, identified, named=True)
