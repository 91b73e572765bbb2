"""Two sites: one whose host takes up everything at once, one whose window stays closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.faults.real import telling
from tidegate_agent.adapters import control_unix
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.real.ground import Ground


@pytest.fixture(scope="session")
def sigstore() -> LocalSigstore:
    """Whom all hosts trust."""
    return LocalSigstore.create()


@pytest.fixture(scope="module")
def open_ground(tmp_path_factory: pytest.TempPathFactory, sigstore: LocalSigstore) -> Iterator[Ground]:
    """A host that runs a first release, and takes up the next at once."""
    with telling.ground(tmp_path_factory.mktemp("open"), sigstore) as ground:
        _first_release(ground, approve=False)
        yield ground


@pytest.fixture(scope="module")
def closed_ground(tmp_path_factory: pytest.TempPathFactory, sigstore: LocalSigstore) -> Iterator[Ground]:
    """A host that runs a first release, and may not activate another today."""
    now = datetime.now(UTC)
    blackout = [{"from": now - timedelta(hours=1), "until": now + timedelta(days=1)}]
    with telling.ground(tmp_path_factory.mktemp("closed"), sigstore, {"blackout": blackout}) as ground:
        _first_release(ground, approve=True)
        yield ground


def _first_release(ground: Ground, *, approve: bool) -> None:
    digest, host = ground.release(), ground.here.host
    ground.here.channel.announce(digest)
    host.start()
    if approve:
        ground.here.watcher.wait_for(Step.WAITING, digest)
        control_unix.ask(host.directory / "run", {"command": "approve", "now": True})
    ground.here.watcher.wait_for(Step.SUCCEEDED, digest)
    ground.await_told_all()
    host.stop()
