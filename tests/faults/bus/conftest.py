"""What the tests of the bus share."""

from __future__ import annotations

import pytest

from tidegate_publisher.devstack.sigstore import LocalSigstore


@pytest.fixture(scope="session")
def sigstore() -> LocalSigstore:
    """The Sigstore that hosts trust."""
    return LocalSigstore.create()
