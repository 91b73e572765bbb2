"""The brokers that are measured, as docs/brokers.md would run them, but without TLS: that is another bill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from tests.support.brokers import Broker, MosquittoBroker, free_port
from tests.support.nats_cluster import NatsCluster
from tests.support.rabbitmq import RabbitBroker

if TYPE_CHECKING:
    from pathlib import Path

_QUEUED: Final = 1_000_000
_IN_FLIGHT: Final = 1_000
_PATIENCE_S: Final = 120.0


@dataclass(frozen=True)
class World:
    """A broker, or a cluster that is one. A context manager.

    Attributes:
        urls: of its nodes.
        nodes: the processes; may be killed and started.
        shares: whether it knows shared subscriptions, so that collectors can divide the work.
    """

    urls: tuple[str, ...]
    nodes: tuple[Broker, ...]
    shares: bool
    _enter: Callable[[], object]
    _exit: Callable[[], object]
    _ready: Callable[[], object]

    def __enter__(self) -> Self:
        self._enter()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit()

    def restart(self) -> None:
        """Take the power from all nodes, and give it back."""
        for node in self.nodes:
            node.kill()
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.await_listening(_PATIENCE_S)
        self._ready()


def _alone(broker: Broker, *, shares: bool) -> World:
    return World((broker.url,), (broker,), shares, broker.__enter__, broker.__exit__, broker.await_listening)


def mosquitto(folder: Path) -> World:
    """Mosquitto, which may keep what a collector has not taken yet."""
    port = free_port()
    # Its own defaults, a thousand messages, drop events as soon as a collector is slower than the fleet, and
    # let it store no more than twenty at a time.
    limits = f"max_queued_messages {_QUEUED}\nmax_inflight_messages {_IN_FLIGHT}\n"
    config = f"listener {port} 127.0.0.1\nallow_anonymous true\n{limits}"
    return _alone(MosquittoBroker(folder, config, port), shares=True)


def rabbitmq(folder: Path) -> World:
    """One RabbitMQ; it keeps retained messages on one node anyway."""
    return _alone(RabbitBroker(folder), shares=False)


def nats(folder: Path) -> World:
    """Three nats-servers on this one machine: whatever they do, they do three times on the same two cores."""
    cluster = NatsCluster(folder)
    urls, nodes = tuple(cluster.urls), tuple(cluster.nodes)
    shares = False  # it speaks MQTT 3.1.1
    return World(urls, nodes, shares, cluster.__enter__, cluster.__exit__, cluster.await_ready)


WORLDS: Final[dict[str, tuple[str, Callable[[Path], World]]]] = {
    "Mosquitto": ("mosquitto", mosquitto),
    "NATS, three nodes": ("nats-server", nats),
    "RabbitMQ": ("rabbitmq-server", rabbitmq),
}
"""By name: the program that has to be there, and how it is made."""
