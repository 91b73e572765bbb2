"""Power cuts of the agent and absences of the broker: nothing is lost, nothing is done twice."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.support.images import TestImage, image, noise
from tests.support.proxy import CuttableProxy, Gate
from tests.support.registries import RealRegistry
from tests.support.site import Site, site
from tests.support.waiting import wait_until
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")

Held = tuple[Site, Gate]


def nothing_was_lost(here: Site) -> None:
    """What the broker was told is what the journal says, in its order."""
    journal = [event.id for event in here.host.history()]
    here.watcher.wait(lambda: len(here.watcher.events) == len(journal), "all events have come")
    assert [event.id for event in here.watcher.events] == journal


@contextlib.contextmanager
def held_download(folder: Path, sigstore: LocalSigstore, release: TestImage, after: int) -> Iterator[Held]:
    """A site that pulls a release through a gate that holds the download after so many bytes."""
    gate, conf = Gate(after), folder / "registries.conf"
    with RealRegistry(folder) as registry:
        registry.push("fleet/os", release, "v1")
        with CuttableProxy(int(registry.host.rpartition(":")[2]), gate) as proxy:
            place = f"localhost:{proxy.port}"
            conf.write_text(f'[[registry]]\nlocation = "{place}"\ninsecure = true\n')
            more = {"registries_conf": str(conf)}
            with site(folder, sigstore, reference=f"{place}/fleet/os", embedded=more) as here:
                here.channel.announce(release.digest)
                try:
                    assert gate.held.wait(30)
                    yield here, gate
                finally:
                    gate.open()


@pytest.mark.real("docker-registry")
def test_an_agent_that_is_killed_in_the_middle_of_a_download_goes_on_where_it_was(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    big = image({"usr/lib/big": noise(3_000_000)}, {"etc/version": b"1"})
    with held_download(tmp_path, sigstore, big, after=1_500_000) as (here, gate):
        blobs = here.host.store / "incoming" / "blobs"
        wait_until(lambda: sum(each.stat().st_size for each in blobs.iterdir()) > 1_000_000, "a part is here")
        here.host.kill()
        gate.open()
        here.host.start()
        done = here.watcher.wait_for(Step.SUCCEEDED, big.digest)
        assert here.version() == "1"
        assert here.host.switches == [big.digest]
        # What was on the disk was not fetched again.
        assert done.data.bytes_fetched is not None
        assert done.data.bytes_fetched < 2_000_100
        nothing_was_lost(here)


def held_by(brake: Path, command: str = "true") -> list[str]:
    """A program that does not come to its end while a file is there."""
    return ["/bin/sh", "-c", f"while [ -e {brake} ]; do sleep 0.02; done; {command}"]


def test_an_agent_that_is_killed_at_any_step_gets_there_and_switches_once(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    home = tmp_path / "host"
    brakes = {Step.WAITING: home / "hold", Step.ACTIVATING: home / "switch", Step.PROVING: home / "health"}
    hook = held_by(brakes[Step.ACTIVATING], f'echo "$TIDEGATE_DIGEST" >> {home / "switches"}')
    health = {"check": [{"name": "slow", "command": held_by(brakes[Step.PROVING])}]}
    with site(tmp_path, sigstore, embedded={"on_switch": hook}, tables={"health": health}) as here:
        for step, brake in brakes.items():
            before, digest = list(here.host.switches), here.images.release(step)
            brake.touch()
            here.channel.announce(digest)
            here.watcher.wait_for(step, digest)
            here.host.kill()
            brake.unlink()
            here.host.start()
            here.watcher.wait_for(Step.SUCCEEDED, digest)
            assert here.version() == step
            # A hook that was cut off is run again for the same image, and for no other.
            assert set(here.host.switches[len(before) :]) == {digest}
            assert here.watcher.steps(digest).count(Step.ACTIVATING) == 1
        nothing_was_lost(here)


def test_a_broker_that_is_not_there_yet_is_waited_for(tmp_path: Path, sigstore: LocalSigstore) -> None:
    with site(tmp_path, sigstore, started=False) as here:
        v1 = here.images.release("1")
        here.channel.announce(v1)
        here.broker.stop()
        here.host.start()
        wait_until(lambda: "bus.unreachable" in here.host.log.read_text(), "the agent has tried")
        here.broker.start()
        here.watcher.wait_for(Step.SUCCEEDED, v1)
        assert here.version() == "1"
        nothing_was_lost(here)


@pytest.mark.real("docker-registry")
def test_an_update_ends_without_the_broker_and_is_told_of_when_it_is_back(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    big = image({"usr/lib/big": noise(1_000_000)}, {"etc/version": b"1"})
    with held_download(tmp_path, sigstore, big, after=500_000) as (here, gate):
        here.watcher.wait_for(Step.STAGING, big.digest)
        here.broker.stop()
        gate.open()
        wait_until(lambda: here.host.switches == [big.digest], "the update is activated")
        assert Step.SUCCEEDED not in here.watcher.steps()
        here.broker.start()
        here.watcher.wait_for(Step.SUCCEEDED, big.digest)
        here.watcher.wait(lambda: here.watcher.status.connection > 1, "the host is born again")
        nothing_was_lost(here)
