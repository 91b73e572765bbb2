"""What the nodes of the cluster are told. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of one node: NATS clients, MQTT, the other nodes, monitoring."""

    client: int
    mqtt: int
    route: int
    monitor: int


def node_config(name: str, store: Path, ports: Ports, routes: Sequence[int]) -> str:
    """One node's configuration.

    Streams and consumers keep nats-server's own defaults, replicated on all three nodes: a collector's
    queue has to survive the loss of one.

    Args:
        name: the server's.
        store: where JetStream keeps its files.
        ports: where it listens.
        routes: the route ports of all nodes.
    """
    others = ", ".join(f'"nats-route://127.0.0.1:{route}"' for route in routes)
    return f"""\
server_name: {name}
listen: "127.0.0.1:{ports.client}"
http: "127.0.0.1:{ports.monitor}"
jetstream {{ store_dir: {json.dumps(str(store), ensure_ascii=False)} }}
mqtt {{ host: "127.0.0.1", port: {ports.mqtt} }}
cluster {{ name: fleet, listen: "127.0.0.1:{ports.route}", routes: [{others}] }}
"""
