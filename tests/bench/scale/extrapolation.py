"""From what was measured to a million hosts: the arithmetic of docs/scale.md. Pure.

Everything here is multiplication; what goes in is in `given`. Bytes are those of MQTT packets: TCP, TLS
and IP come on top.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.bench.scale.given import Broker, Fleet, Store, Words

_MONTH_S: Final = 30 * 86_400
PACKET_OF_A_PING: Final = 2
"""PINGREQ and PINGRESP have two bytes each (OASIS MQTT 3.1.1, 3.12 and 3.13); so much in either direction."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Messages a second at the worst moment, and bytes; whatever the broker.

    Attributes:
        pings_per_s: requests; as many answers go back.
        events_per_s: while the largest wave goes on.
        statuses_per_s: of those that update then.
        echo_per_s: statuses that a statement brings about.
        update_bytes: that one host sends in one update.
        release_in_bytes: that hosts send in one release.
        release_out_bytes: that they get: the statements.
        month_in_bytes: to the broker in a month; `month_out_bytes` to the hosts.
        collected_bytes: to each collector of all in a month.
    """

    pings_per_s: float
    events_per_s: float
    statuses_per_s: float
    echo_per_s: float
    update_bytes: float
    release_in_bytes: float
    release_out_bytes: float
    month_in_bytes: float
    month_out_bytes: float
    collected_bytes: float

    @property
    def messages_per_s(self) -> float:
        """Messages that hosts publish at the worst moment: a statement in the midst of the largest wave."""
        return self.events_per_s + self.statuses_per_s + self.echo_per_s


def traffic(fleet: Fleet, words: Words) -> Traffic:
    """What so many hosts say and hear."""
    updating = fleet.hosts * fleet.largest_wave / fleet.wave_s
    update = words.events * words.event_bytes + words.statuses * words.status_bytes
    told = fleet.hosts * (update + fleet.statements * words.status_bytes)
    heard = fleet.hosts * float(fleet.statements * words.statement_bytes)
    pings = fleet.hosts / fleet.keepalive_s * PACKET_OF_A_PING * _MONTH_S
    return Traffic(
        pings_per_s=fleet.hosts / fleet.keepalive_s,
        events_per_s=updating * words.events,
        statuses_per_s=updating * words.statuses,
        echo_per_s=fleet.hosts / fleet.statements_spread_s,
        update_bytes=update,
        release_in_bytes=told,
        release_out_bytes=heard,
        month_in_bytes=fleet.releases * told + pings,
        month_out_bytes=fleet.releases * heard + pings,
        collected_bytes=fleet.releases * told,
    )


@dataclass(frozen=True, slots=True)
class Bill:
    """What a broker needs for it.

    Attributes:
        memory_bytes: for the connections.
        cores: that are busy at the worst moment.
        nodes_by_memory: nodes that memory asks for; `nodes_by_cores` processors do.
        nodes_by_storm: nodes that a storm asks for, at which all hosts come back in time.
        collectors: that keep up with the largest wave.
        rows_per_s: that the database takes at the worst moment.
        release_db_bytes: that a release leaves in it; `month_db_bytes` a month's.
    """

    memory_bytes: float
    cores: float
    nodes_by_memory: int
    nodes_by_cores: int
    nodes_by_storm: int
    collectors: int
    rows_per_s: float
    release_db_bytes: float
    month_db_bytes: float

    @property
    def nodes(self) -> int:
        """Nodes of the broker: as many as the hungriest of the three asks for."""
        return max(self.nodes_by_memory, self.nodes_by_cores, self.nodes_by_storm)


def bill(fleet: Fleet, words: Words, broker: Broker, store: Store) -> Bill:
    """What this broker and these collectors need for such a fleet.

    It is taken for granted that a broker of more nodes does more in proportion. Of a cluster whose nodes all
    keep all messages that is too kind: see docs/scale.md, "What is not known".
    """
    said = traffic(fleet, words)
    delivered = fleet.hosts / fleet.statements_spread_s
    cores = (
        said.pings_per_s * broker.ping_s
        + said.messages_per_s * broker.event_s
        + delivered * broker.delivery_s
    )
    memory = fleet.hosts * broker.host_bytes
    per_node = broker.connections_per_s / broker.nodes
    events = fleet.hosts * words.events
    return Bill(
        memory_bytes=memory,
        cores=cores,
        nodes_by_memory=_nodes(memory, fleet.node_bytes * fleet.headroom),
        nodes_by_cores=_nodes(cores, fleet.node_cores * fleet.headroom),
        nodes_by_storm=_nodes(fleet.hosts / fleet.reconnect_s, per_node * fleet.headroom),
        collectors=_nodes(said.messages_per_s, store.events_per_s * fleet.headroom),
        rows_per_s=said.events_per_s,
        release_db_bytes=events * store.event_bytes,
        month_db_bytes=fleet.releases * events * store.event_bytes,
    )


def _nodes(wanted: float, each: float) -> int:
    return max(1, math.ceil(wanted / each))
