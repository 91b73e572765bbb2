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


def node_config(name: str, store: Path, ports: Ports, routes: Sequence[int], patience_s: int) -> str:
    """One node's configuration.

    Streams and consumers keep nats-server's own defaults, replicated on all three nodes: a collector's
    queue has to survive the loss of one.

    Args:
        name: the server's.
        store: where JetStream keeps its files.
        ports: where it listens.
        routes: the route ports of all nodes.
        patience_s: how long the node waits until a message is stored before it closes the connection that it
            came on. nats-server's own five seconds are too few for thousands of hosts on a busy machine: each
            comes back with a status and what is not acknowledged, and so more waits.
    """
    others = ", ".join(f'"nats-route://127.0.0.1:{route}"' for route in routes)
    return f"""\
server_name: {name}
listen: "127.0.0.1:{ports.client}"
http: "127.0.0.1:{ports.monitor}"
jetstream {{ store_dir: {json.dumps(str(store), ensure_ascii=False)} }}
mqtt {{ host: "127.0.0.1", port: {ports.mqtt}, js_api_timeout: "{patience_s}s" }}
cluster {{ name: fleet, listen: "127.0.0.1:{ports.route}", routes: [{others}] }}
"""
