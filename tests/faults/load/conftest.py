"""What the tests of load share."""

from __future__ import annotations

import pytest

from tidegate_publisher.devstack.sigstore import LocalSigstore


@pytest.fixture(scope="session")
def sigstore() -> LocalSigstore:
    """Whom all hosts trust."""
    return LocalSigstore.create()
