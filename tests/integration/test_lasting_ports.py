"""A port for a server that will be killed: not one that outgoing connections take meanwhile."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tidegate_publisher.devstack.cluster.ports import lasting_port


def outgoing() -> range:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    return range(first, last + 1)


@pytest.mark.skipif(outgoing().start < 11_000, reason="outgoing connections may take nearly every port")
def test_is_free_and_no_port_of_outgoing_connections() -> None:
    ports = [lasting_port() for _ in range(20)]
    assert not set(ports) & set(outgoing())
    assert len(set(ports)) > 10
    with socket.socket() as server:
        server.bind(("127.0.0.1", ports[0]))
        server.listen()
