"""A health check by TCP: healthy when a connection is accepted. Nothing is sent."""

from __future__ import annotations

import socket

from tidegate_agent.adapters.health.answer import Answer, failed, span, within


def ask_tcp(address: str, timeout_s: float) -> Answer:
    """Whether somebody accepts a connection at "host:port", also where its name takes long to be found."""
    host, _, port = address.rpartition(":")

    def connect() -> Answer:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout_s):
                return Answer(passed=True)
        except TimeoutError:
            return failed(late)
        except OSError as error:
            return failed(f"{address}: {error.strerror or error}")

    late = f"{address}: no connection within {span(timeout_s)}"
    return within(timeout_s, late, connect)
