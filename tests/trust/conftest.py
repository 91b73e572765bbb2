"""A host that runs an image, copied for each test; and no network."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import pytest_socket

from tests.trust.children import Trial, begun
from tests.trust.forge import Forge
from tests.trust.images import RUNNING, write_images
from tests.trust.releases import FIRST_SEQUENCE, INSTALLED, SIGNED, statement
from tests.trust.world import Host, Places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tests.trust.beliefs import Beliefs
    from tests.trust.checks import Start
    from tidegate_agent.ports import ImageEngine, Verifier

pytest.register_assert_rewrite("tests.trust.checks")


@pytest.fixture(autouse=True)
def _network_off() -> None:
    """No socket but a Unix one can be made; pytest-socket undoes this after the test."""
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture(scope="session")
def forge() -> Forge:
    return Forge()


@pytest.fixture(scope="session")
def installed(forge: Forge, tmp_path_factory: pytest.TempPathFactory) -> Places:
    """The disk of a host on which a genuine statement installed the first image."""
    places = Places(tmp_path_factory.mktemp("installed"))
    write_images(places.images)
    host = Host(places, forge.beliefs, INSTALLED)
    payload = statement(RUNNING.digest, sequence=FIRST_SEQUENCE, issued_at=INSTALLED)
    host.hear(forge.signing("v1", payload, at=INSTALLED).message())
    assert (host.running(), host.version()) == (RUNNING.digest, b"1")
    host.close()
    return places


@pytest.fixture
def places(installed: Places, tmp_path: Path) -> Places:
    """A copy of that disk, hard links and all."""
    folder = tmp_path / "host"
    subprocess.run(["cp", "-a", str(installed.folder), str(folder)], check=True, timeout=60)  # noqa: S607 - coreutils
    return Places(folder)


@pytest.fixture
def start(places: Places) -> Iterator[Start]:
    hosts = []

    def begin(
        beliefs: Beliefs,
        now: datetime = SIGNED,
        engine: ImageEngine | None = None,
        verifier: Verifier | None = None,
    ) -> Host:
        hosts.append(Host(places, beliefs, now, engine=engine, verifier=verifier))
        return hosts[-1]

    yield begin
    for host in hosts:
        host.close()


@pytest.fixture(scope="session", autouse=True)
def trials(
    request: pytest.FixtureRequest, forge: Forge, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Trial]]:
    """Of all cases whose child is to be tested in this run, begun with the first test of any kind."""
    calls = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    names = [call.params["judged"] for call in calls if "judged" in call.params]
    with begun(names, forge, tmp_path_factory.mktemp("roots")) as trials:
        yield trials
