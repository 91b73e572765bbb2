"""Three nats-servers that are one broker: JetStream in each, every stream on all of them.

with NatsCluster(tmp_path) as cluster:
    BusSettings(url=cluster.urls[0], alternatives=cluster.urls[1:])
    cluster.nodes[cluster.leader()].kill()
"""

from __future__ import annotations

import contextlib
import json
import urllib.request
from typing import TYPE_CHECKING, Any, Final, Self

from tests.support.brokers import NatsBroker, free_port
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

SIZE: Final = 3
_PATIENCE_S: Final = 90.0
_SESSIONS: Final = "$MQTT_sess"
_RETAINED: Final = "$MQTT_rmsgs"


class NatsCluster:
    """See the module's docstring. A context manager; it has a leader once it is entered.

    Attributes:
        nodes: may be killed, stopped and started.
        urls: of their MQTT ports, in the same order.
    """

    def __init__(self, directory: Path) -> None:
        routes = [free_port() for _ in range(SIZE)]
        self._monitors = [free_port() for _ in range(SIZE)]
        self.nodes = [self._node(directory, place, routes) for place in range(SIZE)]
        self.urls = [node.url for node in self.nodes]

    def running(self) -> list[int]:
        """The places of the nodes that answer."""
        return [place for place in range(SIZE) if self._ask(place, "healthz?js-server-only=true")]

    def leader(self) -> int | None:
        """The place of the node that leads all of JetStream, if they agree on one."""
        told = {self._ask(place, "jsz").get("meta_cluster", {}).get("leader") for place in self.running()}
        return _place(told.pop()) if len(told) == 1 else None

    def stream_leaders(self) -> dict[str, int | None]:
        """Which node leads each of MQTT's streams: it takes what is published there."""
        told: dict[str, int | None] = {}
        for place in self.running():
            for account in self._ask(place, "jsz?accounts=true&streams=true").get("account_details", ()):
                for stream in account.get("stream_detail", ()):
                    told[stream["name"]] = _place(stream.get("cluster", {}).get("leader"))
        return told

    def await_ready(self) -> None:
        """Return when the nodes that run have a leader, and each stream that there is, too."""

        def ready() -> bool:
            return self.leader() in self.running() and None not in self.stream_leaders().values()

        wait_until(ready, "the cluster has its leaders", _PATIENCE_S)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            for node in self.nodes:
                # It listens for MQTT only when JetStream has a quorum, so they are not waited for one by one.
                node.launch()
                stack.callback(node.stop)
            for node in self.nodes:
                node.await_listening(_PATIENCE_S)
            self.await_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _node(self, directory: Path, place: int, routes: list[int]) -> NatsBroker:
        port, own = free_port(), directory / f"node-{place}"
        own.mkdir()
        others = ", ".join(f'"nats-route://127.0.0.1:{route}"' for route in routes)
        config = f"""
            http: 127.0.0.1:{self._monitors[place]}
            mqtt {{ host: 127.0.0.1, port: {port} }}
            cluster {{ name: fleet, listen: 127.0.0.1:{routes[place]}, routes: [{others}] }}
        """
        return NatsBroker(own, config, port, name=f"node-{place}")

    def _ask(self, place: int, what: str) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self._monitors[place]}/{what}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                told: dict[str, Any] = json.load(answer)
                return told
        except OSError:
            return {}


def _place(name: str | None) -> int | None:
    return int(name.removeprefix("node-")) if name else None
