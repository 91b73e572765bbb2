"""What the arithmetic of docs/scale.md begins with: what was measured, and what is assumed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Words:
    """What one update has a host say, and hear.

    Attributes:
        events: that a host tells in one update.
        event_bytes: of one of them, on the wire.
        statuses: that it tells meanwhile.
        status_bytes: of one of them.
        statement_bytes: of a statement.
    """

    events: int
    event_bytes: float
    statuses: int
    status_bytes: float
    statement_bytes: int


@dataclass(frozen=True, slots=True)
class Broker:
    """What was measured of a broker, over all its nodes.

    Attributes:
        name: its name.
        nodes: of how many nodes it is one.
        host_bytes: memory for a host that is connected.
        ping_s: processor time for a ping, in seconds.
        event_s: for an event from a host to one collector.
        delivery_s: for a statement to one host.
        connections_per_s: connections that it takes in a second.
    """

    name: str
    nodes: int
    host_bytes: float
    ping_s: float
    event_s: float
    delivery_s: float
    connections_per_s: float


@dataclass(frozen=True, slots=True)
class Store:
    """What was measured of collectors: events a second into PostgreSQL by one, and bytes for an event."""

    events_per_s: float
    event_bytes: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is assumed.

    Attributes:
        hosts: how many.
        keepalive_s: of each connection.
        statements: of a release, from the announcement to its end.
        statements_spread_s: over how long hosts spread the status that each of them makes them tell.
        largest_wave: the share of the hosts that are in it.
        wave_s: for how long that goes on.
        releases: in a month.
        reconnect_s: within how long all hosts shall be back after all connections were lost.
        headroom: the share of a node that may be used at the peak.
        node_cores: of a node.
        node_bytes: its memory.
    """

    hosts: int = 1_000_000
    keepalive_s: float = 60.0
    statements: int = 6
    statements_spread_s: float = 600.0
    largest_wave: float = 0.5
    wave_s: float = 4 * 3600.0
    releases: int = 4
    reconnect_s: float = 900.0
    headroom: float = 0.5
    node_cores: int = 2
    node_bytes: int = 8 * GIB
