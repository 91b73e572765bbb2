"""Unit tests run with the network off."""

from __future__ import annotations

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def _network_off() -> None:
    """No socket but a Unix one can be made; pytest-socket undoes this after the test."""
    pytest_socket.disable_socket(allow_unix_socket=True)
