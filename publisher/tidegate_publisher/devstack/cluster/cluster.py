"""Three nats-servers that are one broker: started, waited for, killed one at a time, started again.

with Cluster(directory, "nats-server") as cluster:
    BusSettings(url=cluster.urls[0], alternatives=cluster.urls[1:])
    cluster.kill(cluster.busiest())
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from tidegate_publisher.devstack.cluster.configuration import Ports, node_config
from tidegate_publisher.devstack.cluster.monitor import Monitor
from tidegate_publisher.devstack.cluster.ports import lasting_port
from tidegate_publisher.devstack.demo.processes import Child, listens
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE: Final = 3
READY_S: Final = 120.0
"""How long the cluster may take to agree on its leaders, in seconds."""

_LOOK_S: Final = 0.2
_TRIES: Final = 5
_PORTS_EACH: Final = 4


class Cluster:
    """A context manager; leaving it ends every node.

    Args:
        directory: where everything is kept; it has to be there.
        program: nats-server.
        patience_s: see `node_config`.

    Attributes:
        urls: of the nodes' MQTT ports.
    """

    def __init__(self, directory: Path, program: str, patience_s: int = 5) -> None:
        self.urls: list[str] = []
        self._directory = directory
        self._program = program
        self._patience_s = patience_s
        self._ports: list[Ports] = []
        self._nodes: dict[int, Child] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._stop_all)
            for left in reversed(range(_TRIES)):
                try:
                    self._start_all()
                    break
                except TidegateError:
                    # Another program may have taken a free port before a node did.
                    self._stop_all()
                    if not left:
                        raise
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def kill(self, place: int) -> None:
        """End one node as a power cut would: no goodbye to anybody."""
        self._nodes.pop(place).kill()

    def start(self, *places: int) -> None:
        """Bring nodes back, with what they had on disk.

        Raises:
            TidegateError: BUS_UNREACHABLE, they do not come up.
        """
        for place in places:
            self._launch(place)
        for place in places:
            self._await(place)

    @property
    def pids(self) -> list[int]:
        """Of the nodes that run."""
        return [node.pid for node in self._nodes.values()]

    def leader(self) -> int | None:
        """The node that leads all of JetStream, if those that run agree on one."""
        told = {self._monitor(place).leader() for place in self._nodes}
        return _place(told.pop()) if len(told) == 1 else None

    def stream_leaders(self) -> dict[str, int | None]:
        """Which node leads each of MQTT's streams: it takes what is published there."""
        told: dict[str, int | None] = {}
        for place in self._nodes:
            for name, leader in self._monitor(place).stream_leaders().items():
                told[name] = _place(leader)
        return told

    def busiest(self) -> int:
        """The node that leads the streams of MQTT, as far as they agree: the worst one to lose."""
        leaders = [_place(self._monitor(place).leader()) for place in self._nodes]
        known = [leader for leader in leaders if leader in self._nodes]
        return max(set(known), key=known.count) if known else min(self._nodes)

    def await_ready(self) -> None:
        """Return when the nodes that run have a leader, and each stream that there is, too.

        Raises:
            TidegateError: BUS_UNREACHABLE, they do not agree.
        """
        self._until(self._led, "they have leaders")

    def _led(self) -> bool:
        return self.leader() in self._nodes and all(
            leader in self._nodes for leader in self.stream_leaders().values()
        )

    def _start_all(self) -> None:
        self._ports = [Ports(*(lasting_port() for _ in range(_PORTS_EACH))) for _ in range(SIZE)]
        for place in range(SIZE):
            self._launch(place)
        for place in range(SIZE):
            self._await(place)
        # A client that comes before there is a leader holds its node up for the whole of `patience_s`.
        self._until(lambda: self.leader() in self._nodes, "they have a leader")
        self.urls = [f"mqtt://127.0.0.1:{ports.mqtt}" for ports in self._ports]
        for url in self.urls:
            self._warm_up(url)

    def _launch(self, place: int) -> None:
        own, name = self._directory / f"node-{place}", f"node-{place}"
        own.mkdir(exist_ok=True)
        routes = [ports.route for ports in self._ports]
        config = own / "nats.conf"
        text = node_config(name, own / "store", self._ports[place], routes, self._patience_s)
        config.write_text(text, encoding="utf-8")
        command = [self._program, "-c", str(config)]
        log = self._directory / f"{name}.log"
        self._nodes[place] = Child(f"nats-server {name}", Code.BUS_UNREACHABLE, log, command)

    def _await(self, place: int) -> None:
        self._nodes[place].wait_until(partial(listens, self._ports[place].mqtt), READY_S)

    def _warm_up(self, url: str) -> None:
        """The first client of all has the streams of MQTT made, and is turned away meanwhile."""
        settings = BusSettings(url=url, protocol="3.1.1")

        def answers() -> bool:
            try:
                with PublisherSession(settings) as session:
                    session.read_retained(settings.topics.channel("cluster", "ready"), wait_s=0.1)
            except TidegateError:
                return False
            return True

        self._until(answers, f"{url} takes clients")

    def _until(self, reached: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_S
        while not reached():
            for node in self._nodes.values():
                node.require_alive()
            if time.monotonic() >= deadline:
                reason = f"within {READY_S:.0f} s it did not come to be that {what}; see {self._directory}"
                raise TidegateError(Code.BUS_UNREACHABLE, reason)
            time.sleep(_LOOK_S)

    def _monitor(self, place: int) -> Monitor:
        return Monitor(self._ports[place].monitor)

    def _stop_all(self) -> None:
        while self._nodes:
            _, node = self._nodes.popitem()
            node.stop()


def _place(name: str | None) -> int | None:
    return int(name.removeprefix("node-")) if name else None
