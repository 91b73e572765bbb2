"""Local Sigstores, shared by the tests of trust: they cost more than a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.statements import NOON
from tidegate_publisher.devstack.sigstore import LocalSigstore

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


@pytest.fixture(scope="session")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create(NOON)


@pytest.fixture(scope="session")
def other() -> LocalSigstore:
    return LocalSigstore.create(NOON)


@pytest.fixture(params=["v1", "v2"])
def rekor(request: pytest.FixtureRequest) -> RekorVersion:
    version: RekorVersion = request.param
    return version
