"""Tells systemd how the service is doing (sd_notify(3)); silent where nobody listens."""

from __future__ import annotations

import os
import socket

from loguru import logger


def notify(message: str) -> None:
    """Send a notification such as `READY=1` or `STATUS=…` if systemd asked for them."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.connect(address)
            channel.sendall(message.encode())
    except OSError as error:
        # A service that works is worth more than its supervisor's knowing it.
        logger.warning("systemd was not told {}: {}", message, error)
