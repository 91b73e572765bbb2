"""The brokers that are measured, as docs/brokers.md would run them, but without TLS: that is another bill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, Self

from tests.bench import procfs
from tests.conftest import find_program
from tests.support.brokers import Broker, MosquittoBroker, free_port
from tests.support.rabbitmq import RabbitBroker
from tidegate_publisher.devstack.cluster.cluster import SIZE, Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_QUEUED: Final = 1_000_000
_IN_FLIGHT: Final = 1_000
_PATIENCE_S: Final = 120.0


class World(Protocol):
    """A broker, or a cluster that is one. A context manager.

    Attributes:
        urls: of its nodes.
        shares: whether it knows shared subscriptions, so that collectors can divide the work.
        qos: with which hosts subscribe to their channel.
    """

    @property
    def urls(self) -> Sequence[str]: ...
    @property
    def shares(self) -> bool: ...
    @property
    def qos(self) -> int: ...
    def pids(self) -> list[int]:
        """The processes of the nodes that run."""

    def restart(self) -> None:
        """Take the power from all nodes, and give it back."""

    def kill(self, place: int) -> None:
        """Take the power from one node."""

    def bring_back(self, place: int) -> None:
        """Give it back."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class Alone:
    """See World: one node."""

    qos = 1

    def __init__(self, broker: Broker, *, shares: bool) -> None:
        self._broker = broker
        self.urls = (broker.url,)
        self.shares = shares

    def pids(self) -> list[int]:
        """See World."""
        return procfs.family(self._broker.pid)

    def restart(self) -> None:
        """See World."""
        self.kill(0)
        self.bring_back(0)

    def kill(self, place: int) -> None:
        """See World."""
        del place
        self._broker.kill()

    def bring_back(self, place: int) -> None:
        """See World."""
        del place
        self._broker.launch()
        self._broker.await_listening(_PATIENCE_S)

    def __enter__(self) -> Self:
        self._broker.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._broker.__exit__()


class Several:
    """See World: three nats-servers, which speak MQTT 3.1.1."""

    # At QoS 1 each subscription is a consumer on three nodes: fifty in a second, 130 KiB each.
    qos, shares = 0, False

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @property
    def urls(self) -> Sequence[str]:
        """See World."""
        return self._cluster.urls

    def pids(self) -> list[int]:
        """See World."""
        return self._cluster.pids

    def restart(self) -> None:
        """See World."""
        for place in range(SIZE):
            self._cluster.kill(place)
        self._cluster.start(*range(SIZE))
        self._cluster.await_ready()

    def kill(self, place: int) -> None:
        """See World."""
        self._cluster.kill(place)

    def bring_back(self, place: int) -> None:
        """See World."""
        self._cluster.start(place)
        self._cluster.await_ready()

    def __enter__(self) -> Self:
        self._cluster.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.__exit__()


def mosquitto(folder: Path) -> World:
    """Mosquitto, which may keep what a collector has not taken yet."""
    port = free_port()
    # Its own defaults, a thousand messages, drop events as soon as a collector is slower than the fleet, and
    # let it store no more than twenty at a time.
    limits = f"max_queued_messages {_QUEUED}\nmax_inflight_messages {_IN_FLIGHT}\n"
    config = f"listener {port} 127.0.0.1\nallow_anonymous true\n{limits}"
    return Alone(MosquittoBroker(folder, config, port), shares=True)


def rabbitmq(folder: Path) -> World:
    """One RabbitMQ; it keeps retained messages on one node anyway."""
    return Alone(RabbitBroker(folder), shares=False)


def nats(folder: Path) -> World:
    """Three nats-servers on this one machine: whatever they do, they do three times on the same two cores."""
    program = find_program("nats-server")
    assert program is not None
    # Half a minute until a message is stored: thousands of hosts that come back at once need it.
    return Several(Cluster(folder, program, 30))


WORLDS: Final[dict[str, tuple[str, Callable[[Path], World]]]] = {
    "Mosquitto": ("mosquitto", mosquitto),
    "NATS, three nodes": ("nats-server", nats),
    "RabbitMQ": ("rabbitmq-server", rabbitmq),
}
"""By name: the program that has to be there, and how it is made."""

NODES: Final = {name: SIZE if name.startswith("NATS") else 1 for name in WORLDS}
"""How many nodes each has."""
